"""Writes the tables of `consensus.md`: what a round of the committee costs, and who can spoil it.

python docs/consensus.py
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ceas_gym.consensus.committee import counts, keys
from ceas_gym.consensus.committee.behaviours import BEHAVIOURS
from ceas_gym.consensus.committee.round import Outcome, execute
from ceas_gym.consensus.committee.settings import Committee, Protocol
from ceas_gym.physics import key

PAGE = Path(__file__).parent / "consensus.md"
TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(\n<!-- end -->)", re.DOTALL)
NODES, PARAMETERS, SECURITY_BITS = 50, 65, 64
OUTCOMES = bytes(range(128))
"""Of 512 Bell measurements, two bits each, by which a member serves a node in a round."""
FOUR: tuple[int, int, Protocol] = (4, 1, "none")
COMMITTEES: tuple[tuple[int, int, Protocol], ...] = (
    (1, 0, "none"),
    FOUR,
    (7, 2, "none"),
    (3, 1, "one_time_hash"),
    (5, 2, "one_time_hash"),
)
HEADER_BITS = 72
"""Of every message, before its words."""


def page(text: str) -> str:
    """Returns the page with its tables.

    Args:
        text: The page, with marks around each table.

    Raises:
        KeyError: If the page asks for a table that there is not.
    """
    return TABLE.sub(lambda match: match[1] + TABLES[match[2]]() + match[3], text)


def committee_of(members: int, byzantine: int, signatures: Protocol, nodes: int) -> Committee:
    """Returns a committee whose tags are long enough for its longest message, a vote or an update.

    Args:
        members: Number c of members.
        byzantine: Number b of Byzantine members that it withstands.
        signatures: As in `Committee`.
        nodes: Number of nodes.
    """
    longest = HEADER_BITS + max(32 * PARAMETERS, 8 * 33 * nodes)
    bits = key.tag_bits(longest, SECURITY_BITS)
    return Committee(members=members, byzantine=byzantine, tag_bits=bits, signatures=signatures)


def played(behaviour: str, nodes: int = 5) -> Outcome:
    """Returns an executed round of four members, of whom member 0, the first king, is Byzantine.

    Args:
        behaviour: What member 0 does.
        nodes: Number of nodes, all of them honest.
    """
    committee = committee_of(*FOUR, nodes)
    random = np.random.default_rng(0)
    store = keys.full(committee, nodes, random, tags=counts.most_on_link(committee))
    updates = random.normal(size=(nodes, PARAMETERS))
    return execute(
        committee,
        np.zeros(PARAMETERS),
        updates,
        store,
        _mean,
        bad=[0],
        behaviour=BEHAVIOURS[behaviour],
        served={(m, k): OUTCOMES for m in range(committee.members) for k in range(nodes)},
    )


def _mean(updates: Mapping[int, NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.stack(list(updates.values())).mean(axis=0)


def _costs() -> str:
    lines = [
        "| c | b | signatures | tags of nodes | tags among members | signatures | key, bits "
        "| key over that of one hub | exchanges |",
        "|---:|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    rounds = {each: counts.of_round(committee_of(*each, NODES), NODES) for each in COMMITTEES}
    hub = rounds[COMMITTEES[0]].key_bits
    for (c, b, signatures), cost in rounds.items():
        lines.append(
            f"| {c} | {b} | {signatures} | {cost.node_tags} | {cost.member_tags} "
            f"| {cost.signatures} | {cost.key_bits:,} | {cost.key_bits / hub:.1f} "
            f"| {cost.exchanges} |"
        )
    return "\n".join(lines)


def _behaviours() -> str:
    lines = [
        "| member 0 | models accepted | corrections lost | corrections changed | updates counted "
        "| fetches | time-outs waited for |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, outcome in ((name, played(name)) for name in BEHAVIOURS):
        accepted = sum(model is not None for model in outcome.accepted.values())
        arrived = outcome.corrections.values()
        lost = FOUR[0] * len(outcome.taking_part) - len(arrived)
        changed = sum(body != OUTCOMES for body in arrived)
        lines.append(
            f"| {name} | {accepted} | {lost} | {changed} | {len(outcome.counted())} "
            f"| {outcome.fetches} | {outcome.deadline} |"
        )
    return "\n".join(lines)


TABLES = {"costs": _costs, "behaviours": _behaviours}


def main(path: Path = PAGE) -> None:
    """Writes the page anew."""
    path.write_text(page(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
