"""Pauli vectors: noisy expectation values and their gradients without density matrices.

Pauli words are numbered in base 4 (I, X, Y, Z), with the first qubit as the most significant digit.
A sample x is the vector rho_P = Tr[P rho(x)]. An observable, pulled back through the ansatz U, is
the vector O_P = 2^-n Tr[P U+ O U], so that a prediction is the sum over P of rho_P O_P.
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
    """Returns the matrices of all Pauli words, shape (4**qubits, 2**qubits, 2**qubits).

    Args:
        qubits: At least 0.

    Example:
        >>> words(2).shape
        (16, 4, 4)
    """
    matrices = np.ones((1, 1, 1), dtype=complex)
    for _ in range(qubits):
        matrices = np.einsum("aij,bkl->abikjl", matrices, PAULI_MATRICES)
        size = matrices.shape[2] * matrices.shape[3]
        matrices = matrices.reshape(-1, size, size)
    return matrices


def letter_counts(qubits: int) -> NDArray[np.int64]:
    """Returns how many X, Y and Z there are in each Pauli word, shape (4**qubits, 3).

    Args:
        qubits: At least 1. The counts are in [0, qubits].

    Example:
        >>> letter_counts(1).tolist()
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
        >>> letter_counts(2)[7].tolist()  # XZ
        [1, 0, 1]
    """
    letters = np.indices((4,) * qubits).reshape(qubits, -1)
    return np.stack([(letters == letter).sum(axis=0) for letter in (1, 2, 3)], axis=1)


def pauli_vectors(states: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Returns the Pauli vectors rho_P = <psi|P|psi> of pure states.

    Args:
        states: Amplitudes of normalised states, shape (samples, 2**qubits).

    Returns:
        Expectation values in [-1, 1], shape (samples, 4**qubits).

    Source:
        Nielsen and Chuang, Quantum Computation and Quantum Information, section 8.4.2.

    Example:
        >>> pauli_vectors(np.array([[1, 0]], complex)).tolist()  # |0>: I, X, Y, Z
        [[1.0, 0.0, 0.0, 1.0]]
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
        unitary: Matrix of the gate on k qubits, shape (2**k, 2**k).

    Returns:
        A real orthogonal matrix, shape (4**k, 4**k), with entries in [-1, 1].

    Source:
        Pauli transfer matrix, here of the adjoint channel: Greenbaum, arXiv:1509.02921.
    """
    basis = words(unitary.shape[0].bit_length() - 1)
    pulled = unitary.conj().T @ basis @ unitary
    return np.real(np.einsum("pij,qji->pq", basis, pulled)) / unitary.shape[0]


@dataclass(frozen=True, eq=False)
class Rotation:
    """The gate exp(-i angle/2 word). No other type of gate has an angle."""

    word: str
    """Pauli word, such as `"XX"`, with a letter for each wire."""
    wires: tuple[int, ...]
    angle: int
    """Number of its angle in the program."""

    @cached_property
    def generators(self) -> NDArray[np.float64]:
        """Returns (A, B, S) with H(angle) = A + cos(angle) B + sin(angle) S.

        H is the transfer matrix on k wires, so the result has the shape (3, 4**k, 4**k).

        Source:
            Mitarai et al., PRA 98, 032309 (2018), arXiv:1803.00745: an expectation value is
            a sinusoid of the angle of a Pauli rotation.
        """
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
    """Shape (4**k, 4**k) on k wires."""
    wires: tuple[int, ...]

    @property
    def is_clifford(self) -> bool:
        """Returns whether the gate only permutes Pauli words, up to signs.

        This is so if every entry of its matrix, of shape (4**k, 4**k), is 0, 1 or -1.

        Source:
            Definition of the Clifford group: Gottesman, arXiv:quant-ph/9807006.
        """
        return bool(np.allclose(np.abs(self.matrix), np.abs(self.matrix).round()))


Step = Rotation | Constant


@dataclass(frozen=True, eq=False)
class Program:
    """An ansatz that reads Z on its first qubits; angles = jacobian @ weights + offset.

    Two programs with the same numbers are equal, so that a copy is not compiled again.
    """

    qubits: int
    observables: int
    """How many qubits are read out in Z, from the first."""
    steps: tuple[Step, ...]
    jacobian: NDArray[np.float64]
    """Shape (angles, weights)."""
    offset: NDArray[np.float64]
    """In radians, shape (angles,)."""
    words: tuple[int, ...] | None = None
    """Pauli words that do not vanish in all of the data, in ascending order; None for all words.
    Observables are computed for these words only."""
    trained: tuple[int, ...] | None = None
    """Which weights of the ansatz are kept, in ascending order; None for all of them. No
    prediction depends on the others."""

    @property
    def angles(self) -> int:
        """Returns the number of rotation angles: the first side of the shape of `jacobian`."""
        return self.jacobian.shape[0]

    @property
    def parameters(self) -> int:
        """Returns the number of trained weights: the second side of the shape of `jacobian`."""
        return self.jacobian.shape[1]

    def gates_on(self, qubits: int) -> int:
        """Returns how many of the gates act on so many qubits.

        Args:
            qubits: At least 1.
        """
        return sum(len(step.wires) == qubits for step in self.steps)

    def __eq__(self, other: object) -> bool:
        """Returns whether `other` is the same circuit with the same read-out."""
        return self is other or (isinstance(other, Program) and self._contents == other._contents)

    def __hash__(self) -> int:
        """Returns a hash, which is the same for equal programs."""
        return hash(self._contents)

    def __getstate__(self) -> dict[str, Any]:
        """Returns what is copied or pickled: the fields, without what is computed from them."""
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
