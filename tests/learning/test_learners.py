"""Local gradients: their mean against density matrices, their noise against simulated shots."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from itertools import permutations, product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pennylane as qml
import pytest
from helpers.compiled import compiled
from numpy.typing import NDArray
from scipy import stats

from ceas_gym.learning import circuit, learners, partitions, pauli, pullback
from ceas_gym.physics import register
from ceas_gym.types import Delivery, Learning, Pulled, Shot, Split

Simulate = Callable[..., Callable[[Any, NDArray[np.float64]], Any]]
Floats = NDArray[np.float64]

QUBITS = CLASSES = 3
SCALE = 1.7
RANDOM = np.random.default_rng(11)
FEATURES = RANDOM.normal(size=(6, 4))
LABELS = np.array([0, 1, 2, 2, 1, 0])
WEIGHTS = RANDOM.normal(size=(1, 3, 2))
# Five angles from six weights: shared, scaled and shifted ones.
MIX = np.array(
    [
        [1.0, 0, 0, 0, 0, 0],
        [0, 2.0, -1.0, 0, 0, 0],
        [0, 0, 0, 1.0, 0, 0],
        [0.5, 0, 0, 0, 1.0, 0],
        [0, 0, 0, 0, 0, 1.0],
    ]
)
OFFSET = np.array([0.0, 0.2, 0.0, -0.4, 0.0])
# The pairs of a shot, assigned to the qubits at random; the last node has none. Two nodes have
# Werner pairs of a contraction, one has pairs with errors I, X, Y and Z, as from dephasing
# memories.
Pair = float | tuple[float, float, float, float]
ERRORS: list[Pair] = [(0.8, 0.02, 0.03, 0.15), (0.6, 0.1, 0.05, 0.25), (0.7, 0.2, 0.1, 0.0)]
PAIRS: tuple[Sequence[Pair], ...] = ([0.9, 0.9, 0.9], [0.95, 0.7, 0.4], ERRORS)
SHARDS = np.array([[4, 1], [0, 3], [1, 3], [2, 5]])
NODES = len(SHARDS)
BATCH = 2


def by_angles(angles: Any, wires: Sequence[int]) -> None:
    qml.RX(angles[0], wires=wires[0])
    qml.RY(angles[1], wires=wires[1])
    qml.CNOT(wires=[wires[0], wires[1]])
    qml.RY(angles[2], wires=wires[2])
    qml.CZ(wires=[wires[1], wires[2]])
    qml.RX(angles[3], wires=wires[1])
    qml.CNOT(wires=[wires[2], wires[0]])
    qml.RY(angles[4], wires=wires[0])


def tied(weights: Any, wires: Sequence[int]) -> None:
    by_angles(MIX @ weights.reshape(-1) + OFFSET, wires)


@functools.cache
def learning_of(dtype: str) -> Learning:
    """Returns the learning half made by hand, with a program of its own for each precision."""
    program = circuit.read_program(f"{__name__}:tied", WEIGHTS.shape, observables=CLASSES)
    states = circuit.encode("angle", FEATURES, QUBITS)
    split = Split(jnp.asarray(pauli.pauli_vectors(states), dtype), jnp.asarray(LABELS))
    pauli_types = np.array(register.pauli_types(QUBITS))
    of_word = (pauli_types[:, None] == pauli.letter_counts(QUBITS)).all(axis=-1)
    return Learning(
        training=split,
        validation=split,
        test=split,
        shards=jnp.asarray(SHARDS, jnp.int32),
        shard_sizes=jnp.full(len(SHARDS), SHARDS.shape[1], jnp.int32),
        type_of_pauli=jnp.asarray(of_word, dtype),
        readout=jnp.eye(CLASSES, dtype=dtype),
        logit_scale=jnp.asarray(SCALE, dtype),
        learning_rate=jnp.asarray(0.1, dtype),
        batch_floor=jnp.asarray(100.0, dtype),
        slope_share=jnp.asarray(0.0, dtype),
        noise_scale=jnp.asarray(1.0, dtype),
        gate_contraction=jnp.asarray(1.0, dtype),
        batch_size=BATCH,
        scheme=partitions.get("data"),
        shot=Shot(qubits=QUBITS, data=(QUBITS,)),
        remote=None,
        slice_of_angle=(),
        program=program,
        optimizer=optax.sgd,
    )


@functools.cache
def pulled_of(dtype: str) -> Pulled:
    program = learning_of(dtype).program
    return jax.jit(functools.partial(pullback.pull, program))(jnp.asarray(WEIGHTS.ravel(), dtype))


def letters_of(pair: Pair) -> list[float]:
    """What a pair leaves of X, Y and Z: an error changes the sign of the two other letters."""
    signs = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    return (np.array(pair) @ signs).tolist() if isinstance(pair, tuple) else [pair] * 3


def mean_contractions(dtype: str) -> jax.Array:
    """The register's, by type of Pauli word; nothing but the identity for the last node."""
    pairs = [[letters_of(pair) for pair in pairs] for pairs in PAIRS]
    values = jnp.array([*pairs, pairs[0]], dtype)
    counts = jnp.ones((NODES, QUBITS), jnp.int32).at[-1].set(0)
    return register.mean_products(counts, values, QUBITS)


