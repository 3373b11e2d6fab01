"""Circuits of teams with noise between the gates, and what density matrices of PennyLane say."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.tape import make_qscript

from ceas_gym.learning import circuit, pauli
from ceas_gym.learning.pauli import Program
from ceas_gym.learning.team_pullback import Diagonal

Wires = Sequence[int]
Channel = tuple[int, Wires, NDArray[np.float64]]
"""The gate it follows, its wires, and the probability of each Pauli word, shape (4^k, teams)."""
TEAMS = 3

# --- Circuits ---


def mixed_gates(weights: Any, wires: Wires) -> None:
    """Joint rotations, Clifford gates in both orders of the wires, and one that is not."""
    for layer in weights:
        for angles, wire in zip(layer[::-1], wires[::-1], strict=True):
            qml.RY(angles[0], wires=wire)
        qml.IsingXX(layer[0, 1], wires=[wires[0], wires[2]])
        qml.CNOT(wires=[wires[1], wires[0]])
        qml.SX(wires=wires[1])
        qml.IsingZZ(layer[1, 1] + layer[0, 0], wires=[wires[2], wires[1]])
        qml.ISWAP(wires=[wires[0], wires[1]])
        qml.T(wires=wires[0])
        qml.RX(2 * layer[2, 1], wires=wires[2])
        qml.RZ(layer[2, 1], wires=wires[0])
        qml.CNOT(wires=[wires[0], wires[2]])


def pairs(weights: Any, wires: Wires) -> None:
    """Gates on two qubits only."""
    for layer in weights:
        qml.IsingYY(layer[0, 0], wires=[wires[0], wires[1]])
        qml.CY(wires=[wires[1], wires[0]])
        qml.IsingXX(layer[1, 0], wires=[wires[1], wires[0]])


class Circuit(NamedTuple):
    ansatz: Callable[..., None]
    shape: tuple[int, int, int]
    observables: int
    noise: tuple[tuple[int, tuple[int, ...]], ...]
    """The gates after which noise acts, and its wires."""


CIRCUITS = {
    # Gates 8 to 11 and 20 to 23 are rings of CZ; the gates between are RY and RZ.
    "hardware_efficient": Circuit(
        circuit.hardware_efficient, (2, 4, 2), 2, ((8, (1, 2)), (10, (3, 0)), (20, (2, 1)))
    ),
    # After a rotation, a joint rotation, two Clifford gates in a row, and the last gate.
    "mixed_gates": Circuit(
        mixed_gates, (2, 3, 2), 3, ((1, (1,)), (3, (2, 0)), (14, (0, 1)), (18, (2,)), (21, (1, 0)))
    ),
    "pairs": Circuit(pairs, (2, 2, 1), 1, ((1, (1, 0)), (3, (0,)))),
}


@functools.cache
def program_of(name: str) -> Program:
    full = name if name in circuit.ANSATZE else f"{__name__}:{name}"
    return circuit.read_program(full, CIRCUITS[name].shape, CIRCUITS[name].observables)


@functools.cache
def channels(name: str) -> list[Channel]:
    """Correlated Pauli errors, different for every team; they happen in a quarter of all runs."""
    random = np.random.default_rng(sum(map(ord, name)))
    return [
        (
            gate,
            wires,
            random.dirichlet([3.0 * 4 ** len(wires), *[1.0] * (4 ** len(wires) - 1)], TEAMS).T,
        )
        for gate, wires in CIRCUITS[name].noise
    ]


def diagonal(channel: Channel, qubits: int, dtype: str = "float64") -> Diagonal:
    """An error changes the sign of the words that do not commute with it."""
    _, wires, probabilities = channel
    errors = pauli.letters(len(wires))

    def factors(words: NDArray[np.int64]) -> jax.Array:
        letters = pauli.letters(qubits, words.tolist())[:, None, list(wires)]
        differ = (letters != errors) & (letters > 0) & (errors > 0)
        signs = 1.0 - 2.0 * (differ.sum(axis=2) % 2)
        return jnp.asarray(signs @ probabilities, dtype)

    return factors


class Case(NamedTuple):
    weights: NDArray[np.float64]
    arriving: NDArray[np.float64]
    """Pauli vector of the data."""
    moment: NDArray[np.float64]
    values: NDArray[np.float64]
    """Shape (observables, teams)."""
    slopes: NDArray[np.float64]
    """Shape (teams, angles)."""


@functools.cache
def case(name: str) -> Case:
    """A random point, with values and derivatives from density matrices and parameter shift."""
    ansatz, shape, observables, _ = CIRCUITS[name]
    random = np.random.default_rng(7 + sum(map(ord, name)))
    weights = random.normal(size=shape) * 2
    features = random.normal(size=shape[1] + 1)
    share = random.normal(size=(observables, TEAMS))
    gates: Any = make_qscript(ansatz)(weights, range(shape[1])).operations
    turned = [place for place, gate in enumerate(gates) if gate.parameters]

    def run(team: int, moved: int = -1, by: float = 0.0) -> NDArray[np.float64]:
        return simulated(name, features, _moved(gates, moved, by), team)

    values = np.stack([run(team) for team in range(TEAMS)], axis=1)
    halves = [
        [
            (run(team, at, np.pi / 2) - run(team, at, -np.pi / 2)) @ share[:, team] / 2
            for at in turned
        ]
        for team in range(TEAMS)
    ]
    arriving = pauli.pauli_vectors(circuit.encode("angle", features[None], shape[1]))[0]
    moment = arriving[:, None, None] * share
    return Case(weights.ravel(), arriving, moment, values, np.array(halves))


def _moved(gates: list[Any], place: int, by: float) -> list[Any]:
    return [
        type(gate)(gate.parameters[0] + by, wires=gate.wires) if number == place else gate
        for number, gate in enumerate(gates)
    ]


def simulated(
    name: str, features: NDArray[np.float64], gates: list[Any], team: int
) -> NDArray[np.float64]:
    qubits, observables = CIRCUITS[name].shape[1], CIRCUITS[name].observables

    def run() -> Any:
        circuit.angle(features, range(qubits))
        for number, gate in enumerate(gates):
            qml.apply(gate)
            for after, wires, probabilities in channels(name):
                if after == number:
                    roots = np.sqrt(probabilities[:, team])[:, None, None]
                    qml.QubitChannel(list(roots * pauli.words(len(wires))), wires=wires)
        return [qml.expval(qml.Z(wire)) for wire in range(observables)]

    result: Any = qml.QNode(run, qml.device("default.mixed", wires=qubits))()
    return np.array(result)
