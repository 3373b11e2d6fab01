"""Figures of an evaluation over time; Matplotlib is imported by the first one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from ceas_agents.figures import style
from ceas_agents.figures.plots import CENTRE, colour, shorten
from ceas_agents.figures.style import GRID
from ceas_agents.statistics import curves as stepwise
from ceas_agents.statistics import intervals
from ceas_agents.statistics.curves import Curve
from ceas_agents.statistics.resampling import Groups

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curves = Mapping[str, Sequence[Curve]]
"""A curve of each seed, in [0, 1], by contestant."""
Layouts = Mapping[str, Groups]
"""Layout of each seed, by contestant."""
LINE_HEIGHT = 0.062
"""Height of a label, as a share of the height of the axes."""


def accuracy(curves: Curves, path: Path, title: str, groups: Layouts | None = None) -> None:
    """Draws the mean accuracy over time, with 95 % bootstrap intervals, in per cent.

    The accuracy of an episode changes at its barriers only, and these are at other times in each
    episode. The mean is over the accuracies that the episodes have at the same time.

    Args:
        curves: Test accuracy, in [0, 1], from the start to the end of the budget; finite.
        path: Of the PNG file (`figures.style.save`); its folder exists.
        title: What was compared, such as scenario and seeds.
        groups: Layout of each seed, for intervals over layouts; by default they are over seeds.

    Raises:
        ValueError: If there is no contestant or an accuracy is not finite.
    """
    _save(path, curves, groups, f"Test accuracy over time ({title})", "test accuracy (%)")


def chance(
    curves: Curves, path: Path, title: str, target: float, groups: Layouts | None = None
) -> None:
    """Draws the chance to have reached the target accuracy, with 95 % intervals, in per cent.

    It is the share of the episodes that have reached it by then.

    Args:
        curves: Zero until the end of the first round after which the test accuracy is that of the
            target, and one from then on, whatever the accuracy is later.
        path: Of the PNG file (`figures.style.save`); its folder exists.
        title: What was compared, such as scenario and seeds.
        target: The target accuracy, in [0, 1].
        groups: As for `accuracy`.

    Raises:
        ValueError: If there is no contestant.
    """
    head = f"Chance to have reached {100 * target:.3g} % by a time ({title})"
    _save(path, curves, groups, head, "episodes that have reached it (%)", whole=True)


def _save(
    path: Path,
    curves: Curves,
    groups: Layouts | None,
    head: str,
    label: str,
    *,
    whole: bool = False,
) -> None:
    # With the whole axis from 0 to 100 %, or the part of it that the curves need.
    with style.applied():
        figure = style.figure(4.0)
        axes = figure.add_subplot()
        _draw(axes, curves, groups)
        low, high = (0.0, 100.0) if whole else axes.get_ylim()
        axes.set(ylabel=label, ylim=(max(low, 0), min(high, 100)))
        _label_lines(axes, curves)
        style.head(figure, head, _describe(curves))
        style.save(figure, path)


def _draw(axes: "Axes", curves: Curves, groups: Layouts | None) -> None:
    if not curves:
        raise ValueError("Argument `curves` must have a contestant, but is empty.")
    for name, episodes in curves.items():
        times_s = stepwise.grid(episodes)
        percent = 100 * stepwise.sampled(episodes, times_s).astype(float)
        shade = colour(name, list(curves))
        _draw_curve(axes, times_s, percent, shade, groups[name] if groups else None)
    end_s = max(float(one.times_s[-1]) for episodes in curves.values() for one in episodes)
    axes.set(xlabel="time (s)", xlim=(0, end_s or 1))
    axes.grid(axis="y", color=GRID, linewidth=0.8)


def _draw_curve(
    axes: "Axes",
    times_s: Float[np.ndarray, " times"],
    percent: Float[np.ndarray, "seeds times"],
    shade: str,
    groups: Groups | None,
) -> None:
    low, high = intervals.intervals(percent, groups=groups)
    mean = percent.mean(axis=0)
    axes.plot(times_s, mean, color=shade, zorder=3, drawstyle="steps-post")
    axes.plot(times_s[-1], mean[-1], "o", color=shade, clip_on=False)
    if len(percent) > 1:
        axes.fill_between(times_s, low, high, color=shade, alpha=0.18, linewidth=0, step="post")


def _label_lines(axes: "Axes", curves: Curves) -> None:
    finals = {
        name: 100 * float(np.mean([one.values[-1] for one in episodes]))
        for name, episodes in curves.items()
    }
    names = sorted(finals, key=finals.__getitem__)
    low, high = axes.get_ylim()
    places = (np.array([finals[name] for name in names]) - low) / (high - low)
    inside = axes.transAxes
    for name, place, label in zip(names, places, spread(places, LINE_HEIGHT), strict=True):
        shade = colour(name, list(curves))
        axes.plot([1, 1.025], [place, label], color=shade, clip_on=False, transform=inside)
        text = f"{shorten(name)}  {finals[name]:.1f}"
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
