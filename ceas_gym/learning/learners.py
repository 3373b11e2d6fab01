"""Local gradients of all nodes in one pass, with the noise of what was delivered.

A node's shots have two uses. Some measure the predictions, on whose errors the slope of the loss
depends; the others measure how the predictions change with the angles.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_gym.jax_utils import randomness
from ceas_gym.types import Delivery, Learning, Pulled, Split

MOST_REPEATS = 32
"""Shots that measure one prediction, at most: then its standard error is at most 0.18."""


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
    Pauli word P is multiplied by c(P), the node's mean contraction for the numbers of X, Y and Z in
    P, and all nodes share the parameters, so every prediction is exact as
    f(x) = sum_P rho_P(x) c(P) O_P, and its derivatives alike (Heisenberg picture). The slope of
    the loss dl/df(x) is taken at predictions that were measured (`measure`). Shot noise of the
    doubly stochastic parameter-shift estimator is added: each of the S shots that are left draws a
    sample of the batch, an angle, the sign of the shift and an observable, so for K angles and Q
    observables, given the slopes, the covariance of the estimate over the angles is exactly

        (K Q mean_x |dl/df(x)|^2 * identity - g g^T) / S.

    Since the slopes are measured, the full covariance is the mean of this plus the covariance of g
    over the slopes; and g is biased, since the slope is not linear in the prediction. The estimate
    is not divided by any contraction. A node without shots gets zeros.

    Args:
        learning: Data, circuit and loss.
        pulled: Observables at the global parameters.
        delivery: Shots and contractions of each node, by type of Pauli word.
        poisoned: Whether a node trains on shifted labels.
        key: Random key: samples, measured predictions, shot noise.

    Source:
        Sweke et al., Quantum 4, 314 (2020), arXiv:1910.01155 (doubly stochastic estimator).
    """
    sample_key, slope_key, shot_key = jax.random.split(key, 3)
    samples = draw(learning, sample_key)
    labels = learning.training.labels[samples]
    classes = learning.readout.shape[0]
    labels = jnp.where(poisoned[:, None], (labels + 1) % classes, labels)

    contraction = (delivery.contraction @ learning.type_of_pauli)[:, None]
    paulis = learning.training.paulis[samples]
    # What is lost on the way is charged to the observables, of which there are fewer.
    expected = jnp.einsum("nbp,nop->nbo", paulis, contraction * pulled.observables)
    measured, left = measure(learning, expected, delivery.shots, slope_key)
    slope = _slope(learning, measured, labels)
    moment = jnp.einsum("nbo,nbp->nop", slope, paulis) * contraction / learning.batch_size
    exact = jnp.einsum("nop,opk->nk", moment, pulled.derivatives)

    second = exact.shape[1] * slope.shape[-1] * (slope**2).sum(axis=-1).mean(axis=1)
    noise = _shot_noise(exact, second, jax.random.normal(shot_key, exact.shape, exact.dtype))
    shots = left[:, None].astype(exact.dtype)
    estimate = exact + noise / jnp.sqrt(jnp.maximum(shots, 1))
    jacobian = jnp.asarray(learning.program.jacobian, exact.dtype)
    return jnp.where(shots > 0, estimate @ jacobian, 0)


def measure(
    learning: Learning,
    expected: Float[Array, "nodes batch observables"],
    shots: Int[Array, " nodes"],
    key: Key[Array, ""],
) -> tuple[Float[Array, "nodes batch observables"], Int[Array, " nodes"]]:
    """Returns the predictions as the nodes measure them, and the shots that they have left.

    A share `slope_share` of a node's shots is split equally among all pairs of sample and
    observable, `MOST_REPEATS` each at most. A prediction that gets none is taken for undecided, as
    zero. With a share of zero, the predictions are taken as known and cost nothing.

    Args:
        learning: The share.
        expected: Expectation values of the samples' observables, in [-1, 1].
        shots: Of each node.
        key: Random key.
    """
    predictions = expected.shape[1] * expected.shape[2]
    each = jnp.floor(learning.slope_share * shots / predictions)
    each = jnp.minimum(each, MOST_REPEATS).astype(jnp.int32)
    # Nodes go last, for the compiler makes vectors of the last dimension.
    likely = (1 + expected.reshape(-1, predictions).T) / 2
    up = randomness.binomial_few(key, jnp.broadcast_to(each, likely.shape), likely)
    seen = jnp.where(each > 0, 2 * up / jnp.maximum(each, 1) - 1, 0).astype(expected.dtype)
    measured = jnp.where(learning.slope_share > 0, seen.T.reshape(expected.shape), expected)
    return measured, shots - each * predictions


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
