"""Utilization and useful pairs at other coherence times, compared with upper bounds.

A high utilization alone proves little: a schedule that makes few pairs can use them all. So there
are two panels: useful pairs as a share of the generated ones, and as a share of the bound of
`pair_bounds`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ceas_agents.bounds import pair_bounds
from ceas_agents.evaluation import contestants, play
from ceas_agents.figures import plots, style
from ceas_agents.statistics import intervals
from ceas_gym import config
from ceas_gym.scenario import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "reach"
MULTIPLES = tuple(float(multiple) for multiple in np.geomspace(1 / 4, 4, 7))
"""Factors on the scenario's coherence times."""
SEEDS, CLAIM = 20, 0.9
BARS = ("ceas", "oblivious-fair", "oblivious-naive", "max_rate")
"""Contestants for which the figure shows what became of pairs; a quick run plays no others."""
Numbers = NDArray[np.float64]


def coherence_s(scenario: Scenario) -> float:
    """Returns the coherence time of a stored pair, at a node of median coherence, in s.

    It is the time in which the pair's contraction falls to 1/e: the rates of hub and node add.

    Args:
        scenario: With the coherence times of hub and node, in s.

    Example:
        >>> print(f"{coherence_s(config.load('paper')):.1f}")
        13.5
    """
    hardware = scenario.hardware
    return 1 / (1 / hardware.hub_coherence_s + 1 / hardware.node_coherence_s)


def stretched(scenario: Scenario, multiple: float) -> Scenario:
    """Returns the scenario with the coherence times of hub and nodes multiplied by a factor.

    The cut-off stays the same, because the protocol requires the same fidelity of a pair, whatever
    the memories.

    Args:
        scenario: With the coherence times of hub and node, in s.
        multiple: The factor; above 0.
    """
    hub, node = scenario.hardware.hub_coherence_s, scenario.hardware.node_coherence_s
    changes = {"hardware.hub_coherence_s": hub, "hardware.node_coherence_s": node}
    return config.load(scenario, {key: multiple * value for key, value in changes.items()})


def measure(scenario: Scenario, *, quick: bool, tick: Callable[[float], None]) -> dict[str, Any]:
    """Returns utilization and useful pairs of every contestant, with the bounds of its protocol.

    Args:
        scenario: With its attack; its coherence times are multiplied by 1/4 to 4.
        quick: Whether to play only three seeds, three coherence times and the contestants `BARS`.
        tick: Called with the share that is done, in [0, 1].

    Returns:
        Shares in [0, 1], and useful pairs as means of a round, in pairs; fit for JSON.

    Raises:
        ValueError: As `bounds.pair_bounds.most_utilization_when_busy`.
    """
    names = BARS if quick else tuple(contestants.fitting("round"))
    multiples, seeds = MULTIPLES[:: 3 if quick else 1], range(3 if quick else SEEDS)
    points: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    # Only another policy needs recompilation, so the coherence times are in the inner loop.
    for number, (name, found) in enumerate(points.items()):
        for multiple in multiples:
            changed = stretched(scenario, multiple)
            found.append({"multiple": multiple, **_point(name, changed, seeds)})
            tick((number + len(found) / len(multiples)) / len(names))
    return {"scenario": scenario.name, "seeds": len(seeds), "points": points}


def _point(name: str, scenario: Scenario, seeds: Sequence[int]) -> dict[str, Any]:
    contestant, rounds = contestants.get(name), scenario.episode.rounds
    params = play.prepare(scenario, [contestant])[name]
    bound = pair_bounds.most_useful_pairs(params)
    busy = pair_bounds.most_utilization_when_busy(params)
    played = play.episodes(contestant, params, rounds, seeds)
    target = scenario.episode.target_accuracy
    table = [play.summary(metrics, target, [bound]) for _, metrics in played]
    sums = {key: np.array([row[key] for row in table]) for key in table[0]}
    return {
        "coherence_s": coherence_s(scenario),
        "most_useful": bound,
        "most_utilization_when_busy": busy,
        "generated": float(sums["pairs_generated"].mean()) / rounds,
        **_estimate("useful", bound * sums["share_of_most_useful"]),
        **_estimate("share_of_most_useful", sums["share_of_most_useful"]),
        **_estimate("utilization", sums["utilization"]),
        "fates": play.fates({key: float(values.mean()) for key, values in sums.items()}),
    }


def _estimate(name: str, values: Numbers) -> dict[str, float]:
    low, high = intervals.interval(values)
    return {name: float(values.mean()), f"{name}_low": low, f"{name}_high": high}


def rows(found: dict[str, Any]) -> list[dict[str, object]]:
    """Returns a row for each contestant and coherence time.

    Args:
        found: From `measure`: pairs of a round, coherence times in s, and shares in [0, 1].
    """
    return [
        {"scenario": found["scenario"], "seeds": found["seeds"], "contestant": name}
        | {key: value for key, value in point.items() if key != "fates"}
        | point["fates"]
        for name, points in found["points"].items()
        for point in points
    ]


