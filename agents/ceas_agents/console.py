"""What commands print: tables and progress bars."""

from functools import partial

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

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


class Rate(ProgressColumn):
    """The rate of a task."""

    def render(self, task: Task) -> Text:
        """Returns the rate in steps per second or minute, or nothing while it is not known."""
        speed = task.finished_speed or task.speed or 0.0
        if not speed:
            return Text()
        return Text(f"{speed:.3g}/s" if speed >= 1 else f"{60 * speed:.3g}/min")


def progress_bar() -> Progress:
    """Returns a progress bar on the standard error, which counts steps such as episodes.

    It shows what is going on, the steps, their rate and the time that is left.
    """
    name = TextColumn("{task.description:<28}", markup=False)
    columns = (name, BarColumn(), MofNCompleteColumn(), Rate())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
