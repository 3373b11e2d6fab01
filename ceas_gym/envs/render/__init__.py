"""Render modes: pictures of a round, a window that shows them, and text.

The parts of a picture import Matplotlib, so they are imported when the first one is drawn.
"""

import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from ceas_gym.envs.core import FIGURES, Output, Scene
from ceas_gym.envs.render import stage, story, text
from ceas_gym.envs.render.stage import Stage
from ceas_gym.envs.render.story import Story
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params

OF_BATCHES = ("rgb_array", "ansi")
"""Render modes of batches."""
MODES = ("human", *OF_BATCHES)
FPS = 4
"""Frames a second, of windows and of videos."""
MOST_PICTURES = 8
"""Layouts whose pictures are kept at a time; a picture takes some megabytes."""

NO_MODE = '`render` draws nothing without a mode: pass render_mode="rgb_array" or "ansi".'
Frame = UInt8[np.ndarray, "height width 3"] | str
Flags = NDArray[np.bool_]


class Renderer:
    """Follows episodes, and draws them in one render mode; without a mode it does neither.

    It can be pickled and copied; a copy opens a window of its own.

    Args:
        scenario: The scenario.
        params: Of the scenario.
        mode: One of `MODES`, or None.
    """

    def __init__(self, scenario: Scenario, params: Params, mode: str | None) -> None:
        """Draws nothing yet."""
        self._scenario, self._params, self._mode = scenario, params, mode
        self._stories: dict[int, Story] = {}
        self._stages: dict[int, Stage] = {}
        self._pictures: dict[int, Any] = {}
        self._window: Any = None
        self._shown = 0.0

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy is made of: no pictures and no window, which it makes anew."""
        return {**self.__dict__, "_pictures": {}, "_window": None}

    def follow(
        self, scene: Scene | None, info: Mapping[str, float], *, begins: bool, row: int = 0
    ) -> None:
        """Takes in what a reset or a step results in; in mode `human`, a window shows it.

        Args:
            scene: With arrays of NumPy; None without a mode.
            info: The metrics by name.
            begins: Whether an episode begins.
            row: Which of several environments it is.

        Raises:
            RuntimeError: In mode `human`, if no window can be opened.
        """
        if scene is None:
            return
        if begins:
            self._stories[row] = story.start(scene, info)
        else:
            story.tell(self._stories[row], scene, info)
        if self._mode == "human":
            self._show()

    def follow_rows(self, output: Output, rows: Flags, *, begins: Flags) -> None:
        """Takes in what a step or a reset of a batch results in.

        Args:
            output: Of the batch, with arrays of NumPy.
            rows: Which rows it is news of.
            begins: In which rows an episode begins.
        """
        if output.scene is None:
            return
        for row in np.flatnonzero(rows).tolist():
            scene = Scene(*(np.asarray(values)[row] for values in output.scene))
            figures = np.asarray(output.figures)[row].tolist()
            info = dict(zip(FIGURES, figures, strict=True))
            self.follow(scene, info, begins=bool(begins[row]), row=row)

    def draw(self, row: int = 0) -> Frame | None:
        """Returns the last step as a picture or as text; None in mode `human`, whose window has it.

        Without a mode it returns None, too, and warns.

        Args:
            row: Which of several environments.

        Raises:
            RuntimeError: Before the first reset.
        """
        if self._mode is None:
            return _warn()
        told = self.told(row)
        if self._mode == "ansi":
            return text.table(self._stage(told), told)
        return None if self._mode == "human" else self._picture(told)

    def told(self, row: int = 0) -> Story:
        """Returns what has been seen of a row's episode.

        Args:
            row: Which of several environments.

        Raises:
            RuntimeError: Before the first reset.
        """
        if row not in self._stories:
            raise RuntimeError("Call `reset` before the first `render`.")
        return self._stories[row]

    def draw_rows(self, rows: int) -> tuple[Frame | None, ...] | None:
        """Returns what `draw` returns for each of so many rows; None without a mode."""
        return tuple(map(self.draw, range(rows))) if self._mode else _warn()

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def _show(self) -> None:
        from ceas_gym.envs.render.window import Window

        picture = self._picture(self.told())
        if self._window is None:
            self._window = Window(f"ceas_gym: {self._scenario.name}", picture.shape[:2])
        since = time.monotonic() - self._shown
        self._window.show(picture, max(1 / FPS - since, 0.001))
        self._shown = time.monotonic()

    def _stage(self, told: Story) -> Stage:
        layout = int(told.info["layout"])
        if layout not in self._stages:
            self._stages[layout] = stage.build(self._scenario, self._params, told.scene, layout)
        return self._stages[layout]

    def _picture(self, told: Story) -> UInt8[np.ndarray, "height width 3"]:
        from ceas_gym.envs.render.picture import Picture

        layout = int(told.info["layout"])
        if layout not in self._pictures:
            if len(self._pictures) == MOST_PICTURES:
                self._pictures.clear()
            self._pictures[layout] = Picture(self._stage(told))
        return self._pictures[layout].draw(told)


def _warn() -> None:
    # Of the caller of the environment's `render`.
    warnings.warn(NO_MODE, stacklevel=4)
