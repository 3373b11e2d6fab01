"""The tables of a sweep: rows and columns that show the worst cells, or a list of all cells."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from rich.table import Table

from ceas_agents.evaluation import results
from ceas_agents.statistics import intervals
from ceas_agents.sweeps.plan import Cell, Plan, worst

ACCURACIES = ("final_accuracy", "mean_accuracy_over_time")
PAIRS = ("share_of_most_useful", "utilization")
PER_CENT = (*ACCURACIES, "mean_accuracy", *PAIRS)
LISTED = (*ACCURACIES, "accepted_nodes", "committed_rounds", *PAIRS)
"""Columns of the list of all cells."""
UNFINISHED = " *"
Rows = Mapping[tuple[str, ...], Sequence[results.Row]]
"""Rows of the seeds of each cell, by its labels."""


class Grid(NamedTuple):
    """A table as text; an entry may have several lines."""

    title: str
    caption: str
    heads: list[str]
    rows: list[list[str]]

    @property
    def rich(self) -> Table:
        """Returns the table for a terminal; accuracies and shares of pairs are in per cent."""
        table = Table(*self.heads, title=self.title, caption=self.caption, show_lines=True)
        for row in self.rows:
            table.add_row(*row)
        return table

    @property
    def markdown(self) -> str:
        """Returns the table in Markdown, with the same numbers in per cent, and its caption."""
        lines = [self.heads, ["---"] * len(self.heads), *self.rows]
        body = "\n".join("| " + " | ".join(map(_escaped, line)) + " |" for line in lines)
        return f"{body}\n\n{self.title}; {self.caption}.\n"


def grid(plan: Plan, rows: Rows) -> Grid:
    """Returns the table that the configuration describes, or a list of all cells.

    Means have 95 % intervals; accuracies and shares of pairs are in per cent.

    Args:
        plan: The sweep.
        rows: Finished episodes; cells with fewer seeds than the plan are marked.
    """
    seeds = f"seeds {plan.seeds.start} to {plan.seeds.stop - 1}"
    entries, caption = (_listed if plan.table is None else _worst)(plan, rows)
    if any(UNFINISHED in entry for line in entries for entry in line):
        caption += "; * unfinished"
    return Grid(f"{plan.scenario}: {seeds}", caption, entries[0], entries[1:])


def _listed(plan: Plan, rows: Rows) -> tuple[list[list[str]], str]:
    lines = [[*plan.factors, *(name.replace("_", " ") for name in LISTED)]]
    for cell in plan.cells:
        shown = [_shown(plan, [cell], rows, name).split("\n")[0] for name in LISTED]
        lines.append([*cell.labels, *shown])
    return (
        lines,
        "mean (95 % interval over seeds); accuracies, useful pairs and utilization in per cent",
    )


def _worst(plan: Plan, rows: Rows) -> tuple[list[list[str]], str]:
    table = plan.table
    assert table is not None
    across = {"": {}} if table.columns is None else plan.factors[table.columns]
    value = table.value.replace("_", " ")
    heads = [f"{table.columns} = {label}" if label else value for label in across]
    lines = [[table.rows, *heads]]
    groups: dict[tuple[str, str], list[Cell]] = {
        place: [] for place in product(plan.factors[table.rows], across)
    }
    for cell in plan.cells:
        labels = dict(zip(plan.factors, cell.labels, strict=True))
        groups[labels[table.rows], labels[table.columns] if table.columns else ""].append(cell)
    for label in plan.factors[table.rows]:
        shown = [_shown(plan, groups[label, other], rows, table.value) for other in across]
        lines.append([label, *shown])
    caption = f"{value}: mean (95 % interval over seeds)"
    caption += " in per cent" if table.value in PER_CENT else ""
    return lines, caption + (f", at the worst of {', '.join(worst(table))}" if worst(table) else "")


def _shown(plan: Plan, cells: list[Cell], rows: Rows, name: str) -> str:
    # The least mean of several cells, and in a second line the cell that has it.
    played = [cell for cell in cells if not cell.refusal]
    if not played:
        return ", ".join(dict.fromkeys(cell.refusal for cell in cells))
    complete = all(len(rows.get(cell.labels, ())) == len(plan.seeds) for cell in played)
    begun = [cell for cell in played if rows.get(cell.labels)]
    if not begun:
        return UNFINISHED
    values = [np.array([row[name] for row in rows[cell.labels]]) for cell in begun]
    least = min(range(len(begun)), key=lambda place: _order(values[place]))
    text = _estimate(values[least], name) + ("" if complete else UNFINISHED)
    return "\n".join(filter(None, [text, _who(plan, begun[least])]))


def _order(values: np.ndarray) -> float:
    # NaN counts as the worst value.
    return float(np.nan_to_num(values.mean(), nan=-np.inf))


def _who(plan: Plan, cell: Cell) -> str:
    over = worst(plan.table) if plan.table else []
    return ", ".join(cell.labels[list(plan.factors).index(name)] for name in over)


def _estimate(values: np.ndarray, name: str) -> str:
    if not np.isfinite(values).all():
        return "not finite"
    if name in PER_CENT:
        return results.estimate(values)
    low, high = intervals.interval(values)
    return f"{values.mean():.4g} ({low:.4g} to {high:.4g})"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")
