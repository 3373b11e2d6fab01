"""Writes the tables of `consensus.md`: what a round of the committee costs, and who can spoil it.

python docs/consensus.py
"""

import re
from collections.abc import Mapping
from dataclasses import replace
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
PAIRS = 512
"""Bell measurements by which a member serves a node in a round, at most."""
OUTCOMES = bytes(range(2 * PAIRS // 8))
"""Their outcomes, two bits each."""
FOUR: tuple[int, int, Protocol] = (4, 1, "none")
COMMITTEES: tuple[tuple[int, int, Protocol], ...] = (
    (1, 0, "none"),
    FOUR,
    (7, 2, "none"),
    (3, 1, "one_time_hash"),
    (5, 2, "one_time_hash"),
)
LONGEST_TAG_BITS = 128
"""No tag here is as long."""


def page(text: str) -> str:
    """Returns the page with its tables.

    Args:
        text: The page, with marks around each table.

    Raises:
        KeyError: If the page asks for a table that there is not.
    """
    return TABLE.sub(lambda match: match[1] + TABLES[match[2]]() + match[3], text)


def committee_of(members: int, byzantine: int, signatures: Protocol, nodes: int) -> Committee:
    """Returns a committee whose tags are long enough for its longest message.

    Args:
        members: Number c of members.
        byzantine: Number b of Byzantine members that it withstands.
        signatures: As in `Committee`.
        nodes: Number of nodes.
    """
    # Messages contain signatures as long as a tag, so the bound is one for tags that are too long.
    draft = Committee(
        members=members, byzantine=byzantine, tag_bits=LONGEST_TAG_BITS, signatures=signatures
    )
    longest = counts.longest_message_bits(draft, nodes, PARAMETERS, PAIRS)
    return replace(draft, tag_bits=key.tag_bits(longest, SECURITY_BITS))


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
        "| c | b | signatures | tags of nodes | tags among members | most fetches | signatures "
        "| bits of a tag | key, bits | key over that of one hub | exchanges |",
        "|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    committees = [committee_of(*each, NODES) for each in COMMITTEES]
    hub = counts.of_round(committees[0], NODES).key_bits
    for committee in committees:
        cost = counts.of_round(committee, NODES)
        lines.append(
            f"| {committee.members} | {committee.byzantine} | {committee.signatures} "
            f"| {cost.node_tags} | {cost.member_tags} | {counts.most_fetches(committee)} "
            f"| {cost.signatures} | {committee.tag_bits} | {cost.key_bits:,} "
            f"| {cost.key_bits / hub:.1f} | {cost.exchanges} |"
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
