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
    data,
    encoding,
    light_cone,
    model,
    partitions,
    pauli,
    pullback,
    reach,
    slices,
)
from ceas_gym.learning import circuit as circuits
from ceas_gym.learning import traps as trap_states
from ceas_gym.learning.partitions.share import Share
from ceas_gym.learning.pauli import Program
from ceas_gym.physics import register
from ceas_gym.registry import asked_by, resolve
from ceas_gym.scenario import LearningSettings
from ceas_gym.types import Learning, Partition, Split, TrapChances

FLOOR_DRAWS = 16
"""Number of random models over which the noise of a minibatch is averaged."""
ESTIMATORS: dict[str, Callable[[Program], Program]] = {
    "cone": light_cone.trimmed,
    "all": lambda program: program,
}
"""Which part of a circuit is computed and trained, by the setting `learning.estimator`."""


def words_of(drawn: Sequence[LearningSettings], qpus: int = 1) -> tuple[int, ...]:
    """Returns the Pauli words of the readout that do not vanish in the samples of some layout.

    They are numbers in [0, 4**qubits), in ascending order.

    Args:
        drawn: Settings of each layout, which share the circuit.
        qpus: QPUs of a team; at least 1.

    Raises:
        ValueError: As `build`.
    """
    reached = _reached(*_circuit(drawn[0], qpus))
    held = {
        word
        for settings in drawn
        for values in [np.concatenate(encoding.vectors(settings, reached))]
        for word in np.array(reached)[values.any(axis=0)].tolist()
    }
    return tuple(sorted(held))


def build(
    settings: LearningSettings,
    teams: int,
    words: tuple[int, ...] | None = None,
    *,
    qpus: int = 1,
    gate_contraction: float = 1.0,
    traps: bool = False,
) -> Learning:
    """Returns data, circuit and optimizer of a scenario as arrays and functions.

    Args:
        settings: Data, circuit, loss and optimizer.
        teams: Number of teams that share the training split; at least 1.
        words: Pauli words in [0, 4**qubits), where several splits of the data must have the same;
            by default those of `words_of`.
        qpus: QPUs of a team, which share a circuit; at least 1.
        gate_contraction: Contraction of two qubits by a local gate, where gates are teleported.
        traps: Whether nodes set traps.

    Raises:
        ValueError: If a name is unknown, or data and circuit do not fit each other.
    """
    with asked_by("learning.optimizer"):
        optimizer = resolve("optimizer", settings.optimizer, model.OPTIMIZERS)
    scheme = _scheme(settings)
    share = _share(
        settings, scheme, _circuit(settings, qpus), words or words_of([settings], qpus), qpus
    )
    program, slices = share.program, qpus if scheme.sliced else 1
    training, validation, test = _splits(settings, program)
    _check_sizes(settings, teams, len(training.labels), program)
    shards, sizes = data.shards(settings, np.asarray(training.labels), teams)
    readout = _readout(len(settings.classes))
    batch_floor, noise_scale = _noise(settings, program, slices, readout)
    return Learning(
        training=training,
        validation=validation,
        test=test,
        shards=array(shards, np.int32),
        shard_sizes=array(sizes, np.int32),
        type_of_pauli=array(_types_of_data(share, slices), np.float32),
        readout=array(np.tile(readout, slices), np.float32),
        logit_scale=array(settings.logit_scale, np.float32),
        learning_rate=array(settings.learning_rate, np.float32),
        batch_floor=array(batch_floor, np.float32),
        slope_share=array(settings.slope_share, np.float32),
        noise_scale=array(noise_scale, np.float32),
        gate_contraction=array(gate_contraction, np.float32),
        trap_chances=_trap_chances(settings) if traps else None,
        batch_size=settings.batch_size,
        scheme=scheme,
        shot=share.shot,
        remote=share.remote,
        slice_of_angle=share.slice_of_angle,
        program=program,
        optimizer=optimizer,
    )


Circuit = tuple[str, tuple[int, int, int], int, int]
"""Name and shape of an ansatz, the number of observables, and that of equal slices."""


def _splits(settings: LearningSettings, program: Program) -> list[Split]:
    vectors = encoding.vectors(settings, program.words or ())
    return [
        Split(array(values, np.float32), array(labels, np.int32))
        for values, (_, labels) in zip(vectors, encoding.encoded(settings), strict=True)
    ]


def _check_sizes(settings: LearningSettings, teams: int, samples: int, program: Program) -> None:
    with asked_by("learning.dataset"):
        checks.check_size("the samples that teams may draw", teams, samples)
    with asked_by("learning.batch_size"):
        held = len(program.words or ())
        checks.check_size("the teams' encoded batches", teams, settings.batch_size, held)


def _scheme(settings: LearningSettings) -> Partition:
    with asked_by("learning.scheme"):
        return partitions.get(settings.scheme, settings.communication)


