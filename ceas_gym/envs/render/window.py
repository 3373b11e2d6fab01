"""Mode `human`: a window of Matplotlib, on whatever the system has for windows."""

from typing import Any

import numpy as np
from jaxtyping import UInt8
from matplotlib import get_backend
from matplotlib.backends.registry import backend_registry
from matplotlib.figure import Figure

REMEDY = (
    'give the process a display, or pass render_mode="rgb_array" for pictures or "ansi" for text'
)


class Window:
    """Shows pictures one after the other. A window that the user closes stays closed.

    Args:
        title: Of the window.
        shape: Height and width of the pictures in pixels.

    Raises:
        RuntimeError: If there is no display, or nothing that could open a window.
    """

    def __init__(self, title: str, shape: tuple[int, int]) -> None:
        """Opens the window."""
        self._is_open = True
        height, width = shape
        figure = Figure((width / 100, height / 100), dpi=100, facecolor="white")
        place = figure.add_axes((0, 0, 1, 1))
        place.set_axis_off()
        blank = np.full((height, width, 3), 255, np.uint8)
        self._image = place.imshow(blank, interpolation="antialiased")
        # The figure is none of `pyplot`'s, so that the user's own figures are left alone.
        self._manager = _manager(figure)
        self._manager.set_window_title(title)
        self._manager.canvas.mpl_connect("close_event", self._closed)
        self._manager.show()

    def show(self, picture: UInt8[np.ndarray, "height width 3"], seconds: float) -> None:
        """Shows a picture, and keeps it there for a while.

        Args:
            picture: Of the shape that was announced.
            seconds: How long the call takes at least; above 0.
        """
        if not self._is_open:
            return
        self._image.set_data(picture)
        self._manager.canvas.draw()
        # Meanwhile the window reacts to the user.
        self._manager.canvas.start_event_loop(seconds)

    def close(self) -> None:
        """Closes the window; a second time does nothing."""
        if self._is_open:
            self._is_open = False
            self._manager.destroy()

    def _closed(self, event: object) -> None:
        del event
        self._is_open = False
        self._manager.canvas.stop_event_loop()


def _manager(figure: Figure) -> Any:  # noqa: ANN401 - of the backend
    try:
        canvas: Any = backend_registry.load_backend_module(get_backend()).FigureCanvas
        if canvas.required_interactive_framework:
            return canvas.new_manager(figure, 1)
    except Exception as error:  # Each toolkit has errors of its own.
        raise RuntimeError(_none(str(error))) from error
    raise RuntimeError(_none(f"Matplotlib's backend {get_backend()} has none"))


def _none(reason: str) -> str:
    return f'render_mode="human" found no window to draw in ({" ".join(reason.split())}); {REMEDY}.'
