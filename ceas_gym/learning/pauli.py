"""Pauli vectors: noisy expectation values and their gradients without density matrices.

Pauli words are numbered in base 4 (I, X, Y, Z), the first qubit most significant. Data enters as
rho_P = Tr[P rho(x)]; the observable, pulled back through the ansatz, as O_P = 2^-n Tr[P U+ O U].
"""

from dataclasses import dataclass, fields
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

PAULI_MATRICES = np.array(
    [[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=complex
)
PAULIS = len(PAULI_MATRICES)
"""I, X, Y and Z."""


def words(qubits: int) -> NDArray[np.complex128]:
    """Returns the matrices of all Pauli words, shape (4**qubits, 2**qubits, 2**qubits)."""
    matrices = np.ones((1, 1, 1), dtype=complex)
    for _ in range(qubits):
        matrices = np.einsum("aij,bkl->abikjl", matrices, PAULI_MATRICES)
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
        rho = np.tensordot(rho, PAULI_MATRICES, axes=((1, 1 + left), (2, 1)))
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
            word = np.kron(word, PAULI_MATRICES["IXYZ".index(letter)])
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


Step = Rotation | Constant


@dataclass(frozen=True, eq=False)
class Program:
    """An ansatz that reads Z on its first qubits; angles = jacobian @ weights + offset.

    Programs are equal that hold the same numbers, so that a copy is not compiled anew.
    """

    qubits: int
    observables: int
    steps: tuple[Step, ...]
    jacobian: NDArray[np.float64]
    offset: NDArray[np.float64]
    words: tuple[int, ...] | None = None
    """Pauli words that are not zero in all of the data, in order; all, if None. Of an observable,
    no others are wanted."""
    trained: tuple[int, ...] | None = None
    """Which of the ansatz's weights there are, in order; all, if None. The others move nothing."""

    @property
    def angles(self) -> int:
        """Returns the number of rotations."""
        return self.jacobian.shape[0]

    @property
    def parameters(self) -> int:
        """Returns the number of weights."""
        return self.jacobian.shape[1]

    def __eq__(self, other: object) -> bool:
        """Returns whether the other is the same circuit with the same read-out."""
        return self is other or (isinstance(other, Program) and self._contents == other._contents)

    def __hash__(self) -> int:
        """Returns a hash that equal ones share."""
        return hash(self._contents)

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy is made of: the fields, without what is computed from them."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @cached_property
    def _contents(self) -> bytes:
        steps = [_contents(step) for step in self.steps]
        numbers = (self.jacobian.shape, self.jacobian.tobytes(), self.offset.tobytes())
        everything = (self.qubits, self.observables, self.words, self.trained, steps, numbers)
        return sha256(repr(everything).encode()).digest()

    @cached_property
    def readout(self) -> NDArray[np.float64]:
        """Returns the Pauli vectors of the observables, shape (observables, 4**qubits)."""
        vectors = np.zeros((self.observables, 4**self.qubits))
        for qubit in range(self.observables):
            vectors[qubit, 3 * 4 ** (self.qubits - 1 - qubit)] = 1.0
        return vectors


def _contents(step: Step) -> tuple[object, ...]:
    if isinstance(step, Rotation):
        return step.word, step.wires, step.angle
    return step.matrix.tobytes(), step.wires
