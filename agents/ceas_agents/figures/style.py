"""The size and style that all figures share, and how they are written.

Each figure is a PNG file for the screen, with a PDF and an SVG file for print. Drawing a figure
again gives the same files, byte for byte: they hold no dates and no random names.
"""

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 200
WIDTH_INCHES = 7.0
"""About the width of the text on a page, so that fonts print at their nominal size."""
STYLE: dict[str, Any] = {
    "font.size": 9.0,
    "text.parse_math": False,
    "savefig.dpi": DOTS_PER_INCH,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.axisbelow": True,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.0,
    "lines.solid_capstyle": "butt",
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    # Journals ask for TrueType fonts.
    "pdf.fonttype": 42,
    "svg.hashsalt": "ceas_gym",
}
FORMATS: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
}
"""File formats of a figure, each with the metadata that are left out."""
MARGIN = 0.012
"""Left margin of titles, as a share of the figure's width."""
GREY, GRID = "#555555", "#e5e5e5"


def applied() -> AbstractContextManager[None]:
    """Returns a context in which all figures have the common style."""
    from matplotlib.style import context

    # Reset first, so that the user's own settings do not alter the figures.
    return context(STYLE, after_reset=True)


def figure(height_inches: float) -> "Figure":
    """Returns an empty figure of the common width.

    Args:
        height_inches: Height of the figure, in inches; above 0.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((WIDTH_INCHES, height_inches), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    return figure


def head(figure: "Figure", title: str, subtitle: str = "") -> None:
    """Writes title and subtitle at the left margin.

    Args:
        figure: A figure that has axes.
        title: Says what is shown.
        subtitle: Says, for example, what is averaged. It replaces the left title of the first
            axes; without it, they keep their own.
    """
    figure.suptitle(title, x=MARGIN, ha="left", fontweight="bold", fontsize=11)
    if not subtitle:
        return
    axes = figure.axes[0]
    below = axes.set_title(subtitle, loc="left", color=GREY, fontsize=9)
    # The position of the axes is known only after the layout, which drawing computes.
    figure.draw_without_rendering()
    place = axes.get_position()
    below.set_x((MARGIN - place.x0) / place.width)


def save(figure: "Figure", path: Path) -> None:
    """Writes the figure in all formats, each file either completely or not at all.

    Args:
        figure: Drawn within `applied`.
        path: The PNG file; the other files have its name with the extensions of `FORMATS`.

    Raises:
        OSError: If a file can't be written.
    """
    for kind, left_out in FORMATS.items():
        to = path.with_suffix(f".{kind}")
        # Under another name first, then renamed, so that no reader sees half a file.
        beside = to.with_name(f".{to.name}.{os.getpid()}")
        try:
            figure.savefig(beside, format=kind, metadata=left_out)
            os.replace(beside, to)
        finally:
            beside.unlink(missing_ok=True)
