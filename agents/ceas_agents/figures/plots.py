"""The figures of an evaluation; Matplotlib is imported by the first one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ceas_agents.figures import style
from ceas_agents.figures.style import GREY, GRID
from ceas_agents.statistics import intervals
from ceas_agents.statistics.resampling import Groups

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curves = Mapping[str, Float[np.ndarray, "seeds rounds"]]
"""Test accuracy, in [0, 1], by contestant."""
LINE_HEIGHT = 0.062
"""Height of a label, as a share of the height of the axes."""
LONGEST_NAME = 30
"""Characters of a contestant's name for which a figure has room."""
CENTRE = "center_baseline"

# Okabe and Ito, Color Universal Design, 2008; their yellow is too pale for a line.
COLOURS = {
    "ceas": "#0072B2",
    "focused": "#661100",
    "oblivious-fair": "#E69F00",
    "oblivious-naive": "#D55E00",
    "static-subset": "#AA3377",
    "static_subset": "#EE6677",
    "max_rate": "#009E73",
    "uniform": "#56B4E9",
    "round_robin": "#CC79A7",
    "random": "#999999",
    "max_weight": "#117733",
    "freshest_first": "#44AA99",
    "earliest_deadline_first": "#CC6677",
    "proportional_fair": "#DDCC77",
}
"""Colours of shipped contestants, the same in every figure; those of the heuristics are from Tol's
colour-blind-safe scheme `muted`."""
OTHER_COLOURS = ("#000000", "#882255", "#999933", "#332288", "#AA4499")
"""Colours of other contestants, in order: black, then dark ones of the same scheme."""

FATES = {
    "spent usefully": "#0072B2",
    "keyed": "#56B4E9",
    "spent for nothing": "#D55E00",
    "expired": "#E69F00",
    "blocked": "#CC79A7",
    "sacrificed": "#009E73",
    "tested": "#F0E442",
    "left at the end": "#BBBBBB",
}
"""What becomes of generated pairs, with its colour; the first two are useful."""
LEGEND: dict[str, Any] = {
    "ncols": len(FATES) // 2,
    "frameon": False,
    "handlelength": 1.0,
    "handletextpad": 0.4,
    "columnspacing": 1.1,
    "borderaxespad": 0.2,
}
DARK = ("spent usefully", "spent for nothing")
"""Fates whose colour is so dark that its number is white."""
USEFUL = ("spent usefully", "keyed")
ROUNDING = 1e-4
"""Allowed error of a sum of shares, since pairs are counted in single precision."""
SMALLEST_LABEL = 0.04
"""Share of pairs whose bar is just wide enough for its number."""


def colour(name: str, names: Sequence[str]) -> str:
    """Returns the colour of a contestant, as `#RRGGBB`.

    Those of `COLOURS` have the same colour in every figure. The others of `names` get theirs in
    order, so a contestant keeps its colour as long as `names` is the same. After five others, the
    colours repeat.

    Args:
        name: One of `names`.
        names: Every contestant of the comparison.

    Example:
        >>> colour("ceas", ["ceas", "mine"]), colour("mine", ["ceas", "mine"])
        ('#0072B2', '#000000')
    """
    if name in COLOURS:
        return COLOURS[name]
    others = [other for other in names if other not in COLOURS]
    return OTHER_COLOURS[others.index(name) % len(OTHER_COLOURS)]


def accuracy_over_rounds(
    curves: Curves, path: Path, title: str, groups: Mapping[str, Groups] | None = None
) -> None:
    """Draws the mean accuracy of each contestant, with 95 % bootstrap intervals, in per cent.

    Args:
        curves: Test accuracy after each round, from round 1, in [0, 1]; finite.
        path: Of the PNG file (`figures.style.save`); its folder exists.
        title: What was compared, such as scenario and seeds.
        groups: Layout of each seed, for intervals over layouts; by default they are over seeds.

    Raises:
        ValueError: If there is no contestant or an accuracy is not finite.
    """
    if not curves:
        raise ValueError("Argument `curves` must have a contestant, but is empty.")
    with style.applied():
        figure = style.figure(4.0)
        axes = figure.add_subplot()
        for name, curve in curves.items():
            percent, shade = 100 * np.asarray(curve, dtype=float), colour(name, list(curves))
            _draw_curve(axes, percent, shade, groups[name] if groups else None)
        _finish_accuracy(axes, curves)
        style.head(figure, f"Test accuracy by round ({title})", _describe(curves))
        style.save(figure, path)


def pair_fates(fates: Mapping[str, Mapping[str, float]], path: Path, title: str) -> None:
    """Draws what became of the generated pairs, a bar for each contestant.

    Args:
        fates: Shares of the generated pairs, in [0, 1], by the names in `FATES`. They add up to
            one, or are all zero if no pair was generated.
        path: Of the PNG file (`figures.style.save`); its folder exists.
        title: What was compared, such as scenario and seeds.

    Raises:
        ValueError: If there is no contestant, a share is missing, unknown or negative, or a
            contestant's shares do not add up to one.
    """
    if not fates:
        raise ValueError("Argument `fates` must have a contestant, but is empty.")
    for name, shares in fates.items():
        _check_shares(name, shares)
    with style.applied():
        figure = style.figure(1.65 + 0.34 * len(fates))
        axes = figure.add_subplot()
        for row, shares in enumerate(fates.values()):
            draw_bar(axes, row, shares)
        finish_fates(axes, list(fates))
        handles, labels = axes.get_legend_handles_labels()
        entries = dict(zip(labels, handles, strict=True))
        figure.legend(entries.values(), entries, loc="outside lower left", **LEGEND)
        style.head(figure, f"What became of the Bell pairs ({title})", "means over the seeds")
        style.save(figure, path)