def delivery(shots: Sequence[int], dtype: str) -> Delivery:
    contraction = mean_contractions(dtype)
    signal = contraction[:, -1]
    return Delivery(
        shots=jnp.array(shots, jnp.int32),
        contraction=contraction,
        signal=signal,
        authenticated=jnp.ones(NODES, bool),
    )


@functools.cache
def run_of(dtype: str) -> Callable[..., jax.Array]:
    learning, pulled = learning_of(dtype), pulled_of(dtype)
    return jax.jit(
        lambda arrived, poisoned, key: learners.gradients(learning, pulled, arrived, poisoned, key)
    )


HONEST = jnp.zeros(NODES, bool)


# --- The oracle: values and shifted values of every observable by default.mixed ---


class Law(NamedTuple):
    """What there is to know of a node's estimator, by sample of the split."""

    expected: Floats
    """Expectation values, shape (samples, observables)."""
    shifted: Floats
    """At shifted angles, shape (samples, angles, signs, observables)."""
    slope: Floats
    """Of the loss by expectation value, shape (samples, observables)."""
    gradient: Floats
    """By angle, shape (samples, angles)."""


@pytest.fixture(scope="module")
def laws(simulate: Simulate) -> list[Law]:
    return [_law(simulate, pairs) for pairs in PAIRS]


def _law(simulate: Simulate, pairs: Sequence[Pair]) -> Law:
    # The same assignment twice counts twice, but is simulated once.
    assignments = sorted(set(permutations(pairs)))
    runs = [
        simulate(circuit.angle, by_angles, d, [qml.Z(q) for q in range(3)]) for d in assignments
    ]

    def values(angles: Floats, sample: int) -> Floats:
        return np.mean([run(angles, FEATURES[sample]) for run in runs], axis=0)

    angles = MIX @ WEIGHTS.ravel() + OFFSET
    turns = np.pi / 2 * np.eye(len(angles))
    samples = range(len(FEATURES))
    shifted = np.array(
        [[[values(angles + s * t, x) for s in (1, -1)] for t in turns] for x in samples]
    )
    expected = np.array([values(angles, sample) for sample in samples])
    slope = slope_of(expected, LABELS)
    halves = (shifted[:, :, 0] - shifted[:, :, 1]) / 2
    return Law(expected, shifted, slope, np.einsum("xq,xkq->xk", slope, halves))


def slope_of(expected: Floats, labels: NDArray[np.int64]) -> Floats:
    """Of the cross-entropy by expectation value, shape (..., observables)."""
    likely = np.exp(SCALE * expected) / np.exp(SCALE * expected).sum(axis=-1, keepdims=True)
    return SCALE * (likely - np.eye(CLASSES)[labels])


# --- Mean ---


def means_of(shots: int, dtype: str) -> tuple[Floats, Floats]:
    """Returns gradients freed from noise, which falls with the root of shots, and the samples."""
    key, run = jax.random.key(3), run_of(dtype)
    few = np.asarray(run(delivery([shots] * NODES, dtype), HONEST, key))
    many = np.asarray(run(delivery([4 * shots] * NODES, dtype), HONEST, key))
    return 2 * many - few, np.asarray(
        learners.draw(learning_of(dtype), jax.random.split(key, 3)[0])
    )


