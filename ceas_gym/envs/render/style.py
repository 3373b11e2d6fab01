"""Size, colours and fonts of pictures. The colours are those of the page of `ceas-gym replay`."""

from typing import Any

import numpy as np
from jaxtyping import Float

from ceas_gym.envs.render.words import Mood

WIDTH, HEIGHT = 1280, 800
"""Size of the picture in pixels: multiples of 16, as video encoders like them."""
DOTS_PER_INCH = 100
PIXEL = 72 / DOTS_PER_INCH
"""A pixel in points, in which Matplotlib measures lines and letters."""
INK, TEXT, FAINT, QUIET = "#1c2733", "#5d6975", "#e6e9ee", "#c3cad3"
SIDE = "#0b63b0"
"""Of the policy's own figures, and of nodes that were counted."""
SERVED = "#1b3a8f"
HIDDEN = "#9b2c7c"
"""Of what is hidden from the agent."""
KEY, WHOLE_KEY = "#ecc667", "#d99a00"
WEIGHT = "#5d6975"
MOODS = {Mood.YES: "#00795c", Mood.NO: "#c2410c", Mood.NEITHER: TEXT}
AGES = ("#1b3a8f", "#1c7d93", "#57b27a", "#e3c63c")
"""Of pairs, from new to old, ever lighter: they differ without colour, too."""
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": QUIET,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlecolor": INK,
    "axes.labelcolor": TEXT,
    "axes.labelsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": TEXT,
    "ytick.labelcolor": TEXT,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
}


def of_ages(shares: Float[np.ndarray, " pairs"]) -> Float[np.ndarray, "pairs 3"]:
    """Returns the colours of pairs, from 0 for new to 1 for old.

    Example:
        >>> of_ages(np.array([0.0, 1.0])).round(1).tolist()
        [[0.1, 0.2, 0.6], [0.9, 0.8, 0.2]]
    """
    stops = np.array([[int(name[at : at + 2], 16) for at in (1, 3, 5)] for name in AGES]) / 255
    places = np.linspace(0, 1, len(AGES))
    return np.stack([np.interp(shares, places, stop) for stop in stops.T], axis=-1)
