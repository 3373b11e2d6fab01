"""What commands print: tables, progress bars, and what to run next."""

import shlex
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


def show_next(*words: object) -> None:
    """Prints the command to run next, as a shell takes it.

    Args:
        words: What follows `ceas-gym`, such as names and paths.

    Example:
        >>> show_next("replay", "runs/my demo")
        next: ceas-gym replay 'runs/my demo'
    """
    output().print("next: ceas-gym", shlex.join(map(str, words)), soft_wrap=True)


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
