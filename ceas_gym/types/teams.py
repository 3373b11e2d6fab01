"""Which nodes work on a circuit together, and what an execution of it takes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
from jaxtyping import Array, Float, Int

from ceas_gym.types.fields import static


class Shot(NamedTuple):
    """What one execution of the circuit takes of each QPU of a team; part of compiled programs.

    The QPUs of a team are numbered from 0. In the data partition a team has one QPU.
    """

    qubits: int
    """Qubits of the register whose fidelity counts as the signal; at least 1."""
    data: tuple[int, ...] = ()
    """Qubits of data that are teleported to each QPU; at least 0."""
    gates: tuple[tuple[int, int], ...] = ()
    """The two QPUs of each teleported gate, in the order of time."""
    runs: tuple[int, ...] = ()
    """Number of each gate's run, in ascending order from 0: gates of a run wait together."""
    alone: bool = True
    """Whether the QPUs execute circuits of their own, and need not have pairs at the same time."""

    @property
    def ends(self) -> tuple[int, ...]:
        """Returns how many pairs of each QPU's link a shot takes.

        A teleported gate takes a pair of each of its two QPUs, which the hub joins by a swap.

        Example:
            >>> Shot(qubits=4, data=(0, 0), gates=((0, 1), (1, 0), (0, 1))).ends
            (3, 3)
        """
        ends = list(self.data)
        for qpus in self.gates:
            for qpu in qpus:
                ends[qpu] += 1
        return tuple(ends)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Teams:
    """Which nodes make an update together, and what a shot of theirs takes (`network.teams`).

    In the data partition every node is a team of its own.
    """

    nodes: Int[Array, "teams qpus"]
    """Node that is each QPU of the team. The first one sends the team's update, and has its key."""
    of_node: Int[Array, " nodes"]
    """Team of each node."""
    qpu: Int[Array, " nodes"]
    """Which QPU of its team a node is."""
    gate_contraction: Float[Array, "teams gates xyz"]
    """Contraction of a gate's pair by the swap at the hub, the wait for outcomes, and the readouts
    of the gate; in [-1, 1]."""
    idle: Float[Array, "teams runs qpus xyz"]
    """Factor on X, Y and Z of each QPU's qubits while signals of a run of gates travel; in
    [0, 1]."""
    shot: Shot = static()

    @property
    def number(self) -> int:
        """Returns the number of teams, at least 1."""
        return self.nodes.shape[0]

    @property
    def size(self) -> int:
        """Returns the number of nodes of a team, at least 1."""
        return self.nodes.shape[1]
