"""A circuit that several QPUs share: which of its gates are remote, and which share a pair.

Remote gates are gates across QPUs. A CZ is teleported through a pair between the QPUs, as are CNOT
and CY, which are a CZ between turns of the target. Gates that share a pair (`packing`) stand
directly after one another, so that the noise of the pair acts at the last of them (`remote_noise`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning import packing
from ceas_gym.learning.packing import Edge, Gate
from ceas_gym.learning.pauli import (
    PAULI_MATRICES,
    Constant,
    Program,
    Rotation,
    Step,
    transfer_matrix,
)

_HADAMARD = np.array([[1, 1], [1, -1]], complex) / np.sqrt(2)
_SWAP = np.eye(4, dtype=complex)[[0, 2, 1, 3]]


def _transfer(unitary: NDArray[np.complex128]) -> NDArray[np.float64]:
    # Of a Clifford gate, so that every entry is 0, 1 or -1 but for rounding.
    return transfer_matrix(unitary).round() + 0.0


def _controlled(letter: NDArray[np.complex128]) -> NDArray[np.complex128]:
    return np.kron(np.diag([1, 0]), np.eye(2)) + np.kron(np.diag([0, 1]), letter)


_KNOWN = {
    **{
        f"C{letter}": _transfer(_controlled(PAULI_MATRICES["IXYZ".index(letter)]))
        for letter in "XYZ"
    },
    "SWAP": _transfer(_SWAP),
    "ISWAP": _transfer(np.diag([1, 1j, 1j, 1]) @ _SWAP),
}
"""Transfer matrices of joint gates by name; CX is CNOT."""
_TURNS = {"CX": _HADAMARD, "CY": np.diag([1, 1j]) @ _HADAMARD}
"""U with U Z U+ = X or Y: the gate is U+ on the target, then a CZ, then U on the target."""


class Pack(NamedTuple):
    """CZs that are teleported through one pair."""

    control: int
    targets: tuple[int, ...]
    """In the order of their CZs in time."""
    qpus: tuple[int, int]
    """QPU of the control, and QPU of the targets."""
    last: int
    """Which of the program's steps is the last of its CZs."""


@dataclass(frozen=True)
class Remote:
    """What a team of QPUs teleports in one shot of a circuit that it shares."""

    home: tuple[int, ...]
    """Number of the QPU of each qubit."""
    packs: tuple[Pack, ...]
    """In the order of time."""
    run: tuple[int, ...]
    """Number of the run of each pack, in [0, runs). Packs of one run wait for signals together."""

    @property
    def qpus(self) -> int:
        """Returns the number of QPUs, M >= 1."""
        return max(self.home) + 1

    @property
    def pairs(self) -> int:
        """Returns how many pairs between QPUs a shot takes: one for each pack."""
        return len(self.packs)

    @property
    def runs(self) -> int:
        """Returns how many runs have remote gates."""
        return len(set(self.run))

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """Returns how many halves of pairs a shot takes at each QPU.

        This is also the number of pairs on its link to the hub, which joins two of them by a swap.
        """
        used = [qpu for pack in self.packs for qpu in pack.qpus]
        return tuple(used.count(qpu) for qpu in range(self.qpus))


def distribute(program: Program, home: Sequence[int]) -> tuple[Program, Remote]:
    """Returns the same circuit with the gates of each pack side by side, and its packs.

    Gates only move past gates with which they commute. Two equal CZs in one run cancel.

    Args:
        program: Without gates that change nothing (`light_cone.effective`), which would take pairs.
        home: Number of the QPU of each qubit; QPUs count from 0.

    Raises:
        ValueError: If `home` does not fit the program, or a gate across QPUs can't be teleported.

    Source:
        The cat-entangler: Yimsiriwattana and Lomonaco, arXiv:quant-ph/0402148; packs: Wu et al.,
        Quantum 7, 1196 (2023), arXiv:2212.12688.
    """
    check_home(home, program.qubits)
    _check_gates(program, home)
    ordered, packs, runs = list[Step](), list[Pack](), list[int]()
    for run, members in _runs([part for step in program.steps for part in _parts(step, home)]):
        remote = [step.wires for step in members if _is_remote(step, home)]
        ordered += [step for step in members if not _is_remote(step, home)]
        for control, targets in packing.stars(_odd(remote), home):
            ordered += [Constant(_KNOWN["CZ"], (control, target)) for target in targets]
            qpus = (home[control], home[targets[0]])
            packs.append(Pack(control, targets, qpus, last=len(ordered) - 1))
            runs.append(run)
    # Runs without remote gates don't count.
    numbers = {run: number for number, run in enumerate(sorted(set(runs)))}
    remote = Remote(tuple(home), tuple(packs), tuple(numbers[run] for run in runs))
    return replace(program, steps=tuple(ordered)), remote


