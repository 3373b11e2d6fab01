"""Pauli vectors: noisy expectation values and their gradients without density matrices.

Pauli words are numbered in base 4 (I, X, Y, Z), the first qubit most significant. Data enters as
rho_P = Tr[P rho(x)]; the observable, pulled back through the ansatz, as O_P = 2^-n Tr[P U+ O U].
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

LETTERS = np.array(
    [[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=complex
)


def words(qubits: int) -> NDArray[np.complex128]:
    """Returns the matrices of all Pauli words, shape (4**qubits, 2**qubits, 2**qubits)."""
    matrices = np.ones((1, 1, 1), dtype=complex)
    for _ in range(qubits):
        matrices = np.einsum("aij,bkl->abikjl", matrices, LETTERS)
        size = matrices.shape[2] * matrices.shape[3]
        matrices = matrices.reshape(-1, size, size)
    return matrices


def letter_counts(qubits: int) -> NDArray[np.int64]:
    """Returns how many X, Y and Z there are in each Pauli word, shape (4**qubits, 3).

    Example:
        >>> letter_counts(1).tolist()
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
        >>> letter_counts(2)[7].tolist()  # XZ
        [1, 0, 1]
    """
    letters = np.indices((4,) * qubits).reshape(qubits, -1)
    return np.stack([(letters == letter).sum(axis=0) for letter in (1, 2, 3)], axis=1)


def pauli_vectors(states: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Returns rho_P of pure states.

    Args:
        states: Amplitudes, shape (samples, 2**qubits).

    Returns:
        Expectation values in [-1, 1], shape (samples, 4**qubits).
    """
    samples, dimension = states.shape
    qubits = dimension.bit_length() - 1
    rho = np.einsum("si,sj->sij", states, states.conj()).reshape((samples, *(2,) * 2 * qubits))
    for left in range(qubits, 0, -1):
        # The first row axis and the first column axis become one Pauli axis, the last one.
        rho = np.tensordot(rho, LETTERS, axes=((1, 1 + left), (2, 1)))
    return np.real(rho).reshape(samples, -1)


