"""Plays the ladder with one hub and with committees, for table and figure of `consensus.md`.

    python docs/committee.py runs/committee && python docs/consensus.py

On every rung, the learning rate of every contestant is tuned for every committee, on seeds of its
own and with attackers at random. The folder keeps all episodes, and an interrupted run goes on from
there. `committee.json`, beside the page, keeps what the tables are made of.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_agents.evaluation import contestants, results, tuned
from ceas_agents.evaluation import play as evaluate
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.figures import plots, style
from ceas_agents.policies import scarcity
from ceas_agents.statistics import comparisons, intervals
from ceas_agents.tuning import search
from ceas_gym import config, parameters
from ceas_gym.scenario import Scenario

NETWORKS: dict[str, object] = {"episode.layouts": 32, "episode.target_accuracy": 0.88}
HARDWARE: dict[str, tuple[str, dict[str, object]]] = {
    "paper, 40 modes": ("paper", {"hardware.modes": 40}),
    "paper, 20 modes": ("paper", {"hardware.modes": 20}),
    **{name: (name, {}) for name in ("paper", "short-memory", "scarce", "metro", "unequal")},
}
"""The ladder, and above it `paper` with better hardware, so that committees have plenty too."""
LINKS: dict[str, object] = {"consensus.committee.link_interfaces": 4}
"""Enough for the key of the members on all rungs."""
COMMITTEES: dict[str, dict[str, object]] = {
    "c = 1": {},
    "c = 4": {"consensus.committee.members": 4, "consensus.committee.byzantine": 1, **LINKS},
    "c = 7": {"consensus.committee.members": 7, "consensus.committee.byzantine": 2, **LINKS},
}
ALL_TAGS = "c = 1, all tags"
"""A single hub whose messages all have tags: what is due to the tags, and not to the committee."""
PLACEMENTS = {"random": "at random", "best_links": "on the best links"}
CONTESTANTS = ("ceas", "static-subset", "proportional_fair", "oblivious-fair")
FIRST, BASE = "ceas", "oblivious-fair"
MEMBERS_LIE = "leader_stall+equivocation+withheld_confirmation"
TRAPS: dict[str, object] = {"consensus.committee.trap_share": 0.02}
ATTACKS: dict[str, dict[str, object]] = {
    name: {"attack.name": name.partition(",")[0], **traps}
    for name, traps in {
        "white_box": {},
        "white_box+leader_stall": {},
        "white_box+equivocation": {},
        "white_box+withheld_confirmation": {},
        "white_box+false_data": {},
        "white_box, traps": TRAPS,
        "white_box+false_data, traps": TRAPS,
        "ceas_adversary": {},
        f"ceas_adversary+{MEMBERS_LIE}": {},
        f"ceas_adversary+{MEMBERS_LIE}+false_data": {},
        f"ceas_adversary+{MEMBERS_LIE}+false_data, traps": TRAPS,
    }.items()
}
"""Attacks by nodes, and by the Byzantine member of four; some where 2 % of the shots are traps."""
MEANS = ("pairs_generated", "shots", "member_pairs", "committed")
SEED, EPISODES, TRAINING = 70_000, 64, 8
KEPT = Path(__file__).with_name("committee.json")
FIGURE = Path(__file__).with_name("figures") / "committee.png"
COLUMNS = ("final_accuracy", "mean_accuracy", "committed_rounds", "layout")
Values = NDArray[np.float64]
Found = dict[str, Any]


class Cell(NamedTuple):
    """A rung with a committee, whatever the placement of the attackers."""

    rung: str
    committee: str
    scenario: Scenario


def cells() -> Iterator[Cell]:
    """Yields all cells, committee by committee, so that programs are compiled once."""
    committees = COMMITTEES | {ALL_TAGS: {"consensus.tagged_messages": "all"}}
    for committee, settings in committees.items():
        for rung, (name, changes) in HARDWARE.items():
            if committee in COMMITTEES or name == "paper":
                scenario = config.load(name, NETWORKS | changes | settings)
                yield Cell(rung, committee, scenario)


def play(folder: Path) -> None:
    """Tunes and plays what the folder lacks, and prints the mean accuracy of each contestant."""
    folder.mkdir(parents=True, exist_ok=True)
    for cell in cells():
        for name in CONTESTANTS:
            contestant = _tuned(folder, cell, contestants.get(name))
            for placement in PLACEMENTS:
                path = _file(folder, cell, f"{placement}, {name}")
                if not path.exists():
                    rows = _episodes(cell.scenario, contestant, placement)
                    results.write_json(path, rows)
                    mean = np.mean([row["final_accuracy"] for row in rows])
                    print(path.stem, f"{mean:.3f}", flush=True)


def attack(folder: Path) -> Found:
    """Returns what CEAS reaches on `paper` with a committee of four under each attack."""
    cell = next(each for each in cells() if (each.rung, each.committee) == ("paper", "c = 4"))
    contestant = _tuned(folder, cell, contestants.get(FIRST))
    found: Found = {}
    for label, changes in ATTACKS.items():
        path = _file(folder, cell, f"under {label}")
        if not path.exists():
            results.write_json(path, _under(config.load(cell.scenario, changes), contestant))
        found[label] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _under(scenario: Scenario, contestant: Contestant) -> dict[str, list[float]]:
    params = evaluate.prepare(scenario, [contestant])[contestant.name]
    seeds = range(SEED, SEED + EPISODES)
    played = evaluate.episodes(contestant, params, scenario.episode.rounds, seeds)
    columns: dict[str, list[float]] = {}
    for _, rounds in played:
        row = {name: float(rounds[name].mean()) for name in MEANS} | {
            "final_accuracy": float(rounds["accuracy"][-1]),
            "rounds_to_exposure": float((rounds["exposed_members"] == 0).sum()),
            "layout": float(rounds["layout"][0]),
        }
        for name, value in row.items():
            columns.setdefault(name, []).append(round(value, 6))
    return columns


def gather(folder: Path) -> Found:
    """Returns what the page shows: theta of every cell, and the columns of every contestant."""
    found: Found = {}
    for cell in cells():
        params = parameters.build(cell.scenario)
        thetas = (scarcity.theta_uniform, scarcity.theta_aware)
        entry: Found = {"theta": [scarcity.over_layouts(each, params) for each in thetas]}
        for placement in PLACEMENTS:
            entry[placement] = {
                name: _columns(folder, cell, placement, name) for name in CONTESTANTS
            }
        found.setdefault(cell.committee, {})[cell.rung] = entry
    return found


def _tuned(folder: Path, cell: Cell, contestant: Contestant) -> Contestant:
    path = _file(folder, cell, f"tuned, {contestant.name}")
    if not path.exists():
        plan = search.plan(cell.scenario, [contestant], TRAINING)
        trials = list(search.trials(plan, contestant, lambda *_: None))
        best = search.best(trials, search.start(plan.scenario, contestant))
        results.write_json(path, best.setting)
    return tuned.changed(contestant, json.loads(path.read_text(encoding="utf-8")))


def _episodes(scenario: Scenario, contestant: Contestant, placement: str) -> list[dict[str, float]]:
    placed = config.load(scenario, {"attack.placement": placement})
    params = evaluate.prepare(placed, [contestant])[contestant.name]
    seeds = range(SEED, SEED + EPISODES)
    played = evaluate.episodes(contestant, params, scenario.episode.rounds, seeds)
    return [evaluate.summary(each, scenario.episode.target_accuracy) for _, each in played]


def _file(folder: Path, cell: Cell, what: str) -> Path:
    return folder / f"{cell.rung}, {cell.committee}, {what.replace(':', ' ')}.json"


def _columns(folder: Path, cell: Cell, placement: str, name: str) -> dict[str, list[float]]:
    path = _file(folder, cell, f"{placement}, {name}")
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {column: [round(row[column], 6) for row in rows] for column in COLUMNS}


# --- The table and the figure ---


def ladder(found: Found) -> Iterator[str]:
    """Yields the lines of the table: accuracy of the fair baseline, and the others' leads."""
    for placement, where in PLACEMENTS.items():
        yield from ("", f"Attackers {where}:", "")
        yield f"| hubs | rung | theta | {' | '.join(CONTESTANTS)} |"
        yield "|---|---|---:|" + "---:|" * len(CONTESTANTS)
        ends = {name: leads(found, name) for name in CONTESTANTS if name != BASE}
        for committee, rungs in found.items():
            for rung, entry in sorted(rungs.items(), key=lambda each: each[1]["theta"][0]):
                uniform, aware = entry["theta"]
                row = [
                    _level(entry[placement][BASE])
                    if name == BASE
                    else _points(*ends[name][committee, rung, placement])
                    for name in CONTESTANTS
                ]
                yield f"| {committee} | {rung} | {uniform:.1f} / {aware:.1f} | {' | '.join(row)} |"


