"""A job: one call whose result is one file, so that any worker may do, lose and repeat it."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ceas_agents import files

FOLDER = "jobs"
"""Within the folder of a run: results of jobs, until the run's own files have them all."""
TELL_S = 0.5
"""Shortest time in s between two reports of the share that is done."""
Tell = Callable[[float], None]
"""Is told the share of a job that is done, in [0, 1]."""


class Job(NamedTuple):
    """A call, and the file for its result."""

    path: Path
    """The file. Its name says all that decides the result, so that no other job has it (`key`)."""
    function: Callable[..., Any]
    """Of a module, so that it can be named to another process. It gets the arguments and a `Tell`,
    and returns what JSON can hold, but not None."""
    arguments: tuple[Any, ...] = ()
    """Settings and seeds, which can be pickled."""
    name: str = ""
    """What the progress bar shows."""
    group: str = ""
    """Jobs of the same group share a compilation."""
    size: int = 1
    """Steps that the progress bar counts, such as episodes; at least 1."""


def key(*decisive: object) -> str:
    """Returns a name that is the same for the same settings, in every process and on every machine.

    Args:
        decisive: All that decides a result, in plain types or types whose text says all.

    Example:
        >>> key("tiny", [1, 2])
        'b0b1a94793b4bdb3'
    """
    text = json.dumps(decisive, default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def found(job: Job) -> Any | None:  # noqa: ANN401 - what JSON can hold
    """Returns the result of a job from its file, or None if there is no whole file.

    Args:
        job: Performed or not. A file that was cut off counts as missing.
    """
    try:
        text = job.path.read_text(encoding="utf-8")
        # The last character that is written is the end of a line.
        return json.loads(text) if text.endswith("\n") else None
    except (FileNotFoundError, ValueError):
        return None


def result(job: Job) -> Any:  # noqa: ANN401 - what JSON can hold
    """Returns the result of a job that was performed, as everybody reads it.

    Args:
        job: Performed.

    Raises:
        OSError: If its file is missing or damaged.
    """
    if (read := found(job)) is None:
        raise OSError(f"{job.path} was written, but can't be read; look at the disk")
    return read


def perform(job: Job, tell: Tell) -> None:
    """Performs a job, unless its result is there already.

    Args:
        job: Its file is written completely or not at all.
        tell: Is told of the progress.

    Raises:
        OSError: If the file can't be written.
    """
    if found(job) is None:
        files.write_text(job.path, json.dumps(job.function(*job.arguments, tell)) + "\n")


def perform_all(batch: Sequence[Job], folder: str) -> str:
    """Performs jobs one after the other, in a worker.

    Args:
        batch: What to perform.
        folder: The working directory, which relative paths mean.

    Returns:
        The message of what is wrong with a job or with the disk, or nothing.
    """
    os.chdir(folder)
    for job in batch:
        try:
            perform(job, _reporter(job))
        except (ValueError, OSError) as error:
            return f"{job.name}: {error}"
        _share_file(job).unlink(missing_ok=True)
    return ""


def share(job: Job) -> float:
    """Returns the share of a job that its worker says to be done, in [0, 1]; 0 if it says nothing.

    Args:
        job: Performed elsewhere.
    """
    with suppress(OSError, ValueError):
        return float(_share_file(job).read_text(encoding="utf-8"))
    return 0.0


def make_room(folder: Path, *, overwrite: bool) -> Path:
    """Returns the folder for the files of jobs, which is made.

    Args:
        folder: Of the run.
        overwrite: Whether to remove what is there.

    Raises:
        OSError: If it can't be made.
    """
    if overwrite:
        clear(folder)
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    return folder / FOLDER


def clear(folder: Path) -> None:
    """Removes the files of jobs, because the run's own files have all their results.

    Args:
        folder: Of the run.
    """
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def _share_file(job: Job) -> Path:
    return job.path.with_suffix(".share")


def _reporter(job: Job) -> Tell:
    told_s = -TELL_S

    def tell(share: float) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= TELL_S:
            told_s = time.monotonic()
            # A report that is lost costs nothing.
            with suppress(OSError):
                files.write_text(_share_file(job), f"{share}")

    return tell