def check_means(laws: list[Law], shots: int, dtype: str, tolerance: float) -> None:
    found, drawn = means_of(shots, dtype)
    for node, law in enumerate(laws):
        expected = law.gradient[drawn[node]].mean(axis=0) @ MIX
        assert np.abs(expected).max() > 0.05
        assert np.abs(found[node] - expected).max() < tolerance


@pytest.mark.usefixtures("exact")
def test_mean_equals_density_matrices(laws: list[Law]) -> None:
    check_means(laws, 1000, "float64", 1e-10)


def test_mean_equals_density_matrices_in_single_precision(laws: list[Law]) -> None:
    check_means(laws, 2**28, "float32", 1e-6)


@pytest.mark.usefixtures("exact")
def test_no_signal_means_no_gradient_but_noise() -> None:
    # The contraction of the last node leaves nothing but the identity.
    assert np.abs(means_of(1000, "float64")[0][-1]).max() < 1e-12
    noisy = run_of("float64")(delivery([1] * NODES, "float64"), HONEST, jax.random.key(0))
    assert float(jnp.abs(noisy[-1]).min()) > 0


def test_node_without_shots_gets_zeros() -> None:
    estimate = run_of("float32")(delivery([0, 7, 1, 0], "float32"), HONEST, jax.random.key(0))
    assert estimate[0].tolist() == estimate[-1].tolist() == [0.0] * 6
    assert (estimate[1] != 0).all()


# --- Noise ---

DRAWS = 40_000
SHOTS = (1, 3, 2)


