"""Writes the tables of `partitions.md`: what the partitions are, what they cost, what was played.

python docs/partitions.py

What was played is in `partitions.json` (`partition_runs.py`); the rest is computed here.
"""

import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import partition_runs as runs
import show
from jaxtyping import Array
from numpy.typing import NDArray
from show import PLACEMENTS

from ceas_gym import config, layouts, parameters
from ceas_gym.jax_utils.fast_compile import once
from ceas_gym.learning import circuit, light_cone, placement, remote_gates
from ceas_gym.learning.pauli import Program
from ceas_gym.network import counts, delivery, forecast
from ceas_gym.types import Network

PAGE = Path(__file__).with_name("partitions.md")
LAYERS, QUBITS, QPUS = 3, (4, 6, 8), (2, 3, 4)
TEAMS = ((50, 2, 6), (50, 2, 12), (48, 3, 7), (48, 4, 3), (48, 4, 5), (48, 4, 12))
"""Nodes, QPUs of a team, and Byzantine nodes."""
CEAS = "ceas"
SCHEMES = (
    (
        "`data`",
        "the whole circuit; every node is a team",
        "the encoded data, from the hub to the node",
        "one for each qubit",
    ),
    (
        "`features`, `communication: none`",
        "a circuit of its own on a slice of the features; outcomes are added",
        "the encoded slice, from the hub to the QPU",
        "one for each qubit of the slice",
    ),
    (
        "`features`, `communication: quantum`",
        "neighbouring qubits of one circuit, with a slice of the features",
        "two-qubit gates between QPUs",
        "one of each of two links for a pack of gates",
    ),
    (
        "`circuit`",
        "some qubits of one circuit, placed so that a shot takes fewest pairs",
        "two-qubit gates between QPUs",
        "one of each of two links for a pack of gates",
    ),
)


def page(text: str) -> str:
    """Returns the page with its tables.

    Args:
        text: The page, with marks around each table.

    Raises:
        KeyError: If the page asks for a table that there is not.
    """
    return show.filled(text, lambda name: TABLES[name]())


def schemes() -> str:
    """Returns the table of the partitions."""
    head = ("scheme", "on a QPU", "pairs carry", "pairs of a shot")
    return _table(head, SCHEMES)


def pairs() -> str:
    """Returns the table of pairs per shot, by qubits and QPUs."""
    head = ("qubits", *(f"{qpus} QPUs" for qpus in QPUS))
    rows = [(str(qubits), *(_pairs(_cone(qubits), qpus) for qpus in QPUS)) for qubits in QUBITS]
    return _table(head, rows)


def teams() -> str:
    """Returns the table of bad teams, by nodes, size and Byzantine nodes."""
    head = ("N, M, f", "teams", "bad teams, mean", "a guarantee", "chance that most are good")
    return _table(head, [_team(*numbers) for numbers in TEAMS])


def gates() -> str:
    """Returns the table of mean fidelities of new pairs, and of gates through them."""
    head = ("scenario", "a link's pair", "joined by the hub", "a CZ through it")
    return _table(head, [("`circuit`", *_fidelities())])


def information() -> str:
    """Returns the table of information over that of a uniform schedule."""
    names = [name for name in runs.CONTESTANTS if name != runs.BASE]
    head = ("cell", "theta", *(f"`{name}`" for name in names), "bound on any schedule's")
    rows: list[tuple[str, ...]] = []
    for label, found in played().items():
        base = np.mean(found["random"][runs.BASE]["return"])
        ratios = [_ratio(found["random"].get(name), float(base)) for name in names]
        theta = ", ".join(f"{theta:.1f}" for theta in found["theta"])
        rows.append((label, theta, *ratios, f"{found['bound'] / base:.2f}"))
    return _table(head, rows)


def accuracy() -> str:
    """Returns the table of final accuracies, by cell and placement of the attackers."""
    names = [name for name in runs.CONTESTANTS if name != runs.BASE]
    head = ("cell", "attackers", f"`{runs.BASE}`, %", *(f"`{name}`" for name in names))
    ahead = {name: differences(name, runs.BASE) for name in names}
    rows = [
        (
            label,
            words,
            show.level(found[where][runs.BASE]),
            *(ahead[name].get((label, where), "") for name in names),
        )
        for label, found in played().items()
        for where, words in PLACEMENTS.items()
    ]
    return _table(head, rows)


def rivals() -> str:
    """Returns the table of CEAS minus each rival, by cell and placement of the attackers."""
    names = [name for name in runs.CONTESTANTS if name not in (CEAS, runs.BASE)]
    ahead = {rival: differences(CEAS, rival) for rival in names}
    head = ("cell", "attackers", *(f"minus `{rival}`" for rival in names))
    rows = [
        (label, words, *(ahead[rival].get((label, where), "") for rival in names))
        for label in played()
        for where, words in PLACEMENTS.items()
    ]
    return _table(head, rows)


