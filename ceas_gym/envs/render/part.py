"""A part of the picture, and how parts are placed."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ceas_gym.envs.render.story import Story
from ceas_gym.envs.render.style import HEIGHT, PIXEL, WIDTH


class Part(NamedTuple):
    """A part of the picture."""

    moving: Sequence[Artist]
    """What is drawn anew in each frame, in this order."""
    update: Callable[[Story], None]
    """Makes it show the last step of an episode."""


def joined(parts: Sequence[Part]) -> Part:
    """Returns several parts as one, drawn one after the other."""

    def update(story: Story) -> None:
        for part in parts:
            part.update(story)

    return Part([artist for part in parts for artist in part.moving], update)


def axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Returns new axes at a place in pixels from the upper left corner."""
    below = HEIGHT - top - height
    return figure.add_axes((left / WIDTH, below / HEIGHT, width / WIDTH, height / HEIGHT))


def canvas(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Returns new axes without a frame, whose units are pixels from their upper left corner."""
    made = axes(figure, left, top, width, height)
    made.set(xlim=(0, width), ylim=(height, 0))
    made.set_axis_off()
    return made


def points(pixels: Any) -> Any:  # noqa: ANN401 - numbers or arrays of them
    """Returns lengths in points, as Matplotlib measures lines."""
    return pixels * PIXEL


def areas(radii: Any) -> Any:  # noqa: ANN401 - numbers or arrays of them
    """Returns the sizes of markers, in squared points, that have these radii in pixels."""
    return (2 * radii * PIXEL) ** 2