def check_home(home: Sequence[int], qubits: int) -> None:
    """Refuses a placement that does not fit.

    Args:
        home: Number of the QPU of each qubit.
        qubits: Of the circuit, at least 1.

    Raises:
        ValueError: If it has another number of qubits, or QPUs don't count from 0 without a gap.

    Example:
        >>> check_home((0, 1, 1), qubits=3)
    """
    if len(home) != qubits:
        raise ValueError(
            f"the placement names the QPUs of {len(home)} qubits, but the circuit has {qubits}"
        )
    used = sorted(set(home))
    if used != list(range(len(used))):
        raise ValueError(
            f"the placement numbers its QPUs {', '.join(map(str, used))}, but they count from 0 "
            "without a gap"
        )


def untransportable(program: Program, home: Sequence[int]) -> list[Step]:
    """Returns the gates across QPUs that can't be teleported.

    Args:
        program: Gates.
        home: Number of the QPU of each qubit.
    """
    teleported = ("CZ", *_TURNS)
    return [
        step for step in program.steps if _is_remote(step, home) and _name(step) not in teleported
    ]


def _check_gates(program: Program, home: Sequence[int]) -> None:
    refused = untransportable(program, home)
    if refused:
        gate, qubits = _name(refused[0]), " and ".join(map(str, refused[0].wires))
        raise ValueError(
            f"gate {gate} on qubits {qubits} acts across QPUs, but only CZ, CNOT and CY are "
            "teleported; place both qubits on one QPU"
        )


def _is_remote(step: Step, home: Sequence[int]) -> bool:
    return len({home[wire] for wire in step.wires}) > 1


def _parts(step: Step, home: Sequence[int]) -> Iterator[Step]:
    # A remote CNOT or CY as a CZ between two turns of the target.
    if not _is_remote(step, home) or _name(step) == "CZ":
        yield step
        return
    turn = _TURNS[_name(step)]
    yield Constant(_transfer(turn.conj().T), step.wires[1:])
    yield Constant(_KNOWN["CZ"], step.wires)
    yield Constant(_transfer(turn), step.wires[1:])


def _runs(steps: list[Step]) -> Iterator[tuple[int, list[Step]]]:
    # Each run with the gates that stand before it.
    places = packing.places([Gate(step.wires, _is_diagonal(step)) for step in steps])
    order = sorted(range(len(steps)), key=lambda number: (places[number], number))
    for run, members in groupby(order, key=lambda number: places[number][0]):
        yield run, [steps[number] for number in members]


def _odd(edges: Sequence[tuple[int, ...]]) -> list[Edge]:
    # Two equal CZs are the identity.
    pairs = [(min(edge), max(edge)) for edge in edges]
    return [pair for pair in dict.fromkeys(pairs) if pairs.count(pair) % 2]


# Equal steps are different keys, but a placement is sought with the same steps again and again.
@lru_cache(maxsize=8192)
def _name(step: Step) -> str:
    if isinstance(step, Rotation):
        return f"Ising{step.word}"
    alike = (name for name, matrix in _KNOWN.items() if _is_close(step.matrix, matrix))
    return next(alike, "without a name")


def _is_close(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return one.shape == other.shape and np.allclose(one, other, atol=1e-9)


@lru_cache(maxsize=8192)
def _is_diagonal(step: Step) -> bool:
    # Whether it leaves every word of I and Z alone.
    if isinstance(step, Rotation):
        return set(step.word) <= set("IZ")
    size = len(step.matrix)
    numbers = np.indices((4,) * len(step.wires)).reshape(len(step.wires), size)
    kept = np.isin(numbers, (0, 3)).all(axis=0)
    return np.allclose(step.matrix[:, kept], np.eye(size)[:, kept], atol=1e-9)