def transfer_matrix(unitary: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Returns how a gate acts on an observable's Pauli vector: H[P, Q] = 2^-k Tr[P U+ Q U].

    Args:
        unitary: Matrix of the gate on k qubits.
    """
    basis = words(unitary.shape[0].bit_length() - 1)
    pulled = unitary.conj().T @ basis @ unitary
    return np.real(np.einsum("pij,qji->pq", basis, pulled)) / unitary.shape[0]


@dataclass(frozen=True, eq=False)
class Rotation:
    """exp(-i angle/2 word): the only kind of gate that has an angle."""

    word: str
    wires: tuple[int, ...]
    angle: int

    @cached_property
    def generators(self) -> NDArray[np.float64]:
        """Returns (A, B, S) with H(angle) = A + cos(angle) B + sin(angle) S."""
        word = np.ones((1, 1), dtype=complex)
        for letter in self.word:
            word = np.kron(word, LETTERS["IXYZ".index(letter)])
        half = transfer_matrix((np.eye(len(word)) - 1j * word) / np.sqrt(2))
        full = transfer_matrix(-1j * word)
        commuting = (np.eye(len(full)) + full) / 2
        return np.stack([commuting, np.eye(len(full)) - commuting, half - commuting])


@dataclass(frozen=True, eq=False)
class Constant:
    """A gate without angle, as its transfer matrix."""

    matrix: NDArray[np.float64]
    wires: tuple[int, ...]

    @property
    def is_clifford(self) -> bool:
        """Returns whether the gate only permutes Pauli words, up to signs."""
        return bool(np.allclose(np.abs(self.matrix), np.abs(self.matrix).round()))


@dataclass(frozen=True, eq=False)
class Clifford:
    """Several such gates at once: new[P] = signs[P] * old[sources[P]]."""

    sources: NDArray[np.int32]
    signs: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Factor:
    """Other gates, on one or two qubits together, as one matrix."""

    wires: tuple[int, ...]
    gates: tuple[Rotation | Constant, ...]
    """On one of the wires each, in the order of time, or a single gate on both."""

    @property
    def angles(self) -> list[int]:
        """Returns the angles that it depends on."""
        return [gate.angle for gate in self.gates if isinstance(gate, Rotation)]


Step = Rotation | Constant


@dataclass(frozen=True, eq=False)
class Program:
    """An ansatz that reads Z on its first qubits; angles = jacobian @ weights + offset."""

    qubits: int
    observables: int
    steps: tuple[Step, ...]
    jacobian: NDArray[np.float64]
    offset: NDArray[np.float64]
    words: tuple[int, ...] | None = None
    """Pauli words that are not zero in all of the data, in order; all, if None. Of an observable,
    no others are wanted."""

    @property
    def angles(self) -> int:
        """Returns the number of rotations."""
        return self.jacobian.shape[0]

    @property
    def parameters(self) -> int:
        """Returns the number of weights."""
        return self.jacobian.shape[1]

    @cached_property
    def pulled(self) -> tuple[Clifford | Factor, ...]:
        """Returns the steps as an observable meets them, the last one first, in as few as can be.

        Gates on one qubit wait for the next joint gate, and go in pairs of qubits; neighbouring
        joint Clifford gates are one permutation.
        """
        plan: list[Clifford | Factor] = []
        waiting: dict[int, list[Rotation | Constant]] = {}
        run: list[Constant] = []
        for step in reversed(self.steps):
            if isinstance(step, Constant) and len(step.wires) > 1 and step.is_clifford:
                plan += _paired(waiting)
                run.insert(0, step)
                continue
            plan += _joined(self.qubits, run)
            run = []
            if len(step.wires) > 1:
                plan += [*_paired(waiting), Factor(step.wires, (step,))]
            else:
                waiting.setdefault(min(step.wires), []).insert(0, step)
        return (*plan, *_joined(self.qubits, run), *_paired(waiting))

    @cached_property
    def readout(self) -> NDArray[np.float64]:
        """Returns the Pauli vectors of the observables, shape (observables, 4**qubits)."""
        vectors = np.zeros((self.observables, 4**self.qubits))
        for qubit in range(self.observables):
            vectors[qubit, 3 * 4 ** (self.qubits - 1 - qubit)] = 1.0
        return vectors


def _paired(waiting: dict[int, list[Rotation | Constant]]) -> list[Factor]:
    # Takes all that waits, two qubits at a time, as a rule with the last angles first.
    wires = sorted(waiting)
    pairs = [wires[place : place + 2] for place in range(0, len(wires), 2)][::-1]
    factors = [
        Factor(tuple(pair), tuple(gate for wire in pair for gate in waiting[wire]))
        for pair in pairs
    ]
    waiting.clear()
    return factors


def _joined(qubits: int, gates: list[Constant]) -> list[Clifford]:
    sources, signs = np.arange(4**qubits), np.ones(4**qubits)
    for gate in reversed(gates):
        column = np.abs(gate.matrix).argmax(axis=1)
        sign = gate.matrix[np.arange(len(column)), column].round()
        sources = _permute(sources, gate.wires, qubits, column)
        signs = _permute(signs, gate.wires, qubits, column, sign)
    # 32 bits whatever the precision in use: the same program serves both.
    return [Clifford(sources.astype(np.int32), signs)] if gates else []


def _permute(
    vector: NDArray[Any],
    wires: tuple[int, ...],
    qubits: int,
    column: NDArray[np.int64],
    sign: NDArray[np.float64] | float = 1,
) -> NDArray[Any]:
    front = range(len(wires))
    tensor = np.moveaxis(vector.reshape((4,) * qubits), wires, front)
    rows = tensor.reshape(len(column), -1)[column] * np.reshape(sign, (-1, 1))
    return np.moveaxis(rows.reshape(tensor.shape), front, wires).reshape(-1)
