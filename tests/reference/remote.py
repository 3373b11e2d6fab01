"""Teleported gates of the reference: density matrices of the whole protocol, pair included.

CZs that share a control and a pair are executed as the QPUs would: errors of the pair, noisy local
gates, two measurements, and the corrections that follow from their outcomes.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ceas_gym.types import Learning, Network, Params
from reference import teams
from reference.learning import LETTERS, disturb, on, places, read_out, width
from reference.network import Node
from reference.pairs import Array, Quadruple, quadruple

Predict = Callable[[Learning, Array, Array], Array]
ZERO, ONE = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
ANY: Quadruple = (0.25, 0.25, 0.25, 0.25)
"""Pauli errors that leave a qubit maximally mixed."""
HADAMARD = np.array([[1, 1], [1, -1]]) / np.sqrt(2)


def executed(params: Params, k: int, team: Node) -> Predict:
    """Returns the function that predicts as the QPUs of team k do, as `learning.expect`.

    Args:
        params: Circuit, packs, and noise.
        k: Index of the team.
        team: Its record, after the barrier.
    """
    network, learning = params.network, params.learning
    pairs, local = [node.spent for node in team.of_qpus], float(learning.gate_contraction)
    gates = teams.joined(network, teams.members(network)[k], pairs, 0)
    shared = [
        teleported(errors, local, len(pack.targets))
        for errors, pack in zip(gates, learning.remote.packs, strict=True)
    ]

    def predict(learning: Learning, angles: Array, rho: Array) -> Array:
        turns = np.array(angles)[list(places(learning, np.zeros(learning.program.parameters)))]
        for act in program(network, learning, k, turns, shared):
            rho = act(rho)
        return read_out(rho, range(learning.readout.shape[1]))

    return predict


def program(
    network: Network, learning: Learning, k: int, turns: Array, shared: list[Array]
) -> Iterator[Callable[[Array], Array]]:
    """Yields what happens to the state, in the order of time.

    Args:
        network: How long the QPUs wait for signals.
        learning: The circuit, and which of its CZs are teleported together.
        k: Index of the team.
        turns: Trained angles, in radians.
        shared: From `teleported`, for each pack.
    """
    packs, runs, home = learning.remote.packs, learning.remote.run, learning.remote.home
    ends = {pack.last: number for number, pack in enumerate(packs)}
    # The CZs of a pack are side by side.
    inside = {pack.last - back for pack in packs for back in range(len(pack.targets))}
    for place, step in enumerate(learning.program.steps):
        if place not in inside:
            gate = matrix(step, turns, len(home))
            yield lambda rho, gate=gate: gate @ rho @ gate.conj().T
        if place in ends:
            number = ends[place]
            pack, channel = packs[number], shared[number]
            wires = (pack.control, *pack.targets)
            yield lambda rho, channel=channel, wires=wires: through(rho, channel, wires)
            # All qubits wait after the last gate of a run.
            if runs[number] not in runs[number + 1 :]:
                noise = network.teams.idle[k, runs[number]]
                yield lambda rho, noise=noise: wait(rho, noise[list(home)])


def wait(rho: Array, kept: Array) -> Array:
    """Returns the states after a wait that leaves these factors of X, Y and Z, (qubits, 3)."""
    for qubit, factors in enumerate(kept):
        rho = disturb(rho, qubit, quadruple(factors))
    return rho


def matrix(step: Any, turns: Array, qubits: int) -> Array:
    """Returns a gate of the ansatz: a rotation, or, if it has no angle, a CZ.

    Args:
        step: Says where it acts, and about which axis.
        turns: Trained angles, in radians.
        qubits: Of the circuit.
    """
    if not hasattr(step, "angle"):
        one, other = step.wires
        return controlled(LETTERS["Z"], one, other, qubits)
    (wire,), half = step.wires, turns[step.angle] / 2
    turn = np.cos(half) * LETTERS["I"] - 1j * np.sin(half) * LETTERS[step.word]
    return on(turn, wire, qubits)


def controlled(gate: Array, control: int, target: int, qubits: int) -> Array:
    """Returns a gate of shape (2, 2) on a target, if the control is one."""
    return on(ZERO, control, qubits) + on(ONE, control, qubits) @ on(gate, target, qubits)


def teleported(errors: Quadruple, local: float, targets: int) -> Array:
    """Returns what CZs of one control with some targets make of each operator |i><j|.

    The first half of the pair is next to the control, the second next to the targets. A CNOT from
    the control to the first half, a measurement of it, and a correction copy the control to the
    second half. The CZs act between the copy and the targets. Then the copy is measured in X.

    Args:
        errors: Probability of each Pauli error on the second half, those of the readouts included.
        local: Probability that a local two-qubit gate does not depolarize its qubits before.
        targets: Number of targets, at least 1.

    Returns:
        Shape (dim, dim, dim, dim), with i and j first.

    Source:
        Eisert et al., PRA 62, 052317 (2000); with several targets, Yimsiriwattana and Lomonaco,
        arXiv:quant-ph/0402148.
    """
    dim, qubits, first, copy = 2 ** (1 + targets), 3 + targets, 1 + targets, 2 + targets
    bell = np.array([1, 0, 0, 1]) / np.sqrt(2)
    basis = np.eye(dim * dim).reshape(dim * dim, dim, dim)
    rho = disturb(np.kron(basis, np.outer(bell, bell)), copy, errors)
    rho = depolarize(rho, 0, first, local)
    cnot = controlled(LETTERS["X"], 0, first, qubits)
    flip, phase = on(LETTERS["X"], copy, qubits), on(LETTERS["Z"], 0, qubits)
    rho = measure(cnot @ rho @ cnot.T, first, flip)
    for target in range(1, 1 + targets):
        gate = controlled(LETTERS["Z"], copy, target, qubits)
        rho = gate @ depolarize(rho, copy, target, local) @ gate
    turn = on(HADAMARD, copy, qubits)
    rho = measure(turn @ rho @ turn, copy, phase)
    return np.einsum("gimjm->gij", rho.reshape(-1, dim, 4, dim, 4)).reshape((dim,) * 4)


def measure(rho: Array, qubit: int, correction: Array) -> Array:
    """Returns the states after a measurement of Z, and a correction if the outcome is one."""
    zero, one = (on(each, qubit, width(rho)) for each in (ZERO, ONE))
    return zero @ rho @ zero + correction @ one @ rho @ one @ correction.conj().T


def depolarize(rho: Array, one: int, other: int, kept: float) -> Array:
    """Returns the states after two qubits are replaced by maximally mixed ones, unless kept.

    Args:
        rho: Density matrices, shape (..., dim, dim).
        one: First qubit.
        other: Second qubit.
        kept: Probability that nothing happens, in [0, 1].

    Source:
        Nielsen and Chuang, Quantum Computation and Quantum Information (2010), section 8.3.4.
    """
    mixed = disturb(disturb(rho, one, ANY), other, ANY)
    return kept * rho + (1 - kept) * mixed


def through(rho: Array, channel: Array, wires: Sequence[int]) -> Array:
    """Returns the states after a channel on some of their qubits.

    Args:
        rho: Density matrices, shape (samples, dim, dim).
        channel: From `teleported`.
        wires: The qubits, in the order of the channel's.
    """
    qubits, size = width(rho), len(channel)
    order = [*wires, *(wire for wire in range(qubits) if wire not in wires)]
    axes = [0, *(1 + wire for wire in order), *(1 + qubits + wire for wire in order)]
    table = rho.reshape((len(rho),) + (2,) * (2 * qubits)).transpose(axes)
    table = table.reshape(len(rho), size, -1, size, 2**qubits // size)
    after = np.einsum("ijab,sirjq->sarbq", channel, table)
    back = after.reshape((len(rho),) + (2,) * (2 * qubits)).transpose(np.argsort(axes))
    return back.reshape(rho.shape)
