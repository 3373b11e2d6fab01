"""Writes the tables and the figure of `consensus.md`: what a committee costs, and what it changes.

python docs/consensus.py

What was played is in `committee.json` (`committee.py`); the rest is executed here.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import committee as runs
import numpy as np
import show
from numpy.typing import NDArray
from show import PLACEMENTS, Lead

from ceas_agents.figures import plots, style
from ceas_gym.consensus.committee import counts, keys
from ceas_gym.consensus.committee.behaviours import BEHAVIOURS
from ceas_gym.consensus.committee.round import Outcome, execute
from ceas_gym.consensus.committee.settings import Committee, Protocol
from ceas_gym.physics import key

Found = dict[str, Any]
Place = tuple[str, str, str]
PAGE = Path(__file__).parent / "consensus.md"
NODES, PARAMETERS, SECURITY_BITS = 50, 65, 64
PAIRS = 512
"""Most Bell measurements by which a member teleports data to a node in a round."""
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
    return show.filled(text, lambda name: TABLES[name]())


def committee_of(members: int, byzantine: int, signatures: Protocol, nodes: int) -> Committee:
    """Returns a committee whose tags are long enough for its longest message.

    Args:
        members: Number c of members.
        byzantine: Number b of Byzantine members that it withstands.
        signatures: As in `Committee`.
        nodes: Number of nodes.
    """
    # Some messages contain signatures, which are as long as a tag, so the bound is for long tags.
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


# --- What was played ---


def ladder(found: Found) -> Iterator[str]:
    """Yields the lines of the table: accuracy of the fair baseline, and the others' leads."""
    for placement, where in PLACEMENTS.items():
        yield from ("", f"Attackers {where}:", "")
        yield show.line(["hubs", "rung", "theta", *runs.CONTESTANTS, "commits"])
        yield "|---|---|---:|" + "---:|" * (len(runs.CONTESTANTS) + 1)
        ends = {name: leads(found, name) for name in runs.CONTESTANTS if name != runs.BASE}
        for committee, rungs in found.items():
            for rung, entry in sorted(rungs.items(), key=lambda each: each[1]["theta"][0]):
                uniform, aware = entry["theta"]
                row = [
                    show.level(entry[placement][runs.BASE])
                    if name == runs.BASE
                    else show.points(*ends[name][committee, rung, placement])
                    for name in runs.CONTESTANTS
                ]
                row.append(
                    " / ".join(_commits(entry[placement][name]) for name in runs.CONTESTANTS)
                )
                yield show.line([committee, rung, f"{uniform:.1f} / {aware:.1f}", *row])


def attacks(found: Found) -> Iterator[str]:
    """Yields the lines of the table: what attacks cost CEAS on `paper`, with four members."""
    yield (
        "| attack | final accuracy, % | minus white_box, points | pairs a round | shots a round "
        "| pairs of members a round | rounds committed, % | round of exposure (median) |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    alone = np.array(found["white_box"]["final_accuracy"])
    layout = np.array(found["white_box"]["layout"], int)
    lost = [np.array(rows["final_accuracy"]) - alone for rows in found.values()]
    ends = show.leads(lost, layout)
    for (name, rows), lead in zip(found.items(), ends, strict=True):
        means = [f"{np.mean(rows[each]):,.0f}" for each in runs.MEANS[:3]]
        means.append(f"{100 * np.mean(rows['committed']):.0f}")
        seen = np.median(rows["rounds_to_exposure"]) + 1
        exposed = f"{seen:.0f}" if f"false_data{runs.TRAPS}" in name else ""
        minus = "" if name == "white_box" else show.points(*lead)
        yield show.line([name, show.level(rows), minus, *means, exposed])


def leads(found: Found, name: str, base: str = runs.BASE) -> dict[Place, Lead]:
    """Returns the differences in final accuracy in all cells, with simultaneous intervals.

    Args:
        found: From `gather`.
        name: The contestant whose lead it is.
        base: The contestant that it is compared with.
    """
    places = [
        (committee, rung, placement)
        for committee, rungs in found.items()
        for rung in rungs
        for placement in PLACEMENTS
    ]
    columns = [
        np.subtract(*(found[c][r][p][each]["final_accuracy"] for each in (name, base)))
        for c, r, p in places
    ]
    return dict(zip(places, show.leads(columns, _layouts(found)), strict=True))


def draw(found: Found, path: Path) -> None:
    """Draws the lead of CEAS over the fair baseline by scarcity, for every committee."""
    shades = dict(zip(runs.COMMITTEES, ("#999999", plots.COLOURS["ceas"], "#D55E00"), strict=True))
    ends = leads(found, runs.FIRST)
    with style.applied():
        figure = style.figure(4.4)
        axes = figure.subplots(2, 1, sharex=True, sharey=True)
        for panel, (placement, where) in zip(axes, PLACEMENTS.items(), strict=True):
            panel.axhline(0, color="#999999", linewidth=0.8)
            for committee, shade in shades.items():
                _curve(panel, found[committee], ends, (committee, placement), shade)
            panel.set_title(f"attackers {where}", loc="right", fontsize=9)
        axes[1].set_xscale("log")
        axes[1].xaxis.set_major_formatter("{x:g}")
        figure.supxlabel("windows until a uniform schedule has tagged a quorum", fontsize=9)
        figure.supylabel("points, with simultaneous 95 % intervals", fontsize=9)
        axes[0].legend(frameon=False, loc="lower left", ncols=3)
        style.head(figure, "Lead of CEAS in final accuracy over the fair baseline, by scarcity")
        style.save(figure, path)


def _curve(
    panel: Any,  # noqa: ANN401 - Matplotlib's
    rungs: Found,
    ends: dict[Place, Lead],
    place: tuple[str, str],
    shade: str,
) -> None:
    (committee, placement), order = place, sorted(rungs, key=lambda rung: rungs[rung]["theta"][0])
    found = [ends[committee, rung, placement] for rung in order]
    thetas = [rungs[rung]["theta"][0] for rung in order]
    show.bars(panel, thetas, found, color=shade, fmt="o-", linewidth=0.8, label=committee)


def _layouts(found: Found) -> NDArray[np.int64]:
    # The same seeds are played everywhere, so their layouts are the same.
    return np.array(found["c = 1"]["paper"]["random"][runs.FIRST]["layout"], int)


def _commits(columns: dict[str, list[float]]) -> str:
    return f"{np.mean(columns['committed_rounds']):.0f}"


def _kept() -> Any:  # noqa: ANN401 - a record of JSON
    return json.loads(runs.KEPT.read_text(encoding="utf-8"))


TABLES: dict[str, Callable[[], str]] = {
    "costs": _costs,
    "behaviours": _behaviours,
    "ladder": lambda: "\n".join(ladder(_kept()["ladder"])),
    "attacks": lambda: "\n".join(attacks(_kept()["attacks"])),
}


def main(path: Path = PAGE) -> None:
    """Writes the tables and the figure anew."""
    path.write_text(page(path.read_text("utf-8")), "utf-8")
    draw(_kept()["ladder"], path.parent / "figures" / "committee.png")


if __name__ == "__main__":
    main()