def _draw_curve(
    axes: "Axes", curve: Float[np.ndarray, "seeds rounds"], shade: str, groups: Groups | None
) -> None:
    rounds = np.arange(1, curve.shape[1] + 1)
    low, high = intervals.intervals(curve, groups=groups)
    axes.plot(rounds, curve.mean(axis=0), color=shade, zorder=3)
    axes.plot(rounds[-1], curve[:, -1].mean(), "o", color=shade, clip_on=False)
    if len(curve) > 1:
        axes.fill_between(rounds, low, high, color=shade, alpha=0.18, linewidth=0)


def _finish_accuracy(axes: "Axes", curves: Curves) -> None:
    from matplotlib.ticker import MaxNLocator

    last = max(np.shape(curve)[1] for curve in curves.values())
    axes.set(xlabel="round", ylabel="test accuracy (%)", xlim=(min(1, last - 1), last))
    axes.xaxis.set_major_locator(MaxNLocator(9, steps=[1, 2, 5, 10], integer=True))
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, 0), min(high, 100))
    _label_lines(axes, curves)


def _label_lines(axes: "Axes", curves: Curves) -> None:
    finals = {name: 100 * float(np.mean(curve[:, -1])) for name, curve in curves.items()}
    names = sorted(finals, key=finals.__getitem__)
    low, high = axes.get_ylim()
    places = (np.array([finals[name] for name in names]) - low) / (high - low)
    inside = axes.transAxes
    for name, place, label in zip(names, places, spread(places, LINE_HEIGHT), strict=True):
        shade = colour(name, list(curves))
        axes.plot([1, 1.025], [place, label], color=shade, clip_on=False, transform=inside)
        text = f"{_shorten(name)}  {finals[name]:.1f}"
        axes.text(1.035, label, text, va=CENTRE, transform=inside)


def spread(places: Float[np.ndarray, " labels"], gap: float) -> Float[np.ndarray, " labels"]:
    """Returns places at least `gap` apart in [0, 1], as near to the given ones as possible.

    The sum of squared shifts is least, by isotonic regression. If there are more labels than fit,
    they overlap evenly.

    Args:
        places: In increasing order, in [0, 1].
        gap: Wanted distance between neighbours, above 0.

    Source:
        Isotonic regression: Robertson, Wright and Dykstra, Order Restricted Statistical Inference,
        1988.

    Example:
        >>> spread(np.array([0.2, 0.5, 0.5, 1.0]), 0.1).round(2).tolist()
        [0.2, 0.45, 0.55, 1.0]
    """
    from scipy.optimize import isotonic_regression

    gap = min(gap, 1 / max(len(places) - 1, 1))
    offsets = gap * np.arange(len(places))
    free = isotonic_regression(places - offsets).x
    return np.clip(free, 0, 1 - offsets[-1]) + offsets


def _describe(curves: Curves) -> str:
    seeds = sorted({len(curve) for curve in curves.values()})
    if seeds == [1]:
        return "one seed, no interval"
    count = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return f"mean of {count} seeds, band: its 95 % bootstrap interval"


def _check_shares(name: str, shares: Mapping[str, float]) -> None:
    if set(shares) != set(FATES):
        raise ValueError(f"fates of {name!r} must be {', '.join(FATES)}; got {', '.join(shares)}")
    total = sum(shares.values())
    negative = any(share < 0 for share in shares.values())
    # Written so that NaN is refused.
    if negative or not (abs(total - 1) <= ROUNDING or total == 0):
        raise ValueError(f"fates of {name!r} must be shares that add up to 1, but give {total:.6g}")


def draw_bar(axes: "Axes", row: int, shares: Mapping[str, float]) -> None:
    """Draws what became of one contestant's pairs, as a bar of shares.

    Args:
        axes: Where it is drawn.
        row: Vertical position of the bar.
        shares: Shares of the generated pairs, in [0, 1], by the names in `FATES`.
    """
    left = 0.0
    for fate, shade in FATES.items():
        share = shares[fate]
        axes.barh(row, share, left=left, height=0.72, color=shade, label=fate)
        if share >= SMALLEST_LABEL:
            ink, place = "white" if fate in DARK else "black", left + share / 2
            axes.text(place, row, f"{100 * share:.0f}", color=ink, ha="center", va=CENTRE)
        left += share
    useful = sum(shares[fate] for fate in USEFUL)
    text = f"{100 * useful:.1f} %" if left > 0 else "no pairs"
    axes.text(1.13, row, text, ha="right", va=CENTRE)


def finish_fates(axes: "Axes", names: list[str]) -> None:
    """Labels the axes, in per cent, and the bars of `draw_bar` from top to bottom.

    Args:
        axes: With the bars.
        names: Names of the contestants; the bar of the first is in row 0.
    """
    axes.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5), xlabel="share of the generated pairs (%)")
    axes.set_xticks(np.linspace(0, 1, 6), [f"{percent:.0f}" for percent in np.linspace(0, 100, 6)])
    axes.set_yticks(range(len(names)), [_shorten(name) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_title("utilization", loc="right", x=1.13, color=GREY, fontsize=9)


def _shorten(name: str) -> str:
    # The end of `package.module:function` says more than the beginning.
    return name if len(name) <= LONGEST_NAME else "\u2026" + name[1 - LONGEST_NAME :]
