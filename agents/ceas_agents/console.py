"""What commands print: tables, and how far they are."""

from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PIPE_WIDTH = 150


def output(width: int = PIPE_WIDTH) -> Console:
    """Returns where tables are printed: into a file or a pipe, they keep that width."""
    # What users name is no markup.
    plain = partial(Console, markup=False, emoji=False)
    terminal = plain()
    return terminal if terminal.is_terminal else plain(width=width)


def progress_bar() -> Progress:
    """Returns a bar on the standard error that counts episodes."""
    name = TextColumn("{task.description:<28}", markup=False)
    columns = (name, BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
