"""What all figures share: their size, their style, and how they are written.

Each is a PNG file for the screen, and beside it a PDF and an SVG file for print. The same figure is
the same files, byte for byte: they hold no dates, and no random names.
"""

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 200
WIDTH_INCHES = 7.0
"""About the width of a page's text, so that fonts print in their own size."""
STYLE: dict[str, Any] = {
    "font.size": 9.0,
    "text.parse_math": False,
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
    # Letters as TrueType fonts, which journals ask for.
    "pdf.fonttype": 42,
    "svg.hashsalt": "ceas_gym",
}
FORMATS: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
}
"""Of the files of a figure, each with what is left out of it."""
MARGIN = 0.012
"""Where titles begin, as a share of the figure's width."""
GREY, GRID = "#555555", "#e5e5e5"


def applied() -> AbstractContextManager[None]:
    """Returns a context in which figures look alike."""
    from matplotlib.style import context

    # Reset first: the user's own settings must not alter the figures.
    return context(STYLE, after_reset=True)


def figure(height_inches: float) -> "Figure":
    """Returns an empty figure of the common width."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((WIDTH_INCHES, height_inches), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    return figure


def head(figure: "Figure", title: str, subtitle: str = "") -> None:
    """Writes title and subtitle from the left margin on.

    Args:
        figure: With its axes.
        title: Says what is shown.
        subtitle: Such as what is averaged. It is the left title of the first axes, which keep
            their own where there is none.
    """
    figure.suptitle(title, x=MARGIN, ha="left", fontweight="bold", fontsize=11)
    if not subtitle:
        return
    axes = figure.axes[0]
    below = axes.set_title(subtitle, loc="left", color=GREY, fontsize=9)
    # Both begin at the left margin, which the layout must have placed the axes for.
    figure.draw_without_rendering()
    place = axes.get_position()
    below.set_x((MARGIN - place.x0) / place.width)


def save(figure: "Figure", path: Path) -> None:
    """Writes the figure in all formats, each as a whole file or nothing.

    Args:
        figure: Drawn within `applied`.
        path: Of the PNG file; the others have its name with the endings of `FORMATS`.
    """
    for kind, left_out in FORMATS.items():
        to = path.with_suffix(f".{kind}")
        # Beside it first, then renamed.
        beside = to.with_name(f".{to.name}.{os.getpid()}")
        try:
            figure.savefig(beside, format=kind, metadata=left_out)
            os.replace(beside, to)
        finally:
            beside.unlink(missing_ok=True)
