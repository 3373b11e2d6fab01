"""Local gradients of all nodes in one pass, with the noise of what was delivered."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_gym.types import Delivery, Learning, Pulled, Split


def draw(learning: Learning, key: Key[Array, ""]) -> Int[Array, "nodes batch"]:
    """Returns the training samples that each node draws this round, with replacement."""
    shape = (learning.shard_sizes.shape[0], learning.batch_size)
    place = jax.random.randint(key, shape, 0, learning.shard_sizes[:, None])
    return jnp.take_along_axis(learning.shards, place, axis=1)


def gradients(
    learning: Learning,
    pulled: Pulled,
    delivery: Delivery,
    poisoned: Bool[Array, " nodes"],
    key: Key[Array, ""],
) -> Float[Array, "nodes parameters"]:
    """Returns every node's estimate of the gradient of the cross-entropy.

    The data qubits arrive through Pauli channels, whose contractions of X, Y and Z may differ. A
    Pauli word P is left with the node's mean contraction c_k of its kind k, how many X, Y and Z
    there are in it, and all nodes share the parameters, so every prediction is exact as
    f(x) = sum_P rho_P(x) c_k(P) O_P, and its derivatives alike (Heisenberg picture). Shot noise of
    the doubly stochastic parameter-shift estimator is added: each shot draws a sample of the batch,
    an angle, the sign of the shift and an observable, so for S shots on K angles and Q observables
    the covariance of the estimate over the angles is exactly

        (K Q mean_x |dl/df(x)|^2 * identity - g g^T) / S.

    The loss's slope dl/df(x) is taken as known; the estimate is not divided by any contraction.
    A node without shots gets zeros.

    Args:
        learning: Data, circuit and loss.
        pulled: Observables at the global parameters.
        delivery: Shots and contractions of each node, by kind (`physics.register.kinds`).
        poisoned: Whether a node trains on shifted labels.
        key: Random key: samples, then shot noise.

    Source:
        Sweke et al., Quantum 4, 314 (2020), arXiv:1910.01155 (doubly stochastic estimator).
    """
    sample_key, shot_key = jax.random.split(key)
    samples = draw(learning, sample_key)
    labels = learning.training.labels[samples]
    classes = learning.readout.shape[0]
    labels = jnp.where(poisoned[:, None], (labels + 1) % classes, labels)

    contraction = (delivery.contraction @ learning.kind_of_pauli)[:, None]
    paulis = learning.training.paulis[samples]
    # What is lost on the way is charged to the observables, of which there are fewer.
    expected = jnp.einsum("nbp,nop->nbo", paulis, contraction * pulled.observables)
    slope = _slope(learning, expected, labels)
    moment = jnp.einsum("nbo,nbp->nop", slope, paulis) * contraction / learning.batch_size
    exact = jnp.einsum("nop,opk->nk", moment, pulled.derivatives)

    second = exact.shape[1] * slope.shape[-1] * (slope**2).sum(axis=-1).mean(axis=1)
    noise = _shot_noise(exact, second, jax.random.normal(shot_key, exact.shape, exact.dtype))
    shots = delivery.shots[:, None].astype(exact.dtype)
    estimate = exact + noise / jnp.sqrt(jnp.maximum(shots, 1))
    jacobian = jnp.asarray(learning.program.jacobian, exact.dtype)
    return jnp.where(shots > 0, estimate @ jacobian, 0)


def logits(
    learning: Learning, paulis: Float[Array, "... paulis"], observables: Array
) -> Float[Array, "... classes"]:
    """Returns the class scores of encoded samples, without noise."""
    return learning.logit_scale * (paulis @ observables.T) @ learning.readout.T


def cross_entropy(scores: Float[Array, "samples classes"], labels: Array) -> Float[Array, ""]:
    """Returns the mean cross-entropy in nats."""
    chosen = jnp.take_along_axis(jax.nn.log_softmax(scores), labels[:, None], axis=1)
    return -chosen.mean()


def accuracy(scores: Float[Array, "samples classes"], labels: Array) -> Float[Array, ""]:
    """Returns the share of samples whose greatest score is the right one."""
    return (scores.argmax(axis=1) == labels).mean(dtype=scores.dtype)


def full_gradient(learning: Learning, pulled: Pulled, split: Split) -> Float[Array, " parameters"]:
    """Returns the exact, noiseless gradient of the cross-entropy on a whole split."""
    slope = _slope(learning, split.paulis @ pulled.observables.T, split.labels)
    moment = slope.T @ split.paulis / len(split.labels)
    by_angle = jnp.einsum("op,opk->k", moment, pulled.derivatives)
    return by_angle @ jnp.asarray(learning.program.jacobian, by_angle.dtype)


def _slope(learning: Learning, expectations: Array, labels: Array) -> Array:
    # Derivative of one sample's cross-entropy by its expectation values: (..., observables).
    scores = learning.logit_scale * expectations @ learning.readout.T
    wrong = jax.nn.softmax(scores) - jax.nn.one_hot(labels, scores.shape[-1], dtype=scores.dtype)
    return learning.logit_scale * wrong @ learning.readout


def _shot_noise(
    gradient: Float[Array, "nodes angles"],
    second: Float[Array, " nodes"],
    normal: Float[Array, "nodes angles"],
) -> Float[Array, "nodes angles"]:
    # Noise of one shot with covariance second * 1 - g g^T: along g the deviation is smaller.
    deviation = jnp.sqrt(second)[:, None]
    squared = (gradient**2).sum(axis=1, keepdims=True)
    along = (gradient * normal).sum(axis=1, keepdims=True) / jnp.maximum(squared, 1e-30)
    shrink = 1 - jnp.sqrt(jnp.clip(1 - squared / jnp.maximum(second[:, None], 1e-30), 0, 1))
    return deviation * (normal - shrink * along * gradient)
