"""A backend of Matplotlib whose windows nobody sees: it notes what they show."""

from typing import Any

import numpy as np
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

NAME = f"module://{__name__}"
opened: list["FigureManager"] = []


class FigureManager(FigureManagerBase):
    """A window: its title, the pictures that it has shown, for how long, and whether it is open."""

    def __init__(self, canvas: Any, num: int) -> None:
        super().__init__(canvas, num)
        self.title, self.is_open, self.pictures, self.seconds = "", True, list[Any](), list[float]()
        opened.append(self)

    def set_window_title(self, title: str) -> None:
        self.title = title

    def show(self) -> None:
        pass

    def destroy(self) -> None:
        self.is_open = False


class FigureCanvas(FigureCanvasAgg):
    """What is drawn in a window."""

    required_interactive_framework = "toy"
    manager_class: Any = FigureManager
    manager: Any

    def start_event_loop(self, timeout: float = 0) -> None:
        self.manager.pictures.append(np.asarray(self.buffer_rgba())[..., :3].copy())
        self.manager.seconds.append(timeout)

    def stop_event_loop(self) -> None:
        pass
