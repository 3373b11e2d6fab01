"""A picture of a round. Matplotlib is imported when the first picture is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass
class Story:
    """What has been seen of an episode, step by step, as far as its picture shows it."""

    schedule: list[Float[np.ndarray, " nodes"]] = field(default_factory=list)
    """Shares of a channel given in each window of the last step's round so far, in [0, 1]."""
    pairs: Int[np.ndarray, "nodes ages"] = field(default_factory=lambda: np.zeros((0, 0), int))
    """Pairs stored after the last window, by age in windows, and before the barrier if it fired."""
    fired: bool = False
    """Whether the last step ended with a barrier."""
    barriers: int = 0
    time_s: list[float] = field(default_factory=list)
    """Part of the budget that was over at the start and after each step, in s."""
    accuracy: list[float] = field(default_factory=list)
    """Accuracy of the global model at these times, in [0, 1]."""

    def tell(
        self,
        schedule: Float[np.ndarray, "windows nodes"],
        pairs: Int[np.ndarray, "nodes ages"],
        info: Mapping[str, float],
    ) -> None:
        """Adds what a step, or the start of the episode, shows.

        Args:
            schedule: Shares of a channel given in the step.
            pairs: Pairs stored after its last window, by age.
            info: The metrics of the step.
        """
        # The start of the episode has a schedule of zeros.
        if self.fired or len(self.accuracy) < 2:
            self.schedule = []
        self.schedule.extend(schedule)
        self.pairs, self.fired = pairs, info["fired"] > 0
        self.barriers += self.fired
        self.time_s.append(info["time_s"])
        self.accuracy.append(info["accuracy"])


def draw(story: Story) -> UInt8[np.ndarray, "height width 3"]:
    """Returns a picture of a round: the schedule, the stored pairs, and the accuracy over time.

    Windows and nodes are numbered as in the arrays. White means that no channel was given or no
    pair was stored. The user's Matplotlib settings neither change the picture nor are changed.

    Args:
        story: Of at least the start of an episode.

    Returns:
        Red, green and blue in [0, 255], 400 by 1200 pixels.

    Example:
        >>> story = Story()
        >>> info = {"fired": 1.0, "time_s": 8.0, "accuracy": 0.7}
        >>> story.tell(np.full((8, 4), 0.5), np.zeros((4, 16), int), info)
        >>> draw(story).shape
        (400, 1200, 3)
    """
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style.context(STYLE, after_reset=True):
        figure = Figure((WIDTH / DOTS_PER_INCH, HEIGHT / DOTS_PER_INCH), dpi=DOTS_PER_INCH)
        canvas = FigureCanvasAgg(figure)
        _draw_served(figure, story)
        _draw_stored(figure, story)
        _draw_accuracy(figure.add_axes(ACCURACY), story)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw_served(figure: "Figure", story: Story) -> None:
    axes, number = figure.add_axes(SERVED), story.barriers + (not story.fired)
    is_start = len(story.accuracy) < 2
    axes.set(title="Channels given" if is_start else f"Channels given in round {number}")
    axes.set(xlabel="window", ylabel="node")
    _heat_map(axes, np.array(story.schedule).T, 1.0)
    _colour_bar(axes, SERVED_BAR, "share of a channel")


def _draw_stored(figure: "Figure", story: Story) -> None:
    axes = figure.add_axes(STORED)
    axes.set(title="Pairs at the barrier" if story.fired else "Stored pairs")
    axes.set(xlabel="age in windows", ylabel="node")
    ages_in_use = np.flatnonzero(story.pairs.any(axis=0))
    shown = max([len(story.schedule), *(ages_in_use + 1)])
    _heat_map(axes, story.pairs[:, :shown], _round_up(story.pairs.max(initial=1)))
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


def _draw_accuracy(axes: "Axes", story: Story) -> None:
    time, accuracy = np.asarray(story.time_s), np.asarray(story.accuracy)
    axes.set(title="Test accuracy of the global model", xlabel="time in s")
    # At the start of an episode no time is over yet.
    axes.set(xlim=(0, time[-1] or 1), ylim=(0, 1))
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.step(time, accuracy, where="post", color=LINE, clip_on=False)
    axes.plot(time[-1:], accuracy[-1:], "o", color=LINE, clip_on=False)
    axes.annotate(
        f"{accuracy[-1]:.2f}",
        (time[-1], accuracy[-1]),
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
