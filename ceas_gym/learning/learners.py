"""Local gradients of all teams in one pass, with the shot noise and the contraction of their pairs.

A team is a single node in the data partition. It uses its shots for two things. Some measure the
predictions, because the slope of the loss depends on their errors. The others measure how the
predictions change with the angles.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_gym.jax_utils import randomness
from ceas_gym.types import Delivery, Learning, Pulled, Split

MOST_REPEATS = 32
"""Most shots that measure one prediction; its standard error is then at most 0.18."""


def draw(learning: Learning, key: Key[Array, ""]) -> Int[Array, "teams batch"]:
    """Returns the training samples that each team draws this round, with replacement.

    Args:
        learning: Shards of the teams and size of a batch.
        key: Random key.

    Returns:
        Indices in [0, samples of the training split).
    """
    shape = (learning.shard_sizes.shape[0], learning.batch_size)
    place = jax.random.randint(key, shape, 0, learning.shard_sizes[:, None])
    return jnp.take_along_axis(learning.shards, place, axis=1)


def gradients(
    learning: Learning,
    pulled: Pulled,
    delivery: Delivery,
    poisoned: Bool[Array, " teams"],
    key: Key[Array, ""],
) -> Float[Array, "teams parameters"]:
    """Returns every node's estimate of the gradient of the cross-entropy, in nats per radian.

    The data qubits arrive through Pauli channels, whose contractions of X, Y and Z may differ. A
    Pauli word P is multiplied by c(P), the node's mean contraction for the numbers of X, Y and Z in
    P. All nodes share the parameters, so every prediction is exactly
    f(x) = sum_P rho_P(x) c(P) O_P, and its derivatives have the same form (Heisenberg picture).

    The slope of the loss dl/df(x) is taken at predictions that were measured (`measure`). Then the
    shot noise of the doubly stochastic parameter-shift estimator is added. Each of the S remaining
    shots draws a sample of the batch, an angle, the sign of the shift and an observable. With K
    angles, Q observables and given slopes, the covariance of the estimate over the angles is

        (K Q mean_x |dl/df(x)|^2 * identity - g g^T) / S.

    Because the slopes are measured, the full covariance is the mean of this plus the covariance of
    g over the slopes. The estimate is biased, because the slope is not linear in the prediction,
    and because it is not divided by any contraction.

    Args:
        learning: Data, circuit and loss.
        pulled: Observables at the global parameters.
        delivery: Shots of each node, and contractions, at most 1, by type of Pauli word.
        poisoned: Whether a node trains on shifted labels.
        key: Random key of samples, measured predictions and shot noise.

    Returns:
        The gradients; zeros for a node without shots.

    Source:
        Sweke et al., Quantum 4, 314 (2020), arXiv:1910.01155 (doubly stochastic estimator). The
        covariance is our own derivation.
    """
    keys = Keys(*jax.random.split(key, 3))
    paulis, labels = batch(learning, poisoned, keys.samples)
    contraction = (delivery.contraction @ learning.type_of_pauli)[:, None]
    # The contraction multiplies the observables, of which there are fewer than samples.
    expected = jnp.einsum("nbp,nop->nbo", paulis, contraction * pulled.observables)
    measured, left = measure(learning, expected, delivery.shots, keys.slope)
    slope = slopes(learning, measured, labels)
    moment = jnp.einsum("nbo,nbp->nop", slope, paulis) * contraction / learning.batch_size
    exact = jnp.einsum("nop,opk->nk", moment, pulled.derivatives)
    return estimate(learning, exact, slope, left, keys.shots)


class Keys(NamedTuple):
    """Random keys of the gradients of a round."""

    samples: Key[Array, ""]
    slope: Key[Array, ""]
    shots: Key[Array, ""]


def batch(
    learning: Learning, poisoned: Bool[Array, " teams"], key: Key[Array, ""]
) -> tuple[Float[Array, "teams batch paulis"], Int[Array, "teams batch"]]:
    """Returns the encoded samples that each team draws, and their labels.

    Args:
        learning: Training split and shards.
        poisoned: Teams that take the class after the right one for each label.
        key: Random key.
    """
    samples = draw(learning, key)
    labels = learning.training.labels[samples]
    classes = learning.readout.shape[0]
    labels = jnp.where(poisoned[:, None], (labels + 1) % classes, labels)
    return learning.training.paulis[samples], labels


def estimate(
    learning: Learning,
    exact: Float[Array, "teams angles"],
    slope: Float[Array, "teams batch observables"],
    shots: Int[Array, " teams"],
    key: Key[Array, ""],
) -> Float[Array, "teams parameters"]:
    """Returns gradients by the weights as shots measure them; zeros for a team without shots.

    Args:
        learning: Circuit, whose angles depend on the weights.
        exact: Gradients by the angles, without shot noise.
        slope: Derivative of each sample's loss by its expectation values.
        shots: Shots that measure the gradient; at least 0.
        key: Random key.
    """
    second = exact.shape[1] * slope.shape[-1] * (slope**2).sum(axis=-1).mean(axis=1)
    noise = shot_noise(exact, second, jax.random.normal(key, exact.shape, exact.dtype))
    number = shots[:, None].astype(exact.dtype)
    estimated = exact + noise / jnp.sqrt(jnp.maximum(number, 1))
    return jnp.where(number > 0, by_weights(learning, estimated), 0)


def by_weights(learning: Learning, by_angle: Float[Array, "teams angles"]) -> Array:
    """Returns gradients by the weights, shape (teams, parameters), from those by the angles."""
    return by_angle @ jnp.asarray(learning.program.jacobian, by_angle.dtype)


def measure(
    learning: Learning,
    expected: Float[Array, "teams batch observables"],
    shots: Int[Array, " teams"],
    key: Key[Array, ""],
) -> tuple[Float[Array, "teams batch observables"], Int[Array, " teams"]]:
    """Returns the predictions as the nodes measure them, and the shots that they have left.

    A share `slope_share` of a node's shots is split equally among all combinations of sample and
    observable, at most `MOST_REPEATS` each. A prediction without shots is set to 0 (undecided).
    With a share of zero, the predictions are taken as known and use no shots.

    Args:
        learning: Its `slope_share`, in [0, 0.9], is used.
        expected: Expectation values of the samples' observables, in [-1, 1].
        shots: Shots of each node; at least 0.
        key: Random key.

    Returns:
        Measured expectation values in [-1, 1], and the remaining shots.
    """
    predictions = expected.shape[1] * expected.shape[2]
    each = jnp.floor(learning.slope_share * shots / predictions)
    each = jnp.minimum(each, MOST_REPEATS).astype(jnp.int32)
    # Nodes are the last axis, because the compiler vectorizes the last axis.
    likely = (1 + expected.reshape(-1, predictions).T) / 2
    up = randomness.binomial_few(key, jnp.broadcast_to(each, likely.shape), likely)
    # A quotient of two integers of 32 bits would have 32 bits itself.
    up = up.astype(expected.dtype)
    seen = jnp.where(each > 0, 2 * up / jnp.maximum(each, 1) - 1, 0)
    measured = jnp.where(learning.slope_share > 0, seen.T.reshape(expected.shape), expected)
    return measured, shots - each * predictions


def logits(
    learning: Learning, paulis: Float[Array, "... paulis"], observables: Array
) -> Float[Array, "... classes"]:
    """Returns the class scores (logits) of encoded samples, without noise.

    Args:
        learning: Scale and readout of the logits.
        paulis: Pauli vectors of the samples, in [-1, 1].
        observables: From `pullback.observables`, shape (observables, paulis).
    """
    return learning.logit_scale * (paulis @ observables.T) @ learning.readout.T


def cross_entropy(scores: Float[Array, "samples classes"], labels: Array) -> Float[Array, ""]:
    """Returns the mean cross-entropy in nats, at least 0.

    Args:
        scores: Logits.
        labels: Right classes, in [0, classes), shape (samples,).

    Source:
        Bishop, Pattern Recognition and Machine Learning, section 4.3.4.
    """
    chosen = jnp.take_along_axis(jax.nn.log_softmax(scores), labels[:, None], axis=1)
    return -chosen.mean()


def accuracy(scores: Float[Array, "samples classes"], labels: Array) -> Float[Array, ""]:
    """Returns the share of samples whose greatest score is that of the right class, in [0, 1].

    Args:
        scores: Logits.
        labels: Right classes, in [0, classes), shape (samples,).
    """
    return (scores.argmax(axis=1) == labels).mean(dtype=scores.dtype)


def full_gradient(learning: Learning, pulled: Pulled, split: Split) -> Float[Array, " parameters"]:
    """Returns the exact gradient of the cross-entropy on a whole split, in nats per radian.

    Args:
        learning: Circuit and loss.
        pulled: Observables and their derivatives at the parameters (`pullback.pull`).
        split: Encoded samples and their labels.
    """
    slope = slopes(learning, split.paulis @ pulled.observables.T, split.labels)
    moment = slope.T @ split.paulis / len(split.labels)
    by_angle = jnp.einsum("op,opk->k", moment, pulled.derivatives)
    return by_angle @ jnp.asarray(learning.program.jacobian, by_angle.dtype)


def slopes(
    learning: Learning, expectations: Float[Array, "... observables"], labels: Int[Array, "..."]
) -> Float[Array, "... observables"]:
    """Returns the derivative of each sample's cross-entropy by its expectation values.

    Args:
        learning: Scale and readout of the logits.
        expectations: Expectation values of the observables, in [-1, 1].
        labels: Right classes, in [0, classes).
    """
    scores = learning.logit_scale * expectations @ learning.readout.T
    wrong = jax.nn.softmax(scores) - jax.nn.one_hot(labels, scores.shape[-1], dtype=scores.dtype)
    return learning.logit_scale * wrong @ learning.readout


def shot_noise(
    gradient: Float[Array, "teams angles"],
    second: Float[Array, " teams"],
    normal: Float[Array, "teams angles"],
) -> Float[Array, "teams angles"]:
    """Returns the noise of one shot, with covariance second * identity - g g^T.

    Args:
        gradient: The gradient g by the angles.
        second: Greatest variance by an angle; at least the squared norm of g.
        normal: Independent normal numbers.
    """
    # Less noise along g.
    deviation = jnp.sqrt(second)[:, None]
    squared = (gradient**2).sum(axis=1, keepdims=True)
    along = (gradient * normal).sum(axis=1, keepdims=True) / jnp.maximum(squared, 1e-30)
    shrink = 1 - jnp.sqrt(jnp.clip(1 - squared / jnp.maximum(second[:, None], 1e-30), 0, 1))
    return deviation * (normal - shrink * along * gradient)
