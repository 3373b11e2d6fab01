"""Which qubits a QPU holds, so that a shot takes few pairs."""

from collections.abc import Callable, Iterator
from itertools import combinations, islice

from ceas_gym.learning import remote_gates
from ceas_gym.learning.pauli import Program

MOST_PLACEMENTS = 10_000
"""Up to so many placements are all compared, which takes a few seconds."""

Home = tuple[int, ...]
"""Number of the QPU of each qubit."""
Cost = tuple[int, int, int]
"""Gates that can't be teleported, then pairs, then halves of pairs at the busiest QPU."""


def best(program: Program, qpus: int, most: int | None = None) -> Home:
    """Returns the placement by which a shot takes fewest pairs.

    Of placements with equally few, it is one that takes fewest halves of pairs at its busiest QPU,
    and of these the first in the order of `placements`. All are compared if there are at most
    `MOST_PLACEMENTS`. Otherwise, a local search starts at blocks of neighbouring qubits, and again
    at qubits dealt to the QPUs in turn. As long as one helps, it makes the best exchange of two
    qubits, or the best move of one. The better of both results is returned, which need not be the
    best placement.

    Args:
        program: Without gates that change nothing (`light_cone.effective`).
        qpus: Number of QPUs, each of which gets a qubit; in [1, qubits].
        most: Most qubits on a QPU; by default as few as possible, qubits / qpus, rounded up.

    Returns:
        Number of the QPU of each qubit. QPUs are numbered in the order of their first qubits.

    Raises:
        ValueError: If there is no such placement.

    Source:
        Exchanges of two: Kernighan and Lin, Bell System Technical Journal 49, 291 (1970), here
        without their series of exchanges.
    """
    qubits = program.qubits
    limit = -(-qubits // qpus) if most is None else most
    _check(qubits, qpus, limit)
    found = list(islice(placements(qubits, qpus, limit), MOST_PLACEMENTS + 1))
    cost = _costs(program)
    if len(found) > MOST_PLACEMENTS:
        found = [_descend(start, limit, cost) for start in _starts(qubits, qpus)]
    chosen = min(found, key=cost)
    if cost(chosen)[0]:
        # Says which gate.
        remote_gates.distribute(program, chosen)
    return chosen


def placements(qubits: int, qpus: int, most: int) -> Iterator[Home]:
    """Yields all placements that use every QPU, in ascending order.

    Those that differ by the numbers of the QPUs only count once.

    Args:
        qubits: At least 1.
        qpus: At least 1.
        most: Most qubits on a QPU.

    Example:
        >>> list(placements(3, 2, 2))
        [(0, 0, 1), (0, 1, 0), (0, 1, 1)]
    """

    def grow(home: Home, used: int) -> Iterator[Home]:
        if qpus - used > qubits - len(home):
            return
        if len(home) == qubits:
            yield home
            return
        for qpu in range(min(used + 1, qpus)):
            if home.count(qpu) < most:
                yield from grow((*home, qpu), max(used, qpu + 1))

    return grow((), 0)


def _check(qubits: int, qpus: int, most: int) -> None:
    if qpus > qubits:
        raise ValueError(f"{qpus} QPUs share a circuit of {qubits} qubits; give each at least one")
    if most * qpus < qubits:
        raise ValueError(
            f"{qpus} QPUs of at most {most} qubits hold {most * qpus} of the circuit's {qubits}; "
            "take more QPUs, or let each hold more qubits"
        )


def _costs(program: Program) -> Callable[[Home], Cost]:
    known = dict[Home, Cost]()

    def cost(home: Home) -> Cost:
        if home not in known:
            known[home] = _cost(program, home)
        return known[home]

    return cost


def _cost(program: Program, home: Home) -> Cost:
    blocked = len(remote_gates.untransportable(program, home))
    if blocked:
        return blocked, 0, 0
    _, remote = remote_gates.distribute(program, home)
    return 0, remote.pairs, max(remote.ends)


def _starts(qubits: int, qpus: int) -> list[Home]:
    blocks = tuple(qubit * qpus // qubits for qubit in range(qubits))
    return [blocks, tuple(qubit % qpus for qubit in range(qubits))]


def _descend(home: Home, most: int, cost: Callable[[Home], Cost]) -> Home:
    while True:
        better = min(_changes(home, most), key=cost, default=home)
        if cost(better) >= cost(home):
            return _renumbered(home)
        home = better


def _changes(home: Home, most: int) -> Iterator[Home]:
    for one, other in combinations(range(len(home)), 2):
        if home[one] != home[other]:
            yield _with(home, {one: home[other], other: home[one]})
    for qubit, qpu in enumerate(home):
        for target in range(max(home) + 1):
            # No QPU is left without a qubit.
            if target != qpu and home.count(target) < most and home.count(qpu) > 1:
                yield _with(home, {qubit: target})


def _with(home: Home, changed: dict[int, int]) -> Home:
    return tuple(changed.get(qubit, qpu) for qubit, qpu in enumerate(home))


def _renumbered(home: Home) -> Home:
    order = {qpu: number for number, qpu in enumerate(dict.fromkeys(home))}
    return tuple(order[qpu] for qpu in home)
