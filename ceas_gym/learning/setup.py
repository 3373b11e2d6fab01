"""Makes a `Learning` of the settings: encodes the data, reads the circuit, derives constants."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ceas_gym.jax_utils.fast_compile import array
from ceas_gym.learning import (
    checks,
    circuit,
    data,
    light_cone,
    model,
    partitions,
    pauli,
    pullback,
    quantum_data,
    reach,
)
from ceas_gym.learning import traps as trap_states
from ceas_gym.learning.pauli import Program
from ceas_gym.physics import register
from ceas_gym.registry import asked_by, resolve
from ceas_gym.scenario import LearningSettings
from ceas_gym.types import Learning, Split, TrapChances

FLOOR_DRAWS = 16
"""Number of random models over which the noise of a minibatch is averaged."""
ENCODING = ("dataset", "classes", "features", "data_seed", "qubits", "feature_map")
"""Settings on which the encoded samples depend; they are the key of the cache."""
ESTIMATORS: dict[str, Callable[[Program], Program]] = {
    "cone": light_cone.trimmed,
    "all": lambda program: program,
}
"""Which part of a circuit is computed and trained, by the setting `learning.estimator`."""
NO_MAP = "none"
"""The feature map of quantum data, which are states already."""
ZERO = 1e-9
"""Expectation values up to this are taken for rounding errors of zero."""


def words_of(drawn: Sequence[LearningSettings]) -> tuple[int, ...]:
    """Returns the Pauli words of the read-out that do not vanish in the samples of some layout.

    They are numbers in [0, 4**qubits), in ascending order.

    Args:
        drawn: Settings of each layout, which share the circuit.

    Raises:
        ValueError: As `build`.
    """
    reached = _reached(*_circuit(drawn[0]))
    held = {
        word
        for settings in drawn
        for values in [np.concatenate(_vectors(settings, reached))]
        for word in np.array(reached)[values.any(axis=0)].tolist()
    }
    return tuple(sorted(held))


def build(
    settings: LearningSettings,
    nodes: int,
    words: tuple[int, ...] | None = None,
    *,
    traps: bool = False,
) -> Learning:
    """Returns data, circuit and optimizer of a scenario as arrays and functions.

    Args:
        settings: Data, circuit, loss and optimizer.
        nodes: Number of nodes that share the training split; at least 1.
        words: Pauli words in [0, 4**qubits), where several splits of the data must have the same;
            by default those of `words_of`.
        traps: Whether nodes set traps.

    Raises:
        ValueError: If a name is unknown, or data and circuit do not fit each other.
    """
    with asked_by("learning.optimizer"):
        optimizer = resolve("optimizer", settings.optimizer, model.OPTIMIZERS)
    with asked_by("learning.scheme"):
        scheme = partitions.get(settings.scheme)
    program = _program(*_circuit(settings), words or words_of([settings]), settings.estimator)
    training, validation, test = _splits(settings, program)
    with asked_by("learning.dataset"):
        checks.check_size("the samples that nodes may draw", nodes, len(training.labels))
    with asked_by("learning.batch_size"):
        held = len(program.words or ())
        checks.check_size("the nodes' encoded batches", nodes, settings.batch_size, held)
    shards, sizes = data.shards(settings, np.asarray(training.labels), nodes)
    readout = _readout(len(settings.classes))
    second = settings.logit_scale**2 * _undecided_slope(readout) / (1 - settings.slope_share)
    return Learning(
        training=training,
        validation=validation,
        test=test,
        shards=array(shards, np.int32),
        shard_sizes=array(sizes, np.int32),
        type_of_pauli=array(_types(program.words or (), program.qubits), np.float32),
        readout=array(readout, np.float32),
        logit_scale=array(settings.logit_scale, np.float32),
        learning_rate=array(settings.learning_rate, np.float32),
        batch_floor=array(_batch_floor(settings, program), np.float32),
        slope_share=array(settings.slope_share, np.float32),
        noise_scale=array(program.angles**2 * program.observables * second, np.float32),
        trap_chances=_trap_chances(settings) if traps else None,
        batch_size=settings.batch_size,
        scheme=scheme,
        program=program,
        optimizer=optimizer,
    )


Circuit = tuple[str, tuple[int, int, int], int]
"""Name and shape of an ansatz, and the number of observables."""
Encoded = tuple[tuple[NDArray[np.complex128], NDArray[Any]], ...]
"""Amplitudes, shape (samples, 2**qubits), and labels; of the training, validation and test split.
"""


def _splits(settings: LearningSettings, program: Program) -> list[Split]:
    vectors = _vectors(settings, program.words or ())
    return [
        Split(array(values, np.float32), array(labels, np.int32))
        for values, (_, labels) in zip(vectors, _encoded(settings), strict=True)
    ]


def _circuit(settings: LearningSettings) -> Circuit:
    shape = (settings.layers, settings.qubits, settings.angles_per_qubit)
    return settings.ansatz, shape, _readout(len(settings.classes)).shape[1]


@lru_cache(maxsize=64)
def _whole_program(name: str, shape: tuple[int, int, int], observables: int) -> Program:
    with asked_by("learning.angles_per_qubit"):
        checks.check_angles_per_qubit(name, shape[-1])
    with asked_by("learning.ansatz"):
        program = circuit.read_program(name, shape, observables)
    with asked_by("learning.angles_per_qubit"):
        checks.check_weights(name, program, shape)
    return program


@lru_cache(maxsize=64)
def _reached(name: str, shape: tuple[int, int, int], observables: int) -> tuple[int, ...]:
    # The words of the data that may matter.
    program = _whole_program(name, shape, observables)
    with asked_by("learning.layers"):
        *_, words = reach.backwards(program)
    return tuple(words.tolist())


@lru_cache(maxsize=64)
def _program(
    name: str,
    shape: tuple[int, int, int],
    observables: int,
    words: tuple[int, ...],
    estimator: str,
) -> Program:
    program = replace(_whole_program(name, shape, observables), words=words)
    with asked_by("learning.ansatz"):
        return ESTIMATORS[estimator](program)


def _only(settings: LearningSettings, *names: str) -> LearningSettings:
    # The key of a cache: settings that do not matter have their defaults.
    return LearningSettings(**settings.model_dump(include=set(names)))


def _encoded(settings: LearningSettings) -> Encoded:
    return _cached_encoding(_only(settings, *ENCODING))


@lru_cache(maxsize=128)
def _cached_encoding(settings: LearningSettings) -> Encoded:
    if settings.feature_map == NO_MAP:
        with asked_by("learning.dataset"):
            return quantum_data.prepare(settings)
    with asked_by("learning.feature_map"):
        if settings.dataset in quantum_data.QUANTUM:
            raise ValueError(
                f"the samples of {settings.dataset!r} are quantum states, which are not encoded; "
                f"set it to {NO_MAP}"
            )
    parts = data.prepare(settings)
    with asked_by("learning.dataset"):
        checks.check_size("encoded samples", sum(len(p.labels) for p in parts), 2**settings.qubits)
    with asked_by("learning.feature_map"):
        states = [circuit.encode(settings.feature_map, p.features, settings.qubits) for p in parts]
    with asked_by("learning.features"):
        circuit.check_features(settings.feature_map, settings.features, settings.qubits)
    return tuple((each, part.labels) for each, part in zip(states, parts, strict=True))


def _vectors(settings: LearningSettings, words: tuple[int, ...]) -> tuple[NDArray[np.float64], ...]:
    # Expectation values of each split, shape (samples, words).
    return _cached_vectors(_only(settings, *ENCODING), words)


@lru_cache(maxsize=128)
def _cached_vectors(
    settings: LearningSettings, words: tuple[int, ...]
) -> tuple[NDArray[np.float64], ...]:
    splits = _cached_encoding(settings)
    with asked_by("learning.dataset"):
        checks.check_size("encoded samples", sum(len(y) for _, y in splits), len(words))
    vectors = [pauli.pauli_vectors(states, words) for states, _ in splits]
    # With real amplitudes, as RY and CZ make them, words with an odd number of Y vanish.
    held = np.abs(np.concatenate(vectors)).max(axis=0) > ZERO
    return tuple(np.where(held, each, 0) for each in vectors)


def _types(words: tuple[int, ...] | None, qubits: int) -> NDArray[np.bool_]:
    pauli_types = np.array(register.pauli_types(qubits))
    letters = pauli.letter_counts(qubits, words)
    return (pauli_types[:, None, :] == letters[None]).all(axis=-1)


def _trap_chances(settings: LearningSettings) -> TrapChances:
    # With all words of the samples, also those that no observable needs.
    states, labels = _encoded(settings)[0]
    with asked_by("consensus.committee.trap_share"):
        checks.check_size("all Pauli words of the samples", len(labels), 4**settings.qubits)
    types = _types(None, settings.qubits)
    return trap_states.chances(pauli.pauli_vectors(states), labels, types, settings.qubits)


def _readout(classes: int) -> NDArray[np.float64]:
    # Two classes share one observable with opposite signs; more have one each.
    return np.array([[1.0], [-1.0]]) if classes == 2 else np.eye(classes)


def _undecided_slope(readout: NDArray[np.float64]) -> float:
    # Squared derivative of the loss by the expectation values, at equal scores, mean over labels.
    classes = len(readout)
    wrong = np.full((classes, classes), 1 / classes) - np.eye(classes)
    return float(((wrong @ readout) ** 2).sum(axis=1).mean())


def _batch_floor(settings: LearningSettings, program: Program) -> float:
    # Shot noise K^2 Q m / S equals minibatch noise m |df|^2 / B at S = K^2 Q B / |df|^2. These are
    # the shots of the gradient; those that measure predictions come on top.
    squared = _mean_squared_slope(_only(settings, *ENCODING), program)
    shots = program.angles**2 * program.observables * settings.batch_size / squared
    return shots / (1 - settings.slope_share)


@lru_cache(maxsize=128)
def _mean_squared_slope(settings: LearningSettings, program: Program) -> float:
    # In NumPy, because a compilation would take longer than it saves.
    paulis = _vectors(settings, program.words or ())[0]
    models = np.random.default_rng(0).normal(size=(FLOOR_DRAWS, program.parameters))
    derivatives = np.stack([pullback.pull(program, each, np).derivatives for each in models])
    slopes = np.einsum("sp,mopk->msok", paulis, derivatives, optimize=True)
    return float((slopes**2).sum(axis=-1).mean())
