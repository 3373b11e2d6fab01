"""Pauli vectors: noisy expectation values and their gradients without density matrices.

Pauli words are numbered in base 4 (I, X, Y, Z), with the first qubit as the most significant digit.
A sample x is the vector rho_P = Tr[P rho(x)]. An observable, pulled back through the ansatz U, is
the vector O_P = 2^-n Tr[P U+ O U], so that a prediction is the sum over P of rho_P O_P.
"""

from collections.abc import Sequence
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


def letters(qubits: int, numbers: Sequence[int] | None = None) -> NDArray[np.int64]:
    """Returns the letters of Pauli words, 0 to 3 for I, X, Y and Z, shape (words, qubits).

    Args:
        qubits: At least 1.
        numbers: Of the words, in [0, 4**qubits); None stands for all words.

    Example:
        >>> letters(2, [7]).tolist()  # XZ
        [[1, 3]]
    """
    chosen = np.arange(PAULIS**qubits) if numbers is None else np.asarray(numbers, np.int64)
    return chosen[:, None] // PAULIS ** np.arange(qubits)[::-1] % PAULIS


def letter_counts(qubits: int, numbers: Sequence[int] | None = None) -> NDArray[np.int64]:
    """Returns how many X, Y and Z there are in Pauli words, shape (words, 3).

    Args:
        qubits: At least 1. The counts are in [0, qubits].
        numbers: Of the words, as for `letters`.

    Example:
        >>> letter_counts(1).tolist()
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    found = letters(qubits, numbers)
    return np.stack([(found == letter).sum(axis=1) for letter in (1, 2, 3)], axis=1)


def pauli_vectors(
    states: NDArray[np.complex128], numbers: Sequence[int] | None = None
) -> NDArray[np.float64]:
    """Returns the Pauli vectors rho_P = <psi|P|psi> of pure states.

    A word flips the qubits with the letters X and Y, and changes the sign of ones under Y and Z:

        <psi|P|psi> = i^y sum_b (-1)^|b & z| conj(psi_(b ^ x)) psi_b,

    where y is the number of letters Y, and the bits of x and z mark X or Y, and Y or Z.

    Args:
        states: Amplitudes of normalised states, shape (samples, 2**qubits).
        numbers: Of the words P, as for `letters`.

    Returns:
        Expectation values in [-1, 1], shape (samples, words).

    Source:
        Nielsen and Chuang, Quantum Computation and Quantum Information, section 8.4.2; the form
        with bits: Aaronson and Gottesman, PRA 70, 052328 (2004), arXiv:quant-ph/0406196.

    Example:
        >>> pauli_vectors(np.array([[1, 0]], complex)).tolist()  # |0>: I, X, Y, Z
        [[1.0, 0.0, 0.0, 1.0]]
    """
    qubits = states.shape[1].bit_length() - 1
    found, places = letters(qubits, numbers), np.arange(states.shape[1])
    bits = 2 ** np.arange(qubits)[::-1]
    flips, signs = (np.isin(found, pair) @ bits for pair in ((1, 2), (2, 3)))
    turn = np.array([1, 1j, -1, -1j])[(found == 2).sum(axis=1) % 4]
    values = np.zeros((len(states), len(found)))
    for flip in np.unique(flips):
        chosen = np.flatnonzero(flips == flip)
        overlaps = states[:, places ^ flip].conj() * states
        parity = np.bitwise_count(places[:, None] & signs[chosen]) % 2
        values[:, chosen] = np.real(turn[chosen] * (overlaps @ (1.0 - 2.0 * parity)))
    return values


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
    """An ansatz that reads Z on some of its qubits; angles = jacobian @ weights + offset.

    Two programs with the same numbers are equal, so that a copy is not compiled again.
    """

    qubits: int
    observables: int
    """How many qubits are read out in Z."""
    steps: tuple[Step, ...]
    jacobian: NDArray[np.float64]
    """Shape (angles, weights)."""
    offset: NDArray[np.float64]
    """In radians, shape (angles,)."""
    words: tuple[int, ...] | None = None
    """Pauli words for which observables are computed, in ascending order; None for all words."""
    trained: tuple[int, ...] | None = None
    """Which weights of the ansatz are kept, in ascending order; None for all of them. No
    prediction depends on the others."""
    read: tuple[int, ...] | None = None
    """Qubits that are read out; None for the first ones."""

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
        """Returns whether `other` is the same circuit with the same readout."""
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
        shape = (self.qubits, self.observables, self.read, self.words, self.trained)
        everything = (shape, steps, numbers)
        return sha256(repr(everything).encode()).digest()

    @property
    def readout(self) -> NDArray[np.int64]:
        """Returns the number of each observable's Pauli word, shape (observables,)."""
        read = np.arange(self.observables) if self.read is None else np.array(self.read)
        return 3 * PAULIS ** (self.qubits - 1 - read)


def _contents(step: Step) -> tuple[object, ...]:
    if isinstance(step, Rotation):
        return step.word, step.wires, step.angle
    return step.matrix.tobytes(), step.wires
