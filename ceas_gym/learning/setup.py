"""Makes a `Learning` of the settings: encodes the data, reads the circuit, derives constants."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_gym.jax_utils.fast_compile import array
from ceas_gym.learning import checks, circuit, data, light_cone, model, partitions, pauli, pullback
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
ZERO = 1e-9
"""Expectation values up to this are taken for rounding errors of zero."""


def words_of(drawn: Sequence[LearningSettings]) -> tuple[int, ...]:
    """Returns the Pauli words that do not vanish in the samples of at least one layout.

    They are numbers in [0, 4**qubits), in ascending order.

    Args:
        drawn: Settings of each layout, which share the number of qubits.
    """
    return tuple(sorted({word for settings in drawn for word in _encoded(settings).words}))


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
        words: Pauli words of the data, in [0, 4**qubits), where several splits of the data must
            have the same; by default those that do not vanish in the samples of these settings.
        traps: Whether nodes set traps.

    Raises:
        ValueError: If a name is unknown, or data and circuit do not fit each other.
    """
    with asked_by("learning.optimizer"):
        optimizer = resolve("optimizer", settings.optimizer, model.OPTIMIZERS)
    with asked_by("learning.scheme"):
        scheme = partitions.get(settings.scheme)
    encoded = _encoded(settings)
    program = _program(settings, encoded.words if words is None else words)
    training, validation, test = (_held(program, encoded, split) for split in encoded.splits)
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
        trap_chances=_trap_chances(encoded, settings.qubits) if traps else None,
        batch_size=settings.batch_size,
        scheme=scheme,
        program=program,
        optimizer=optimizer,
    )


class _Encoded(NamedTuple):
    splits: tuple[tuple[NDArray[np.float64], NDArray[Any]], ...]
    """Expectation values, shape (samples, words), and labels: training, validation and test."""
    words: tuple[int, ...]


def _held(
    program: Program, encoded: _Encoded, split: tuple[NDArray[np.float64], NDArray[Any]]
) -> Split:
    # Expectation values of the program's words, some of which may vanish in these samples.
    (paulis, labels), words = split, np.array(program.words or (), int)
    values = np.zeros((len(labels), len(words)))
    values[:, np.isin(words, encoded.words)] = paulis[:, np.isin(encoded.words, words)]
    return Split(array(values, np.float32), array(labels, np.int32))


def _program(settings: LearningSettings, words: tuple[int, ...]) -> Program:
    shape = (settings.layers, settings.qubits, settings.angles_per_qubit)
    readout = _readout(len(settings.classes)).shape[1]
    return _cached_program(settings.ansatz, shape, readout, words, settings.estimator)


@lru_cache(maxsize=64)
def _cached_program(
    name: str,
    shape: tuple[int, int, int],
    observables: int,
    words: tuple[int, ...],
    estimator: str,
) -> Program:
    with asked_by("learning.angles_per_qubit"):
        checks.check_angles_per_qubit(name, shape[-1])
    with asked_by("learning.ansatz"):
        program = circuit.read_program(name, shape, observables)
    with asked_by("learning.angles_per_qubit"):
        checks.check_weights(name, program, shape)
    with asked_by("learning.ansatz"):
        return ESTIMATORS[estimator](replace(program, words=words))


def _encoded(settings: LearningSettings) -> _Encoded:
    return _cached_encoding(_only(settings, *ENCODING))


def _only(settings: LearningSettings, *names: str) -> LearningSettings:
    # The key of a cache: settings that do not matter have their defaults.
    return LearningSettings(**settings.model_dump(include=set(names)))


@lru_cache(maxsize=128)
def _cached_encoding(settings: LearningSettings) -> _Encoded:
    parts = data.prepare(settings)
    with asked_by("learning.dataset"):
        checks.check_size("encoded samples", sum(len(p.labels) for p in parts), 4**settings.qubits)
    with asked_by("learning.feature_map"):
        states = [circuit.encode(settings.feature_map, p.features, settings.qubits) for p in parts]
    with asked_by("learning.features"):
        circuit.check_features(settings.feature_map, settings.features, settings.qubits)
    vectors = [pauli.pauli_vectors(amplitudes) for amplitudes in states]
    # With real amplitudes, as RY and CZ make them, words with an odd number of Y vanish.
    words = np.flatnonzero(np.abs(np.concatenate(vectors)).max(axis=0) > ZERO)
    splits = [(vector[:, words], part.labels) for vector, part in zip(vectors, parts, strict=True)]
    return _Encoded(tuple(splits), tuple(words.tolist()))


def _types(words: tuple[int, ...], qubits: int) -> NDArray[np.bool_]:
    pauli_types = np.array(register.pauli_types(qubits))
    letters = pauli.letter_counts(qubits)[list(words)]
    return (pauli_types[:, None, :] == letters[None]).all(axis=-1)


def _trap_chances(encoded: _Encoded, qubits: int) -> TrapChances:
    # With all words of the samples, also those that no observable needs.
    paulis, labels = encoded.splits[0]
    return trap_states.chances(paulis, labels, _types(encoded.words, qubits), qubits)


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
    encoded = _encoded(settings)
    paulis = np.asarray(_held(program, encoded, encoded.splits[0]).paulis)
    models = np.random.default_rng(0).normal(size=(FLOOR_DRAWS, program.parameters))
    derivatives = np.stack([pullback.pull(program, each, np).derivatives for each in models])
    slopes = np.einsum("sp,mopk->msok", paulis, derivatives, optimize=True)
    return float((slopes**2).sum(axis=-1).mean())