def speed() -> str:
    """Returns the table of mean rounds to the target accuracy, and of the chance to reach it."""
    head = ("cell", "attackers", *(f"`{name}`" for name in runs.CONTESTANTS))
    rows = [
        (label, words, *(_speed(found[where].get(name)) for name in runs.CONTESTANTS))
        for label, found in played().items()
        for where, words in PLACEMENTS.items()
    ]
    return _table(head, rows)


def differences(one: str, other: str) -> dict[tuple[str, str], str]:
    """Returns the final accuracy of a contestant minus that of another, in points.

    Args:
        one: A contestant.
        other: Another one.

    Returns:
        By cell and placement, where both played, with intervals that hold for all of them at once.
    """
    columns, layout = dict[tuple[str, str], NDArray[np.float64]](), np.zeros(0, int)
    for (label, found), where in itertools.product(played().items(), PLACEMENTS):
        if {one, other} <= set(found[where]):
            layout = np.array(found[where][other]["layout"], int)
            columns[label, where] = _accuracy(found[where][one]) - _accuracy(found[where][other])
    ends = show.leads(list(columns.values()), layout)
    return {key: show.points(*lead) for key, lead in zip(columns, ends, strict=True)}


def played() -> dict[str, Any]:
    """Returns what was played, by cell."""
    return json.loads(runs.KEPT.read_text(encoding="utf-8"))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(show.table(head, rows, words=len(head)))


def _cone(qubits: int) -> Program:
    program = circuit.read_program("hardware_efficient", (LAYERS, qubits, 2), 1)
    return light_cone.effective(light_cone.trimmed(program))


def _pairs(program: Program, qpus: int) -> str:
    home = placement.best(program, qpus)
    remote = remote_gates.distribute(program, home)[1]
    return f"{remote.pairs} ({', '.join(map(str, remote.ends))})"


def _fidelities() -> tuple[str, ...]:
    # Means over teams and layouts. The average fidelity of a gate on two qubits is (4 F + 1) / 5,
    # with its process fidelity F, here without the noise of the local gates.
    found: list[list[float]] = []
    for drawn in layouts.every(parameters.build(config.load("circuit"))):
        link, process = map(float, _of_new_pairs(drawn.network))
        found.append([link, process, (4 * process + 1) / 5])
    return tuple(f"{100 * mean:.1f} %" for mean in np.mean(found, axis=0))


@once
def _of_new_pairs(network: Network) -> tuple[Array, Array]:
    # Mean fidelities of links' new pairs, and of pairs joined for the first gate of a shot.
    link = forecast.new_contraction(network, forecast.nominal(network))
    joined = delivery.of_gate(network, link)[:, 0]
    return counts.fidelity(link).mean(), ((1 + joined.sum(axis=-1)) / 4).mean()


def _team(nodes: int, size: int, bad: int) -> tuple[str, ...]:
    number = nodes // size
    chance = 1 - math.comb(nodes - size, bad) / math.comb(nodes, bad)
    few = sum(_exactly(number, size, bad, k) for k in range((number + 1) // 2))
    return (
        f"{nodes}, {size}, {bad}",
        str(number),
        f"{number * chance:.1f}",
        "yes" if 2 * bad < number else "no",
        f"{few:.3f}",
    )


def _exactly(teams: int, size: int, bad: int, spoiled: int) -> float:
    # Probability that the bad nodes are in so many teams: inclusion and exclusion over the teams.
    ways = sum(
        (-1) ** (spoiled - k) * math.comb(spoiled, k) * math.comb(size * k, bad)
        for k in range(spoiled + 1)
    )
    return math.comb(teams, spoiled) * ways / math.comb(teams * size, bad)


def _ratio(columns: Mapping[str, list[float]] | None, base: float) -> str:
    return "" if columns is None else f"{np.mean(columns['return']) / base:.2f}"


def _speed(columns: Mapping[str, list[float]] | None) -> str:
    if columns is None:
        return ""
    rounds, reached = columns["rounds_to_target"], columns["reached_target"]
    return f"{np.mean(rounds):.1f} ({np.mean(reached):.0%})"


def _accuracy(columns: dict[str, list[float]]) -> NDArray[np.float64]:
    return np.array(columns["final_accuracy"])


TABLES: dict[str, Callable[[], str]] = {
    "schemes": schemes,
    "pairs": pairs,
    "teams": teams,
    "gates": gates,
    "information": information,
    "accuracy": accuracy,
    "speed": speed,
    "rivals": rivals,
}


def main() -> None:
    """Writes the tables into the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
