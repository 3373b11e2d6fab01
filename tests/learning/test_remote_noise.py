"""Teleported packs of CZs as explicit circuits of density matrices, against factors on words."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import pennylane as qml
import pytest
from physics import density

from ceas_gym.learning import circuit, pauli, reach, remote_gates, remote_noise
from ceas_gym.learning.pauli import Program
from ceas_gym.learning.remote_gates import Pack, Remote
from ceas_gym.physics import bell

RANDOM = np.random.default_rng(17)
IDENTITY, X, Y, Z = density.PAULIS


class Noise(NamedTuple):
    """Of the local operations of a teleported gate."""

    local: float
    readout: float


NOISES = [Noise(1.0, 1.0), Noise(0.9, 1.0), Noise(1.0, 0.93), Noise(0.94, 0.97)]


def quadruples(*shape: int) -> np.ndarray:
    """Random probabilities of the errors I, Y, X and Z, mostly I."""
    return RANDOM.dirichlet([8, 1, 2, 3], size=shape)


def letters(errors: np.ndarray) -> Any:
    return np.asarray(jax.jit(bell.to_letters)(errors))


def gate_factors(errors: np.ndarray, readout: float) -> Any:
    bit = 2 * readout - 1
    return letters(errors) * [bit, bit**2, bit]


def error(errors: Sequence[float], wire: int) -> None:
    gates = (IDENTITY, Y, X, Z)
    kraus = [np.sqrt(p) * gate for p, gate in zip(errors, gates, strict=True)]
    qml.QubitChannel(kraus, wires=wire)


def depolarize(contraction: float, wires: Sequence[int]) -> None:
    words = pauli.words(2)
    weights = np.full(16, (1 - contraction) / 16) + contraction * np.eye(16)[0]
    kraus = np.sqrt(weights)[:, None, None] * words
    qml.QubitChannel(list(kraus), wires=wires)


def teleport(pack: Pack, errors: Sequence[float], noise: Noise, here: int, there: int) -> None:
    """Applies the CZs of a pack by a pair on the wires `here` and `there`."""
    for wire in (here, there):
        qml.QubitChannel([np.diag([1.0, 0.0]), np.array([[0.0, 1.0], [0.0, 0.0]])], wires=wire)
    qml.Hadamard(here)
    qml.CNOT([here, there])
    error(errors, there)
    # The control's value is copied to the other half. Its measured bit decides on an X there.
    depolarize(noise.local, [pack.control, here])
    qml.CNOT([pack.control, here])
    qml.BitFlip(1 - noise.readout, wires=here)
    qml.CNOT([here, there])
    for target in pack.targets:
        depolarize(noise.local, [there, target])
        qml.CZ([there, target])
    # The copy is measured in X. Its bit decides on a Z of the control.
    qml.Hadamard(there)
    qml.BitFlip(1 - noise.readout, wires=there)
    qml.CZ([there, pack.control])


def mixed_states(qubits: int, number: int) -> np.ndarray:
    shape = (number, 2**qubits, 2**qubits)
    roots = RANDOM.normal(size=shape) + 1j * RANDOM.normal(size=shape)
    states = roots @ roots.conj().swapaxes(1, 2)
    return states / np.trace(states, axis1=1, axis2=2)[:, None, None]


def vectors(states: np.ndarray) -> np.ndarray:
    words = pauli.words(states.shape[1].bit_length() - 1)
    return np.einsum("pij,sji->sp", words, states).real


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("targets", [(1,), (1, 2), (2, 1), (3, 1, 2)])
def test_factors_of_a_pack_are_those_of_its_circuit(targets: tuple[int, ...], noise: Noise) -> None:
    qubits, errors = 1 + len(targets), quadruples(1)
    pack = Pack(0, targets, (0, 1), len(targets) - 1)

    @qml.qnode(qml.device("default.mixed", wires=qubits + 2))
    def run(state: np.ndarray) -> Any:
        qml.QubitDensityMatrix(state, wires=range(qubits))
        teleport(pack, errors[0], noise, here=qubits, there=qubits + 1)
        return qml.density_matrix(wires=range(qubits))

    signs = np.ones(2**qubits)
    for target in targets:
        gate: Any = qml.matrix(qml.CZ([0, target]), wire_order=range(qubits))
        signs *= gate.diagonal().real
    states = mixed_states(qubits, 3)
    ideal = signs[:, None] * states * signs
    words = np.arange(4**qubits)
    factors = jax.jit(
        lambda gate, local: remote_noise.pack_factors(pack, qubits, gate, local, words)
    )(gate_factors(errors, noise.readout), noise.local)
    expected = vectors(np.stack([run(state) for state in states]))
    # Expectation values after the pack: words that it follows, in the Heisenberg picture.
    found = np.asarray(factors)[:, 0] * vectors(ideal)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.abs(vectors(ideal) - expected).max() > 1e-3


# --- Whole circuits ---


def tangled(weights: Any, wires: Sequence[int]) -> None:
    """Runs of several packs with qubits in common, so that the order of their noise matters."""
    for layer in weights:
        for angles, wire in zip(layer, wires, strict=True):
            qml.RY(angles[0], wires=wire)
            qml.RX(angles[1], wires=wire)
        for pair in [(0, 2), (1, 2), (0, 3), (0, 1), (2, 3)]:
            qml.CZ(wires=pair)


CIRCUITS = {"hardware_efficient": (3, 4, 2), f"{__name__}:tangled": (2, 4, 2)}


def simulated(
    program: Program, remote: Remote, angles: np.ndarray, errors: Any, idle: Any, noise: Noise
) -> np.ndarray:
    """Expectation values with explicit teleportation, on two more qubits."""
    qubits = program.qubits
    packed = {pack.last: number for number, pack in enumerate(remote.packs)}
    lasts = {run: number for number, run in enumerate(remote.run)}

    @qml.qnode(qml.device("default.mixed", wires=qubits + 2))
    def run() -> Any:
        for number, step in enumerate(program.steps):
            if isinstance(step, pauli.Rotation):
                qml.PauliRot(angles[step.angle], step.word, wires=step.wires)
            elif len({remote.home[wire] for wire in step.wires}) == 1:
                qml.CZ(wires=step.wires)
            if number not in packed:
                continue
            pack = packed[number]
            teleport(remote.packs[pack], errors[pack], noise, qubits, qubits + 1)
            if lasts[remote.run[pack]] == pack:
                for wire, qpu in enumerate(remote.home):
                    error(idle[remote.run[pack]][qpu], wire)
        return [qml.expval(qml.Z(wire)) for wire in range(program.observables)]

    return np.array(run())


def pulled(program: Program, angles: np.ndarray, noise: Any, teams: int) -> np.ndarray:
    """Expectation values in |0...0>, by factors on words; shape (teams, observables)."""
    table = np.zeros((4**program.qubits, teams, program.observables))
    table[program.readout, :, np.arange(program.observables)] = 1
    for number, step in reversed(list(enumerate(program.steps))):
        if number in noise:
            table = table * np.asarray(noise[number])[:, :, None]
        if isinstance(step, pauli.Rotation):
            angle = angles[step.angle]
            matrix = np.tensordot([1, np.cos(angle), np.sin(angle)], step.generators, axes=1)
        else:
            matrix = step.matrix
        grid = table.reshape((4,) * program.qubits + (-1,))
        moved = np.moveaxis(grid, step.wires, range(len(step.wires)))
        turned = (matrix @ moved.reshape(len(matrix), -1)).reshape(moved.shape)
        table = np.moveaxis(turned, range(len(step.wires)), step.wires).reshape(table.shape)
    ground = np.isin(pauli.letters(program.qubits), (0, 3)).all(axis=1)
    return table[ground].sum(axis=0)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("home", [(0, 0, 1, 1), (0, 1, 2, 1)])
@pytest.mark.parametrize("name", CIRCUITS)
def test_whole_circuits_equal_density_matrices(name: str, home: tuple[int, ...]) -> None:
    whole = circuit.read_program(name, CIRCUITS[name], 4)
    program, remote = remote_gates.distribute(whole, home)
    weights = RANDOM.normal(size=program.parameters)
    angles = program.jacobian @ weights + program.offset
    noise, teams = Noise(0.97, 0.98), 2
    errors = quadruples(teams, remote.pairs)
    idle = quadruples(teams, remote.runs, remote.qpus)
    words = np.arange(4**program.qubits)

    @jax.jit
    def factors(gates: Any, waiting: Any) -> dict[int, Any]:
        found = remote_noise.diagonals(remote, program.qubits, gates, waiting, noise.local)
        return {number: each(words) for number, each in found.items()}

    found = factors(gate_factors(errors, noise.readout), letters(idle))
    assert sorted(found) == [pack.last for pack in remote.packs]
    expected = [
        simulated(program, remote, angles, errors[team], idle[team], noise) for team in range(teams)
    ]
    np.testing.assert_allclose(pulled(program, angles, found, teams), expected, atol=1e-12)
    free = pulled(program, angles, {}, 1)
    assert np.abs(free - expected).max() > 1e-2


def test_reachable_words_get_the_factors_of_all_words() -> None:
    whole = circuit.read_program("hardware_efficient", (3, 4, 2), 1)
    program, remote = remote_gates.distribute(whole, (0, 1, 1, 0))
    reached = list(reach.backwards(program))[-2::-1]
    gates, idle = (
        letters(quadruples(3, *shape)).astype(np.float32)
        for shape in [(remote.pairs,), (remote.runs, remote.qpus)]
    )

    @jax.jit
    def both(gates: Any, idle: Any, local: Any) -> dict[int, Any]:
        noise = remote_noise.diagonals(remote, 4, gates, idle, local)
        every = np.arange(256)
        return {last: (factors(reached[last]), factors(every)) for last, factors in noise.items()}

    for last, (found, every) in both(gates, idle, np.float32(0.9)).items():
        words = reached[last]
        assert found.shape == (len(words), 3)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, np.asarray(every)[words], rtol=1e-6)
        assert np.abs(found).max() <= 1


def test_perfect_pairs_and_gates_change_nothing() -> None:
    pack, words = Pack(1, (0, 2), (1, 0), 1), np.arange(64)
    ones: tuple[Any, Any] = np.ones((2, 3)), np.ones((2, 2, 3))
    perfect = remote_noise.pack_factors(pack, 3, ones[0], 1.0, words)
    np.testing.assert_array_equal(perfect, np.ones((64, 2)))
    still = remote_noise.idle_factors((0, 1, 0), ones[1], words)
    np.testing.assert_array_equal(still, np.ones((64, 2)))
