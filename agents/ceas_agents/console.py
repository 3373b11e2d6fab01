"""What commands print: tables and progress bars."""

from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PIPE_WIDTH = 150
"""Width of tables in characters, where there is no terminal."""


def output(width: int = PIPE_WIDTH) -> Console:
    """Returns the console for tables, which is the standard output.

    Args:
        width: Width in characters if the output is a file or a pipe; a terminal has its own.
    """
    # Names given by users are not markup.
    plain = partial(Console, markup=False, emoji=False)
    terminal = plain()
    return terminal if terminal.is_terminal else plain(width=width)


def progress_bar() -> Progress:
    """Returns a progress bar on the standard error, which counts steps such as episodes."""
    name = TextColumn("{task.description:<28}", markup=False)
    columns = (name, BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
