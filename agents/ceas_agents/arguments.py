"""What several commands of `ceas-gym` have in common on the command line."""

from pathlib import Path
from typing import Annotated

import typer

Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="section.field=value; repeat for several")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace earlier results")]
On = Annotated[
    str, typer.Option("--on", help="where it runs: processes of this machine, ray or slurm")
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="how many run at once")]
Cores = Annotated[
    int | None,
    typer.Option("--jobs", min=1, help="how many run at once; by default one on each core"),
]


def keep_results(rows: Path, *, overwrite: bool) -> None:
    """Checks that a command replaces no results, unless it is told to.

    Args:
        rows: A file of results, whose folder the command writes to.
        overwrite: Whether results may be replaced.

    Raises:
        ValueError: If the file exists and is not empty.
    """
    if not overwrite and rows.exists() and rows.stat().st_size:
        raise ValueError(f"{rows.parent} holds results; choose another --out or pass --overwrite")
