"""A picture of a round. Matplotlib is imported when the first picture is drawn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int, UInt8

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 1200, 400
"""Size of the picture in pixels."""
DOTS_PER_INCH = 100
STYLE: dict[str, Any] = {
    "font.size": 10.0,
    "axes.titlesize": 11.0,
    "axes.titlelocation": "left",
    "axes.edgecolor": "#555555",
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
}
LINE, GREY = "#0072B2", "#777777"
# Left, bottom, width and height of the panels and colour bars, as shares of the picture. They are
# fixed, so that nothing moves between frames, and both heat maps have their nodes at equal height.
SERVED, SERVED_BAR = (0.055, 0.14, 0.22, 0.74), (0.282, 0.14, 0.01, 0.74)
STORED, STORED_BAR = (0.4, 0.14, 0.22, 0.74), (0.627, 0.14, 0.01, 0.74)
ACCURACY = (0.745, 0.14, 0.205, 0.74)


def draw(
    schedule: Float[np.ndarray, "windows nodes"],
    pairs: Int[np.ndarray, "nodes ages"],
    accuracy: Sequence[float],
) -> UInt8[np.ndarray, "height width 3"]:
    """Returns a picture of a round: the schedule, the stored pairs, and the accuracy so far.

    Windows and nodes are numbered as in the arrays. White means that no channel was given or no
    pair was stored. The user's Matplotlib settings neither change the picture nor are changed.

    Args:
        schedule: Shares of a channel that were given in the round, in [0, 1].
        pairs: Pairs stored at the barrier, by age in windows.
        accuracy: Accuracy of the global model, in [0, 1], before the first round and after each.

    Returns:
        Red, green and blue in [0, 255], 400 by 1200 pixels.

    Example:
        >>> draw(np.full((8, 4), 0.5), np.zeros((4, 16), int), [0.5, 0.7]).shape
        (400, 1200, 3)
    """
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style.context(STYLE, after_reset=True):
        figure = Figure((WIDTH / DOTS_PER_INCH, HEIGHT / DOTS_PER_INCH), dpi=DOTS_PER_INCH)
        canvas = FigureCanvasAgg(figure)
        _draw_served(figure, np.asarray(schedule), len(accuracy) - 1)
        _draw_stored(figure, np.asarray(pairs), windows=schedule.shape[0])
        _draw_accuracy(figure.add_axes(ACCURACY), np.asarray(accuracy, dtype=float))
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw_served(figure: "Figure", schedule: Float[np.ndarray, "windows nodes"], last: int) -> None:
    axes = figure.add_axes(SERVED)
    axes.set(title=f"Channels given in round {last}" if last > 0 else "Channels given")
    axes.set(xlabel="window", ylabel="node")
    _heat_map(axes, schedule.T, 1.0)
    _colour_bar(axes, SERVED_BAR, "share of a channel")


def _draw_stored(figure: "Figure", pairs: Int[np.ndarray, "nodes ages"], windows: int) -> None:
    axes = figure.add_axes(STORED)
    axes.set(title="Pairs at the barrier", xlabel="age in windows", ylabel="node")
    ages_in_use = np.flatnonzero(pairs.any(axis=0))
    shown = max([windows, *(ages_in_use + 1)])
    _heat_map(axes, pairs[:, :shown], _round_up(pairs.max(initial=1)))
    _whole_numbers(_colour_bar(axes, STORED_BAR, "pairs").yaxis)


def _heat_map(axes: "Axes", values: Float[np.ndarray, "nodes columns"], largest: float) -> None:
    axes.imshow(
        np.ma.masked_equal(values, 0),
        cmap="viridis_r",
        vmin=0,
        vmax=largest,
        aspect="auto",
        origin="lower",
        interpolation="nearest",
    )
    _whole_numbers(axes.xaxis)
    _whole_numbers(axes.yaxis)
    if not values.any():
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", va="center", color=GREY)


def _colour_bar(axes: "Axes", place: tuple[float, float, float, float], label: str) -> "Axes":
    bar = axes.figure.add_axes(place)
    axes.figure.colorbar(axes.images[0], cax=bar, label=label)
    return bar


def _draw_accuracy(axes: "Axes", accuracy: Float[np.ndarray, " rounds"]) -> None:
    last = len(accuracy) - 1
    axes.set(title="Test accuracy of the global model", xlabel="round")
    axes.set(xlim=(0, max(last, 1)), ylim=(0, 1))
    _whole_numbers(axes.xaxis)
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.plot(accuracy, color=LINE, clip_on=False)
    axes.plot([last], accuracy[-1:], "o", color=LINE, clip_on=False)
    axes.annotate(
        f"{accuracy[-1]:.2f}",
        (last, accuracy[-1]),
        xytext=(8, 0),
        textcoords="offset points",
        verticalalignment="center",
        color=LINE,
    )


def _whole_numbers(axis: "Axis") -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))


def _round_up(largest: int) -> float:
    """Returns 1, 2 or 5 times a power of ten: a scale that seldom changes between frames."""
    power = 10.0 ** np.floor(np.log10(largest))
    return power * min(step for step in (1, 2, 5, 10) if step * power >= largest)
