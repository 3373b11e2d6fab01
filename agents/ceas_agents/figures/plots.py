"""The figures of an evaluation; Matplotlib is imported by the first one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ceas_agents.figures import style
from ceas_agents.figures.style import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    "ceas-open": "#33BBEE",
    "ceas-paced": "#009988",
    "subset-hold": "#EE3377",
    "oblivious-fixed": "#8A6D00",
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
colour-blind-safe scheme `muted`, those of contestants for windows from his `vibrant`, with a dark
yellow."""
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
    axes.set_yticks(range(len(names)), [shorten(name) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_title("utilization", loc="right", x=1.13, color=GREY, fontsize=9)


def shorten(name: str) -> str:
    """Returns the name of a contestant, cut to the characters for which a figure has room.

    Args:
        name: Of any length. The end of `package.module:function` says more than the beginning.

    Example:
        >>> shorten("ceas"), len(shorten("long.path." * 9 + ":policy"))
        ('ceas', 30)
    """
    return name if len(name) <= LONGEST_NAME else "\u2026" + name[1 - LONGEST_NAME :]
