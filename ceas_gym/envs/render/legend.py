"""What the marks of the picture mean, in the words of the page of `ceas-gym replay`."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from ceas_gym.envs.render.network import CONDITIONS, scale_of_weights
from ceas_gym.envs.render.part import Part, areas, canvas, points
from ceas_gym.envs.render.stage import Stage
from ceas_gym.envs.render.story import Story
from ceas_gym.envs.render.style import (
    HIDDEN,
    INK,
    KEY,
    MOODS,
    SERVED,
    SIDE,
    WEIGHT,
    WHOLE_KEY,
    of_ages,
)
from ceas_gym.envs.render.words import Mood

LEFT, TOP, WIDTH, HEIGHT = 768.0, 630.0, 512.0, 166.0
COLUMN, ROW, FIRST = 248.0, 25.0, 12.0
SIGN = 17.0
"""Middle of a sign, right of the left edge of its column."""
WORDS = 42.0
RADIUS = 6.0
Sign = Callable[[Axes, float, float], None]


def build(figure: Figure, stage: Stage) -> Part:
    """Draws the legend, and returns its two entries whose numbers change.

    Args:
        figure: Where to draw.
        stage: The network: what it does not have is not explained.
    """
    place = canvas(figure, LEFT, TOP, WIDTH, HEIGHT)
    entries = dict(ENTRIES)
    if len(stage.members) > 1:
        entries["committee: votes, or exposed"] = _committee
    half, texts = (len(entries) + 1) // 2, dict[str, Text]()
    for number, (words, sign) in enumerate(entries.items()):
        column, row = divmod(number, half)
        x, y = column * COLUMN, FIRST + ROW * row
        sign(place, x + SIGN, y)
        texts[words] = place.text(x + WORDS, y, words, fontsize=8.5, va="center")

    def update(story: Story) -> None:
        texts[PAIRS].set_text(f"pairs, new to {story.ages - 1} windows old")
        texts[BARS].set_text(f"weight; the longest bar is {scale_of_weights(story.weights):g}")

    return Part([texts[PAIRS], texts[BARS]], update)


# --- Signs ---


def _pairs(place: Axes, x: float, y: float) -> None:
    shares = np.linspace(0, 1, 5)
    at = x - 13 + 26 * shares
    place.scatter(at, np.full(5, y), areas(3.0), c=of_ages(shares), edgecolors="none")


def _served(place: Axes, x: float, y: float) -> None:
    place.plot([x - 13, x + 13], [y, y], color=SERVED, alpha=0.5, linewidth=points(5))


def _conditions(place: Axes, x: float, y: float) -> None:
    for row, (style, colour) in zip((y - 4, y + 4), CONDITIONS[1:], strict=True):
        place.plot([x - 13, x + 13], [row, row], color=colour, linestyle=style, linewidth=1)


def _key(place: Axes, x: float, y: float) -> None:
    for at, colour, share in ((x - 9, KEY, 0.6), (x + 9, WHOLE_KEY, 1.0)):
        turn = 2 * np.pi * share * np.linspace(0, 1, 32)
        ring = at + 7 * np.sin(turn), y - 7 * np.cos(turn)
        place.plot(*ring, color=colour, linewidth=points(2.5))


def _ready(place: Axes, x: float, y: float) -> None:
    _node(place, x - 9, y, "white")
    _node(place, x + 9, y, SIDE)
    place.scatter([x - 9, x + 9], [y, y], areas(2.2), [INK, "white"], edgecolors="none")


def _counted(place: Axes, x: float, y: float) -> None:
    _node(place, x, y, SIDE)


def _not_counted(place: Axes, x: float, y: float) -> None:
    _node(place, x, y, "white")


def _weight(place: Axes, x: float, y: float) -> None:
    place.plot([x - 13, x + 13], [y, y], color=WEIGHT, linewidth=points(5), solid_capstyle="butt")


def _byzantine(place: Axes, x: float, y: float) -> None:
    for at, colour in ((x - 9, "white"), (x + 9, SIDE)):
        place.scatter(
            at, y, areas(5.5), colour, marker="D", edgecolors=HIDDEN, linewidths=points(2)
        )


def _verdict(place: Axes, x: float, y: float) -> None:
    for at, sign, mood in ((x - 9, "✓", Mood.YES), (x + 9, "✕", Mood.NO)):
        place.scatter(at, y, areas(8), MOODS[mood], edgecolors="none")
        text = place.text(at, y, sign, color="white", fontsize=7, fontweight="bold")
        text.set(ha="center", va="center_baseline")


def _committee(place: Axes, x: float, y: float) -> None:
    place.scatter(x, y, areas(10.5), INK, edgecolors="none")
    place.scatter([x - 5, x + 5], [y, y], areas(2.6), ["white", "none"], edgecolors="white")
    place.scatter(x + 5, y, areas(4), "white", marker="x", linewidths=points(1.4))


def _node(place: Axes, x: float, y: float, colour: str) -> None:
    place.scatter(x, y, areas(RADIUS), colour, edgecolors=INK, linewidths=points(1.1))


PAIRS, BARS = "pairs", "weight"
ENTRIES: dict[str, Sign] = {
    PAIRS: _pairs,
    "channel-time of the node": _served,
    "fibre: degraded, or down": _conditions,
    "key: a full ring is all it needs": _key,
    "ready: all key, pairs for a shot": _ready,
    "counted at the last barrier": _counted,
    "not counted": _not_counted,
    BARS: _weight,
    "Byzantine: hidden from the agent": _byzantine,
    "barrier: model updated, or not": _verdict,
}
"""What each sign says; the first and the weights say more in a frame."""
