"""The learning curve: one row for each validation, as a file, a table on screen and a figure."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table

from ceas_agents.evaluation import results
from ceas_agents.figures import plots, style
from ceas_agents.figures.style import GRID

Row = Mapping[str, float]
TABLE, FIGURE = "curve.csv", "curve.png"
MEASURES = ("return", "final_accuracy", "mean_accuracy", "utilization")
"""Metrics of an episode, of which a row has the means over the validation seeds."""
SHARES = MEASURES[1:]
"""Measures that are shares in [0, 1], and are shown in per cent."""
SHOWN = 8
"""Rows of the table on screen at most, before the last one."""


def write(rows: Sequence[Row], folder: Path) -> None:
    """Writes the learning curve as a CSV file, either completely or not at all.

    Args:
        rows: One for each validation, at least one: progress in steps (decisions over all rows)
            and in minutes, returns, and shares in [0, 1].
        folder: Where `curve.csv` is written.

    Raises:
        OSError: If the file can't be written.
    """
    text = io.StringIO(newline="")
    # The row before training lacks the columns of training; the last row has all columns.
    writer = csv.DictWriter(text, list(rows[-1]), restval="nan")
    writer.writeheader()
    writer.writerows(rows)
    results.write_text(folder / TABLE, text.getvalue())


def read(folder: Path) -> list[dict[str, float]]:
    """Returns the learning curve that `write` wrote.

    Args:
        folder: Where `curve.csv` is.

    Returns:
        One row for each validation; NaN in columns that a row lacks, shares in [0, 1].

    Raises:
        ValueError: If the file is not a learning curve.
        OSError: If the file can't be read.
    """
    with (folder / TABLE).open(encoding="utf-8", newline="") as file:
        try:
            return [
                {name: float(value) for name, value in row.items()} for row in csv.DictReader(file)
            ]
        except (TypeError, ValueError) as error:
            raise ValueError(f"{folder / TABLE} is no curve of a training: {error}") from error


def table(rows: Sequence[Row], reference: Row, title: str) -> Table:
    """Returns a table of the agent's results on the validation seeds, compared with CEAS.

    Args:
        rows: The learning curve, at least one row; shares in [0, 1].
        reference: Means of CEAS for each measure, in the same units.
        title: Title of the table.

    Returns:
        A table in which shares are in per cent; long curves are thinned out.
    """
    result = Table(title=title, caption="means over the validation seeds")
    for heading in ("steps", "minutes", *map(_named, MEASURES)):
        result.add_column(heading, justify="right")
    step = -(-len(rows) // SHOWN)
    for row in [*rows[:-1:step], rows[-1]]:
        values = {name: row[f"validation_{name}"] for name in MEASURES}
        result.add_row(f"{row['steps']:,.0f}", f"{row['minutes']:.1f}", *_shown(values))
    result.add_section()
    result.add_row("ceas", "", *_shown(reference))
    return result


def draw(rows: Sequence[Row], reference: Row, path: Path, title: str) -> None:
    """Draws return and final accuracy on the validation seeds against the steps, and those of CEAS.

    Args:
        rows: The learning curve, at least one row; shares in [0, 1].
        reference: Means of CEAS for each measure, in the same units.
        path: File of the figure, which shows accuracy in per cent.
        title: Name of the training, for the heading.
    """
    steps = [row["steps"] for row in rows]
    with style.applied():
        figure = style.figure(3.2)
        for number, name in enumerate(("return", "final_accuracy")):
            axes = figure.add_subplot(1, 2, number + 1)
            scale = 100 if name in SHARES else 1
            values = [scale * row[f"validation_{name}"] for row in rows]
            axes.plot(steps, values, color="black", marker="o", markersize=2.5, label="agent")
            axes.axhline(scale * reference[name], color=plots.COLOURS["ceas"], label="ceas")
            axes.set_xlabel("decisions taken in training")
            axes.set_ylabel(_named(name))
            axes.grid(color=GRID)
        figure.axes[0].legend(frameon=False)
        subtitle = "means over the validation seeds, beside CEAS"
        style.head(figure, f"Return and final accuracy in training: {title}", subtitle)
        style.save(figure, path)


def _named(measure: str) -> str:
    return measure.replace("_", " ") + (", %" if measure in SHARES else "")


def _shown(row: Row) -> list[str]:
    return [f"{100 * row[m]:.2f}" if m in SHARES else f"{row[m]:.4f}" for m in MEASURES]