def _circuit(settings: LearningSettings, qpus: int) -> Circuit:
    slices = qpus if _scheme(settings).sliced else 1
    shape = (settings.layers, settings.qubits // slices, settings.angles_per_qubit)
    return settings.ansatz, shape, _readout(len(settings.classes)).shape[1], slices


@lru_cache(maxsize=64)
def _whole_program(name: str, shape: tuple[int, int, int], observables: int, parts: int) -> Program:
    with asked_by("learning.angles_per_qubit"):
        checks.check_angles_per_qubit(name, shape[-1])
    with asked_by("learning.ansatz"):
        program = circuits.read_program(name, shape, observables)
    with asked_by("learning.angles_per_qubit"):
        checks.check_weights(name, program, shape)
    return program if parts == 1 else slices.side_by_side(program, parts)


@lru_cache(maxsize=64)
def _reached(*circuit: Any) -> tuple[int, ...]:  # noqa: ANN401 - as `Circuit`
    # The words of the data that may matter.
    program = _whole_program(*circuit)
    with asked_by("learning.layers"):
        *_, words = reach.backwards(program)
    return tuple(words.tolist())


@lru_cache(maxsize=64)
def _program(circuit: Circuit, words: tuple[int, ...], estimator: str) -> Program:
    program = replace(_whole_program(*circuit), words=words)
    with asked_by("learning.ansatz"):
        return ESTIMATORS[estimator](program)


def _share(
    settings: LearningSettings,
    scheme: Partition,
    circuit: Circuit,
    words: tuple[int, ...],
    qpus: int,
) -> Share:
    program = _program(circuit, words, settings.estimator)
    with asked_by("learning.ansatz"):
        share = scheme.distribute(program, settings, qpus)
    with asked_by("learning.feature_map"):
        _check_encoding(settings, share, qpus)
    return share


def _check_encoding(settings: LearningSettings, share: Share, qpus: int) -> None:
    # Quantum data may also be cut in slices, whose qubits are teleported to different QPUs.
    states = settings.feature_map == encoding.NO_MAP
    if share.remote is not None and states:
        raise ValueError(
            f"the QPUs encode the samples where gates are teleported, but those of "
            f"{settings.dataset!r} are quantum states at the hub; take learning.scheme = data"
        )
    if states or qpus == 1:
        return
    size = settings.qubits // qpus
    slices = tuple(qubit // size for qubit in range(settings.qubits))
    home = slices if share.remote is None else share.remote.home
    encoding.check_local(settings.feature_map, settings.features, home)


def _types(
    words: tuple[int, ...] | None, qubits: int, most: int | None = None
) -> NDArray[np.bool_]:
    # Words of a slice have at most so many letters.
    pauli_types = np.array(register.pauli_types(qubits if most is None else most))
    letters = pauli.letter_counts(qubits, words)
    same: NDArray[np.bool_] = pauli_types[:, None, :] == letters[None]
    return np.logical_and.reduce(same, axis=-1)


def _types_of_data(share: Share, slices: int) -> NDArray[np.bool_]:
    # By type of word, and by slice if there are several; no types where no data are teleported.
    program, words = share.program, share.program.words or ()
    if share.remote is not None:
        return np.zeros((0, len(words)), bool)
    if slices == 1:
        return _types(words, program.qubits)
    size = program.qubits // slices
    letters = pauli.letters(program.qubits, words).reshape(len(words), slices, size) > 0
    return _types(words, program.qubits, size) & np.expand_dims(letters.any(axis=-1).T, 1)


def _trap_chances(settings: LearningSettings) -> TrapChances:
    # With all words of the samples, also those that no observable needs.
    states, labels = encoding.encoded(settings)[0]
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


def _noise(
    settings: LearningSettings, program: Program, slices: int, readout: NDArray[np.float64]
) -> tuple[float, float]:
    # Batch floor and noise scale, for the shots that measure the gradient.
    of_gradient = 1.0 if _scheme(settings).sliced else 1 - settings.slope_share
    observables = program.observables // slices
    second = settings.logit_scale**2 * _undecided_slope(readout) / of_gradient
    floor = _batch_floor(settings, program, observables) / of_gradient
    return floor, program.angles**2 * observables * second


def _batch_floor(settings: LearningSettings, program: Program, observables: int) -> float:
    # Shot noise K^2 Q m / S equals minibatch noise m |df|^2 / B at S = K^2 Q B / |df|^2. These are
    # the shots of the gradient alone.
    squared = _mean_squared_slope(encoding.only(settings), program)
    return program.angles**2 * observables * settings.batch_size / squared


@lru_cache(maxsize=128)
def _mean_squared_slope(settings: LearningSettings, program: Program) -> float:
    # In NumPy, because a compilation would take longer than it saves.
    paulis = encoding.vectors(settings, program.words or ())[0]
    models = np.random.default_rng(0).normal(size=(FLOOR_DRAWS, program.parameters))
    derivatives = np.stack([pullback.pull(program, each, np).derivatives for each in models])
    slopes = np.einsum("sp,mopk->msok", paulis, derivatives, optimize=True)
    return float((slopes**2).sum(axis=-1).mean())