def attacks(found: Found) -> Iterator[str]:
    """Yields the lines of the table: what each attack costs CEAS on `paper`, with four hubs."""
    yield (
        "| attack | final accuracy, % | minus white_box, points | pairs a round | shots a round "
        "| pairs of members a round | round in which the member is exposed |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|"
    alone = np.array(found["white_box"]["final_accuracy"])
    layout = np.array(found["white_box"]["layout"], int)
    lost = {name: np.array(rows["final_accuracy"]) - alone for name, rows in found.items()}
    low, high = comparisons.simultaneous(np.stack(list(lost.values()), axis=1), layout)
    for column, (name, rows) in enumerate(found.items()):
        means = [f"{np.mean(rows[each]):,.0f}" for each in MEANS[:3]]
        seen = np.median(rows["rounds_to_exposure"]) + 1
        exposed = f"{seen:.0f}" if "false_data, traps" in name else ""
        lead = _points(lost[name], low[column], high[column]) if column else ""
        yield f"| {name} | {_level(rows)} | {lead} | {' | '.join(means)} | {exposed} |"


def leads(
    found: Found, name: str, base: str = BASE
) -> dict[tuple[str, str, str], tuple[Values, float, float]]:
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
    low, high = comparisons.simultaneous(np.stack(columns, axis=1), _layouts(found))
    return dict(zip(places, zip(columns, low, high, strict=True), strict=True))


def draw(found: Found, path: Path) -> None:
    """Draws the lead of CEAS over the fair baseline by scarcity, for every committee."""
    shades = dict(zip(COMMITTEES, ("#999999", plots.COLOURS["ceas"], "#D55E00"), strict=True))
    ends = leads(found, FIRST)
    with style.applied():
        figure = style.figure(4.4)
        axes = figure.subplots(2, 1, sharex=True, sharey=True)
        for panel, (placement, where) in zip(axes, PLACEMENTS.items(), strict=True):
            panel.axhline(0, color="#999999", linewidth=0.8)
            for committee, shade in shades.items():
                _curve(panel, found[committee], ends, (committee, placement), shade)
            panel.set_title(f"attackers {where}", loc="right", fontsize=9)
        axes[1].set_xscale("log")
        figure.supxlabel("windows until a uniform schedule has tagged a quorum", fontsize=9)
        figure.supylabel("points, with simultaneous 95 % intervals", fontsize=9)
        axes[0].legend(frameon=False, loc="lower left", ncols=3)
        style.head(figure, "Lead of CEAS in final accuracy over the fair baseline, by scarcity")
        style.save(figure, path)


def _curve(
    panel: Any,  # noqa: ANN401 - Matplotlib's
    rungs: Found,
    ends: dict[tuple[str, str, str], tuple[Values, float, float]],
    place: tuple[str, str],
    shade: str,
) -> None:
    (committee, placement), order = place, sorted(rungs, key=lambda rung: rungs[rung]["theta"][0])
    found = [ends[committee, rung, placement] for rung in order]
    middle, low, high = (
        100 * np.array([(values.mean(), low, high) for values, low, high in found]).T
    )
    panel.errorbar(
        [rungs[rung]["theta"][0] for rung in order],
        middle,
        [middle - low, high - middle],
        color=shade,
        fmt="o-",
        linewidth=0.8,
        capsize=2,
        label=committee,
    )


def _layouts(found: Found) -> NDArray[np.int64]:
    # The same seeds are played everywhere, so their layouts are the same.
    return np.array(found["c = 1"]["paper"]["random"][FIRST]["layout"], int)


def _points(values: Values, low: float, high: float) -> str:
    text = f"{100 * values.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    return f"**{text}**" if low > 0 or high < 0 else text


def _level(columns: dict[str, list[float]]) -> str:
    values, layout = np.array(columns["final_accuracy"]), np.array(columns["layout"], int)
    low, high = intervals.interval(values, groups=layout)
    return f"{100 * values.mean():.1f} ({100 * low:.1f} to {100 * high:.1f})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Plays what is missing, and writes the summary and the figure."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="keeps the episodes, such as runs/committee")
    folder = parser.parse_args(arguments).folder
    play(folder)
    found = {"ladder": gather(folder), "attacks": attack(folder)}
    # On one line: there are tens of thousands of numbers.
    results.write_text(KEPT, json.dumps(found) + "\n")
    draw(found["ladder"], FIGURE)


if __name__ == "__main__":
    main()
