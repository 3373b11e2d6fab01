"""Modes `rgb_array` and `human`: a round on the network's map, beside its numbers and curves.

What stays the same is drawn once; a frame adds what changes. This module and those it draws with
import Matplotlib, so they are imported when the first picture is drawn.
"""

import numpy as np
from jaxtyping import UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.style import context

from ceas_gym.envs.render import charts, legend, network
from ceas_gym.envs.render.stage import Stage
from ceas_gym.envs.render.story import Story
from ceas_gym.envs.render.style import DOTS_PER_INCH, HEIGHT, STYLE, WIDTH

PARTS = (network.build, charts.build, legend.build)


class Picture:
    """Draws the rounds of one network.

    The user's Matplotlib settings neither change the picture nor are changed.

    Args:
        stage: The network.
    """

    def __init__(self, stage: Stage) -> None:
        """Draws what stays the same."""
        with context(STYLE, after_reset=True):
            self._figure = Figure((WIDTH / DOTS_PER_INCH, HEIGHT / DOTS_PER_INCH), DOTS_PER_INCH)
            self._canvas = FigureCanvasAgg(self._figure)
            parts = [build(self._figure, stage) for build in PARTS]
            self._updates = [part.update for part in parts]
            self._moving = [artist for part in parts for artist in part.moving]
            for artist in self._moving:
                artist.set_animated(True)
            self._canvas.draw()
            self._still = self._canvas.copy_from_bbox(self._figure.bbox)

    def draw(self, story: Story) -> UInt8[np.ndarray, "height width 3"]:
        """Returns a picture of the last step.

        Args:
            story: Of at least the start of an episode.

        Returns:
            Red, green and blue in [0, 255], 800 by 1280 pixels.
        """
        with context(STYLE, after_reset=True):
            for update in self._updates:
                update(story)
            self._canvas.restore_region(self._still)
            for artist in self._moving:
                self._figure.draw_artist(artist)
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()
