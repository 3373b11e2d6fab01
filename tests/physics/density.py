"""Density matrices of pairs and of what is done with them: NumPy alone, nothing of the library."""

import functools
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]
Pair = NDArray[np.float64]
IDENTITY = np.eye(2, dtype=complex)
X = np.array([[0, 1], [1, 0]], dtype=complex)
Y = np.array([[0, -1j], [1j, 0]])
Z = np.diag([1.0 + 0j, -1.0])
PAULIS = (IDENTITY, X, Y, Z)
HADAMARD = (X + Z) / np.sqrt(2.0)
# The order of the quadruple: (Phi+, Psi-, Psi+, Phi-) are the errors (I, Y, X, Z) on one half.
BELL_STATES = np.stack(
    [np.kron(IDENTITY, error) @ [1, 0, 0, 1] / np.sqrt(2.0) for error in (IDENTITY, Y, X, Z)]
)
BITS = list(itertools.product((0, 1), repeat=2))


def random_pairs(number: int, *, ordered: bool = False, seed: int = 7) -> Pair:
    """Random quadruples; an ordered one has its best state first and the other Phi state last."""
    pairs = np.random.default_rng(seed).dirichlet(np.ones(4), size=number)
    return np.sort(pairs, axis=-1)[:, ::-1] if ordered else pairs


def density(pair: Pair) -> Matrix:
    """The density matrix of a quadruple."""
    return np.einsum("k,ki,kj->ij", pair, BELL_STATES, BELL_STATES.conj())


def tensor(*factors: Matrix) -> Matrix:
    """The Kronecker product of all factors."""
    return functools.reduce(np.kron, factors)


def on(gate: Matrix, qubit: int, qubits: int) -> Matrix:
    """A gate on one of several qubits."""
    return tensor(np.eye(2**qubit), gate, np.eye(2 ** (qubits - qubit - 1)))


def cnot(control: int, target: int, qubits: int) -> Matrix:
    """A CNOT between two of several qubits."""
    ground, excited = np.diag([1.0 + 0j, 0.0]), np.diag([0.0 + 0j, 1.0])
    flipped = on(excited, control, qubits) @ on(X, target, qubits)
    return on(ground, control, qubits) + flipped


def after(gate: Matrix, state: Matrix) -> Matrix:
    """A state after a gate or a projection."""
    return gate @ state @ gate.conj().T


def mixture(state: Matrix, gates: list[Matrix], weights: list[float]) -> Matrix:
    """A state after one of several gates at random."""
    return np.sum([p * after(g, state) for g, p in zip(gates, weights, strict=True)], axis=0)


def depolarized(state: Matrix, one: int, other: int, contraction: float) -> Matrix:
    """A state after depolarizing noise on two of its qubits."""
    qubits = int(np.log2(len(state)))
    words = itertools.product(PAULIS, repeat=2)
    gates = [on(a, one, qubits) @ on(b, other, qubits) for a, b in words]
    # An error of probability p, shared by fifteen Paulis.
    error = 15.0 * (1.0 - contraction) / 16.0
    return mixture(state, gates, [1.0 - error] + [error / 15.0] * 15)


def stored(pair: Pair, memory: str, kept: tuple[float, float]) -> Matrix:
    """A pair after a memory that keeps `kept` of each half, in Pauli errors."""
    state = density(pair)
    for qubit, fraction in enumerate(kept):
        # Textbook and PennyLane convention: an error of probability p, shared by three Paulis.
        error = 3.0 * (1.0 - fraction) / 4.0 if memory == "depolarizing" else (1.0 - fraction) / 2.0
        errors = [X, Y, Z] if memory == "depolarizing" else [Z]
        gates = [on(gate, qubit, 2) for gate in [IDENTITY, *errors]]
        state = mixture(state, gates, [1.0 - error] + [error / len(errors)] * len(errors))
    return state


def bell_measured(state: Matrix, gate_contraction: float, readout: float) -> Matrix:
    """The last qubit, and what stands before the measured two, corrected by misread outcomes.

    The Bell measurement is of the two qubits before the last one.
    """
    qubits = int(np.log2(len(state)))
    first, second = qubits - 3, qubits - 2
    state = depolarized(state, first, second, gate_contraction)
    state = after(on(HADAMARD, first, qubits) @ cnot(first, second, qubits), state)
    corrected = np.zeros((2 ** (qubits - 2),) * 2, dtype=complex)
    for true, flips in itertools.product(BITS, repeat=2):
        outcome = tensor(IDENTITY[true[0]][None], IDENTITY[true[1]][None])
        phase, parity = true[0] ^ flips[0], true[1] ^ flips[1]
        correction = np.linalg.matrix_power(Z, phase) @ np.linalg.matrix_power(X, parity)
        operator = tensor(np.eye(2**first), outcome, correction)
        chance = np.prod([1.0 - readout if flip else readout for flip in flips])
        corrected += chance * after(operator, state)
    return corrected


def teleported(data: Matrix, pair: Pair, gate_contraction: float, readout: float) -> Matrix:
    """A qubit after its teleportation."""
    return bell_measured(np.kron(data, density(pair)), gate_contraction, readout)


def swapped(one: Pair, other: Pair, gate_contraction: float, readout: float) -> Matrix:
    """The outer halves of two pairs after a Bell measurement of the inner ones."""
    return bell_measured(np.kron(density(one), density(other)), gate_contraction, readout)


def purified(
    one: Pair, other: Pair, protocol: str, gate_contraction: float, readout: float
) -> Matrix:
    """The first pair where the comparison of the second keeps it, not normalised."""
    state = np.kron(density(one), density(other))  # The qubits are A, B, A', B'.
    if protocol == "dejmps":
        turn = (IDENTITY - 1j * X) / np.sqrt(2.0)
        state = after(tensor(turn, turn.conj(), turn, turn.conj()), state)
    for party in (0, 1):
        state = after(
            cnot(party, party + 2, 4), depolarized(state, party, party + 2, gate_contraction)
        )
    kept = np.zeros((4, 4), dtype=complex)
    for true, flips in itertools.product(BITS, repeat=2):
        if true[0] ^ flips[0] == true[1] ^ flips[1]:
            outcome = tensor(np.eye(4), IDENTITY[true[0]][None], IDENTITY[true[1]][None])
            chance = np.prod([1.0 - readout if flip else readout for flip in flips])
            kept += chance * after(outcome, state)
    return kept


def teleported_cnot(pair: Pair) -> Matrix:
    """The Choi state of a CNOT through a pair; qubits: reference, control, reference, target."""
    perfect = density(np.array([1.0, 0.0, 0.0, 0.0]))
    # The pair's half at the control is qubit 4, and qubit 5 takes its place once it is measured.
    state = after(cnot(1, 4, 6), tensor(perfect, perfect, density(pair)))
    none, one = (after(tensor(np.eye(16), bit[None], IDENTITY), state) for bit in IDENTITY)
    state = after(cnot(4, 3, 5), none + after(on(X, 4, 5), one))
    none, one = (after(tensor(np.eye(16), bit[None]), state) for bit in HADAMARD)
    return none + after(on(Z, 1, 4), one)


def choi_of_cnot(control_error: Matrix, target_error: Matrix) -> Matrix:
    """The Choi vector of a perfect CNOT and then a Pauli error, in the same order of qubits."""
    both = np.kron(BELL_STATES[0], BELL_STATES[0])
    return on(control_error, 1, 4) @ on(target_error, 3, 4) @ cnot(1, 3, 4) @ both
