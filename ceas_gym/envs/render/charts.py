"""The numbers of a round, accuracy and loss over time, and the schedule."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from ceas_gym.envs.render import words
from ceas_gym.envs.render.part import Part, axes, canvas, joined
from ceas_gym.envs.render.stage import Stage
from ceas_gym.envs.render.story import Story
from ceas_gym.envs.render.style import FAINT, INK, MOODS, SERVED, SIDE, TEXT, WIDTH

LEFT, RIGHT = 772.0, 1256.0
BESIDE = 122.0
"""From there to the sentence beside the accuracy."""
COLUMNS = 6
"""Of the numbers."""
CHARTS_LEFT, CHARTS_WIDTH = 820.0, 420.0
ACCURACY, BARRIERS, LOSS, SCHEDULE = (188.0, 96.0), (290.0, 16.0), (342.0, 62.0), (470.0, 100.0)
"""Upper edge and height of the charts."""
STROKES = 5.0, 11.0
"""Length in points of the stroke of a barrier without an update, and of one with it."""


def build(figure: Figure, stage: Stage) -> Part:
    """Draws what stays the same of the numbers and charts, and returns the rest.

    Args:
        figure: Where to draw.
        stage: The network.
    """
    parts = (_headline, _numbers, _accuracy, _barriers, _loss, _schedule)
    return joined([part(figure, stage) for part in parts])


def _headline(figure: Figure, stage: Stage) -> Part:
    place = canvas(figure, LEFT, 0, WIDTH - LEFT, 80)
    accuracy = place.text(0, 48, "", color=SIDE, fontsize=23, fontweight="bold")
    sentence = place.text(BESIDE, 30, "", fontsize=9.5, fontweight="bold")
    clock = place.text(BESIDE, 48, "", fontsize=9.5, color=TEXT)

    def update(story: Story) -> None:
        text, mood = words.sentence(story)
        accuracy.set_text(f"{story.accuracy[-1]:.1%}")
        sentence.set(text=text, color=MOODS[mood])
        clock.set_text(words.clock(stage, story))

    return Part([accuracy, sentence, clock], update)


def _numbers(figure: Figure, stage: Stage) -> Part:
    place, values = canvas(figure, LEFT, 62, RIGHT - LEFT, 100), dict[str, Text]()
    for number, name in enumerate(words.NAMES):
        row, column = divmod(number, COLUMNS)
        x, y = column * (RIGHT - LEFT) / COLUMNS, 16 + 42 * row
        place.text(x, y, name, fontsize=8.5, color=TEXT)
        values[name] = place.text(x, y + 17, "", fontsize=10, fontweight="bold")

    def update(story: Story) -> None:
        for name, value in words.figures(stage, story).items():
            values[name].set_text(value)

    return Part(list(values.values()), update)


def _accuracy(figure: Figure, stage: Stage) -> Part:
    place = _over_time(figure, stage, ACCURACY)
    place.set(title="Accuracy on the test split, and barriers below", ylim=(0, 1))
    place.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    place.tick_params(labelbottom=False)
    return _curve(place, lambda story: story.accuracy)


def _barriers(figure: Figure, stage: Stage) -> Part:
    place = _over_time(figure, stage, BARRIERS)
    place.set_axis_off()
    kinds = [
        place.plot([], [], "|", markersize=length, color=INK, markeredgewidth=0.9, clip_on=False)[0]
        for length in STROKES
    ]
    place.set_ylim(0, 1)

    def update(story: Story) -> None:
        committed, time_s = np.array(story.committed, bool), np.array(story.fired_s)
        for is_update, marks in enumerate(kinds):
            chosen = time_s[committed == bool(is_update)]
            marks.set_data(chosen, np.full(chosen.shape, 0.5))

    return Part(kinds, update)


def _loss(figure: Figure, stage: Stage) -> Part:
    place = _over_time(figure, stage, LOSS)
    place.set(title="Loss on the validation split in nats", ylim=(0, 1))
    place.set_xlabel("time in s", labelpad=1)
    place.set_yticks([0, 0.5, 1], ["0", "", ""])
    across = place.get_yaxis_transform()
    marks = [
        place.text(-0.0165, height, "", color=TEXT, fontsize=8, transform=across)
        for height in (0.5, 1.0)
    ]
    for mark in marks:
        mark.set(ha="right", va="center_baseline")
    curve = _curve(place, lambda story: np.array(story.loss) / words.scale_of_loss(story))

    def update(story: Story) -> None:
        for mark in marks:
            mark.set_text(f"{mark.get_position()[1] * words.scale_of_loss(story):g}")

    return joined([curve, Part(marks, update)])


def _schedule(figure: Figure, stage: Stage) -> Part:
    place = axes(figure, CHARTS_LEFT, SCHEDULE[0], CHARTS_WIDTH, SCHEDULE[1])
    place.set(xlim=(-0.5, stage.windows - 0.5), ylim=(stage.nodes - 0.5, -0.5))
    place.set_title("Channels given since the barrier before (darker: more)")
    place.set_xlabel("window", labelpad=1)
    place.set_ylabel("node", labelpad=2)
    for axis in (place.xaxis, place.yaxis):
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    image = place.imshow(
        np.zeros((stage.nodes, stage.windows)),
        cmap=_of_channels(),
        vmin=0,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
    )

    def update(story: Story) -> None:
        given = np.zeros((stage.nodes, stage.windows))
        windows = np.array(story.schedule).reshape(-1, stage.nodes)[: stage.windows]
        given[:, : len(windows)] = windows.T
        image.set_data(given)

    return Part([image], update)


def _of_channels() -> LinearSegmentedColormap:
    # From white, no channel, to a whole channel. The first step is seen.
    return LinearSegmentedColormap.from_list("channels", ["white", "#9db4dc", SERVED, "#0b1a40"])


def _over_time(figure: Figure, stage: Stage, rows: tuple[float, float]) -> Axes:
    place = axes(figure, CHARTS_LEFT, rows[0], CHARTS_WIDTH, rows[1])
    place.set_xlim(0, stage.budget_s)
    place.grid(axis="y", color=FAINT, linewidth=0.8)
    place.set_axisbelow(True)
    place.xaxis.set_major_locator(MaxNLocator(6))
    return place


def _curve(place: Axes, values: Callable[[Story], ArrayLike]) -> Part:
    line = place.step([], [], where="post", color=SIDE, linewidth=1.6, clip_on=False)[0]
    end = place.plot([], [], "o", color=SIDE, markersize=4.5, clip_on=False)[0]
    low, high = place.get_ylim()

    def update(story: Story) -> None:
        seen = np.clip(values(story), low, high)
        line.set_data(story.time_s, seen)
        end.set_data(story.time_s[-1:], seen[-1:])

    return Part([line, end], update)