def one_shot(law: Law, batch: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Mean and covariance of one shot's estimate by angle, over everything that it draws."""
    count, _, observables = law.shifted.shape[1:]
    mean, second = np.zeros(count), np.zeros((count, count))
    for sample, angle, sign, observable in product(batch, range(count), (0, 1), range(observables)):
        size = count * observables * law.slope[sample, observable]
        likely = 1 / (len(batch) * count * 2 * observables)
        mean[angle] += likely * size * (1 - 2 * sign) * law.shifted[sample, angle, sign, observable]
        second[angle, angle] += likely * size**2
    return mean, second - np.outer(mean, mean)


def estimator_law(law: Law, shard: list[int], shots: int) -> tuple[Floats, Floats]:
    """Mean and covariance by weight, over batches and shots."""
    batches = list(product(shard, repeat=BATCH))
    means, covariances = zip(*[one_shot(law, batch) for batch in batches], strict=True)
    between = np.cov(np.array(means).T, bias=True)
    covariance = np.mean(covariances, axis=0) / shots + between
    return np.mean(means, axis=0) @ MIX, MIX.T @ covariance @ MIX


def simulated(law: Law, shard: list[int], shots: int, seed: int) -> Floats:
    """Estimates by weight from outcomes of +1 and -1 that are really drawn."""
    random = np.random.default_rng(seed)
    count, _, observables = law.shifted.shape[1:]
    shape = (DRAWS, shots)
    batch = random.choice(shard, (DRAWS, BATCH))
    sample = np.take_along_axis(batch, random.integers(BATCH, size=shape), axis=1)
    angle, sign = random.integers(count, size=shape), random.integers(2, size=shape)
    observable = random.integers(observables, size=shape)
    plus = (1 + law.shifted[sample, angle, sign, observable]) / 2
    outcome = np.where(random.random(shape) < plus, 1, -1)
    size = count * observables * law.slope[sample, observable] * (1 - 2 * sign) * outcome
    return np.einsum("ds,dsk->dk", size, np.eye(count)[angle]) / shots @ MIX


@pytest.fixture(scope="module")
def estimates() -> Floats:
    """Estimates of the library, shape (draws, nodes, weights)."""
    keys = jax.random.split(jax.random.key(17), DRAWS)
    run = jax.jit(jax.vmap(run_of("float32"), in_axes=(None, None, 0)))
    return np.asarray(run(delivery([*SHOTS, 0], "float32"), HONEST, keys), dtype=np.float64)


def moments(drawn: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Returns mean and covariance with the standard error of each."""
    centred = drawn - drawn.mean(axis=0)
    products = centred[:, :, None] * centred[:, None, :]
    root = np.sqrt(len(drawn))
    spread = centred.std(axis=0) / root
    return drawn.mean(axis=0), spread, products.mean(axis=0), products.std(axis=0) / root


@pytest.mark.parametrize("node", [0, 1, 2])
def test_noise_has_the_law_of_the_estimator(laws: list[Law], estimates: Floats, node: int) -> None:
    mean, covariance = estimator_law(laws[node], SHARDS[node].tolist(), SHOTS[node])
    found, mean_error, spread, spread_error = moments(estimates[:, node])
    assert (np.abs(found - mean) <= 4 * mean_error).all()
    assert (np.abs(spread - covariance) <= 4 * spread_error).all()
    # The errors are small enough to tell this covariance from its diagonal.
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() > 12 * spread_error.max()


@pytest.mark.parametrize("node", [0, 1, 2])
def test_noise_equals_that_of_simulated_shots(
    laws: list[Law], estimates: Floats, node: int
) -> None:
    drawn = simulated(laws[node], SHARDS[node].tolist(), SHOTS[node], seed=node)
    ours, theirs = moments(estimates[:, node]), moments(drawn)
    assert (np.abs(ours[0] - theirs[0]) <= 4 * np.hypot(ours[1], theirs[1])).all()
    assert (np.abs(ours[2] - theirs[2]) <= 4 * np.hypot(ours[3], theirs[3])).all()


@pytest.mark.parametrize("node", [0, 1, 2])
def test_stated_covariance_is_exact(laws: list[Law], node: int) -> None:
    law, batch = laws[node], tuple(SHARDS[node].tolist())
    mean, covariance = one_shot(law, batch)
    assert mean == pytest.approx(law.gradient[list(batch)].mean(axis=0), abs=1e-12)
    squares = (law.slope[list(batch)] ** 2).sum(axis=1).mean()
    stated = len(mean) * CLASSES * squares * np.eye(len(mean)) - np.outer(mean, mean)
    assert np.abs(covariance - stated).max() < 1e-12


def test_node_without_shots_has_no_noise(estimates: Floats) -> None:
    assert (estimates[:, -1] == 0).all()


# --- Slopes at measured predictions ---

SHARE = 0.5
BOTH_USES = (13, 26, 5)
"""Shots of the nodes: one for each prediction, two for each, and none; half of them at most."""


@pytest.fixture(scope="module")
def measured() -> Floats:
    """Estimates of the library where half of the shots measure predictions."""
    learning = dataclasses.replace(learning_of("float32"), slope_share=jnp.float32(SHARE))
    pulled, arrived = pulled_of("float32"), delivery([*BOTH_USES, 0], "float32")
    keys = jax.random.split(jax.random.key(23), DRAWS)
    run = jax.jit(jax.vmap(lambda key: learners.gradients(learning, pulled, arrived, HONEST, key)))
    return np.asarray(run(keys), dtype=np.float64)


def slopes_law(law: Law, sample: int, repeats: int) -> tuple[Floats, Floats]:
    """First and second moment of one sample's slope, over all outcomes of its predictions."""
    plus = (1 + law.expected[sample]) / 2
    mean, second = np.zeros(CLASSES), np.zeros((CLASSES, CLASSES))
    for ups in product(range(repeats + 1), repeat=CLASSES):
        likely = np.prod(stats.binom.pmf(ups, repeats, plus))
        seen = 2 * np.array(ups) / repeats - 1 if repeats else np.zeros(CLASSES)
        slope = slope_of(seen, LABELS[sample])
        mean += likely * slope
        second += likely * np.outer(slope, slope)
    return mean, second


def measured_law(law: Law, shard: list[int], shots: int) -> tuple[Floats, Floats]:
    """Mean and covariance by weight, over batches, predictions and shots."""
    repeats = int(SHARE * shots) // (BATCH * CLASSES)
    left = shots - repeats * BATCH * CLASSES
    of_sample = {sample: slopes_law(law, sample, repeats) for sample in shard}
    changes = (law.shifted[:, :, 0] - law.shifted[:, :, 1]) / 2
    means, covariances = [], []
    for batch in product(shard, repeat=BATCH):
        mean = np.mean([changes[x] @ of_sample[x][0] for x in batch], axis=0)
        of_slopes = sum(
            changes[x] @ (of_sample[x][1] - np.outer(*[of_sample[x][0]] * 2)) @ changes[x].T
            for x in batch
        )
        of_slopes = of_slopes / BATCH**2
        square = np.mean([np.trace(of_sample[x][1]) for x in batch])
        product_of_means = np.outer(mean, mean) + of_slopes
        of_shots = len(mean) * CLASSES * square * np.eye(len(mean)) - product_of_means
        means.append(mean)
        covariances.append(of_shots / left + of_slopes)
    between = np.cov(np.array(means).T, bias=True)
    covariance = np.mean(covariances, axis=0) + between
    return np.mean(means, axis=0) @ MIX, MIX.T @ covariance @ MIX


def measured_shots(law: Law, shard: list[int], shots: int, seed: int) -> Floats:
    """Estimates by weight, all outcomes really drawn: of predictions, then of shifted angles."""
    random = np.random.default_rng(seed)
    count, _, observables = law.shifted.shape[1:]
    repeats = int(SHARE * shots) // (BATCH * observables)
    shape = (DRAWS, shots - repeats * BATCH * observables)
    batch = random.choice(shard, (DRAWS, BATCH))
    plus = (1 + law.expected[batch]) / 2
    outcomes = np.where(random.random((repeats, *plus.shape)) < plus, 1, -1)
    seen = outcomes.mean(axis=0) if repeats else np.zeros(plus.shape)
    slopes = slope_of(seen, LABELS[batch])
    place = random.integers(BATCH, size=shape)
    sample, rows = np.take_along_axis(batch, place, axis=1), np.arange(DRAWS)[:, None]
    angle, sign = random.integers(count, size=shape), random.integers(2, size=shape)
    observable = random.integers(observables, size=shape)
    likely = (1 + law.shifted[sample, angle, sign, observable]) / 2
    outcome = np.where(random.random(shape) < likely, 1, -1)
    size = count * observables * slopes[rows, place, observable] * (1 - 2 * sign) * outcome
    return np.einsum("ds,dsk->dk", size, np.eye(count)[angle]) / shape[1] @ MIX


@pytest.mark.parametrize("node", [0, 1, 2])
def test_measured_slopes_have_the_law_of_the_estimator(
    laws: list[Law], measured: Floats, node: int
) -> None:
    mean, covariance = measured_law(laws[node], SHARDS[node].tolist(), BOTH_USES[node])
    found, mean_error, spread, spread_error = moments(measured[:, node])
    assert (np.abs(found - mean) <= 4 * mean_error).all()
    assert (np.abs(spread - covariance) <= 4 * spread_error).all()


@pytest.mark.parametrize("node", [0, 2])
def test_bias_of_measured_slopes_is_told_from_luck(
    laws: list[Law], measured: Floats, node: int
) -> None:
    known = estimator_law(laws[node], SHARDS[node].tolist(), BOTH_USES[node])[0]
    found, mean_error, *_ = moments(measured[:, node])
    assert (np.abs(found - known) / mean_error).max() > 6


@pytest.mark.parametrize("node", [0, 1, 2])
def test_measured_slopes_equal_those_of_simulated_shots(
    laws: list[Law], measured: Floats, node: int
) -> None:
    drawn = measured_shots(laws[node], SHARDS[node].tolist(), BOTH_USES[node], seed=node)
    ours, theirs = moments(measured[:, node]), moments(drawn)
    assert (np.abs(ours[0] - theirs[0]) <= 4 * np.hypot(ours[1], theirs[1])).all()
    assert (np.abs(ours[2] - theirs[2]) <= 4 * np.hypot(ours[3], theirs[3])).all()


def test_no_prediction_takes_more_than_its_share() -> None:
    learning = dataclasses.replace(learning_of("float32"), slope_share=jnp.float32(SHARE))
    shots = jnp.array([0, 11, 12, 10**6], jnp.int32)
    certain = jnp.ones((NODES, BATCH, CLASSES))
    seen, left = compiled(learners.measure)(learning, certain, shots, jax.random.key(0))
    most = learners.MOST_REPEATS * BATCH * CLASSES
    assert left.tolist() == [0, 11, 6, 10**6 - most]
    assert seen[:, 0, 0].tolist() == [0, 0, 1, 1]