def draw(found: dict[str, Any], path: Path) -> Path:
    """Returns the path of the figure, with both shares, and what became of pairs.

    Args:
        found: From `measure`.
        path: Of the PNG file.
    """
    with style.applied():
        figure = style.figure(height_inches=6.6)
        places: Any = [["used", "made"], ["names", "names"], ["ends", "ends"]]
        panels = figure.subplot_mosaic(places, height_ratios=[5, 1, 3])
        _draw_lines(panels["used"], found, "utilization")
        _draw_lines(panels["made"], found, "share_of_most_useful")
        _finish_lines(panels["used"], panels["made"], found)
        look: dict[str, Any] = {"ncols": 5, "frameon": False, "fontsize": 8, "handlelength": 1.4}
        panels["names"].axis("off")
        lines = panels["used"].get_legend_handles_labels()
        panels["names"].legend(*lines, loc="center", **look)
        _draw_ends(panels["ends"], found)
        bars, ends = panels["ends"].get_legend_handles_labels()
        shown = dict(zip(ends, bars, strict=True))
        figure.legend(shown.values(), shown, loc="outside lower left", **plots.LEGEND)
        title = f"Pairs used, and useful pairs made, at other coherence times: {found['scenario']}"
        style.head(figure, title, f"mean of {found['seeds']} seeds, band: its 95 % interval")
        style.save(figure, path)
    return path


def _draw_lines(axes: "Axes", found: dict[str, Any], figure: str) -> None:
    for name, points in found["points"].items():
        seconds, middle, low, high = (
            [point[key] for point in points]
            for key in ("coherence_s", figure, f"{figure}_low", f"{figure}_high")
        )
        middle, low, high = (100 * np.array(values) for values in (middle, low, high))
        shade, above = plots.colour(name, list(found["points"])), 3 if name in BARS else 2
        look: dict[str, Any] = {"color": shade, "zorder": above}
        axes.plot(seconds, middle, "o-", label=name, linewidth=1.4, markersize=3, **look)
        axes.fill_between(seconds, low, high, alpha=0.15, linewidth=0, **look)


def _finish_lines(used: "Axes", made: "Axes", found: dict[str, Any]) -> None:
    points = next(iter(found["points"].values()))
    seconds = [point["coherence_s"] for point in points]
    busy = [100 * point["most_utilization_when_busy"] for point in points]
    used.plot(seconds, busy, "--", color="black", label="most, if always busy")
    used.axhline(100 * CLAIM, color=style.GREY, linewidth=0.8, linestyle=":", label="claimed")
    used.set_ylabel("useful pairs (% of generated)")
    made.set_ylabel("useful pairs (% of own bound)")
    for axes in (used, made):
        axes.set(xscale="log", xlabel="coherence time of a pair (s)", ylim=(0, 102))
        axes.set_xticks(seconds, [f"{second:.3g}" for second in seconds])
        axes.minorticks_off()
        axes.grid(color=style.GRID, linewidth=0.8)


def _draw_ends(axes: "Axes", found: dict[str, Any]) -> None:
    names = [name for name in BARS if name in found["points"]]
    for row, name in enumerate(names):
        plots.draw_bar(axes, row, own(found["points"][name])["fates"])
    plots.finish_fates(axes, names)


def own(points: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns the point of a contestant at the scenario's own coherence times.

    Args:
        points: All points of one contestant, whose factors on the coherence times are in [1/4, 4].
    """
    return min(points, key=lambda point: abs(point["multiple"] - 1))


def caption(found: dict[str, Any]) -> str:
    """Returns the question and the results, in words.

    Args:
        found: From `measure`.
    """
    points = found["points"]["ceas"]
    here, first = own(points), points[0]
    reached = sum(point["utilization_low"] >= CLAIM for point in points)
    others = {name: own(line) for name, line in found["points"].items() if name != "ceas"}
    best = max(others, key=lambda name: others[name]["share_of_most_useful"])
    return (
        "What share of its pairs does a schedule use, and how many useful pairs does it make, "
        f"compared with an upper bound? On `{found['scenario']}` (a pair's coherence time is "
        f"{here['coherence_s']:.1f} s; seeds 0 to {found['seeds'] - 1}) CEAS uses "
        f"{_percent(here, 'utilization')} of its pairs; a schedule that keeps all channels busy "
        f"could use {100 * here['most_utilization_when_busy']:.1f} % at most. Of the bound on "
        f"useful pairs, which no schedule exceeds, CEAS reaches "
        f"{_percent(here, 'share_of_most_useful')}, the best of the others, {best}, "
        f"{_percent(others[best], 'share_of_most_useful')}. "
        f"From {first['coherence_s']:.1f} to {points[-1]['coherence_s']:.1f} s, the whole 95 % "
        f"interval of CEAS's use is above the claimed {100 * CLAIM:.0f} % at {reached} of "
        f"{len(points)} coherence times, where key counts as useful: "
        f"{100 * here['fates']['keyed']:.0f} % of its pairs at {here['coherence_s']:.1f} s, "
        f"{100 * first['fates']['keyed']:.0f} % at the shortest."
    )


def _percent(point: dict[str, Any], name: str) -> str:
    low, high = point[f"{name}_low"], point[f"{name}_high"]
    return f"{100 * point[name]:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
