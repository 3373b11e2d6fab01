"""One run at a time in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ceas_agents import files

NAME = "run.lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keeps other runs out of a folder within its context.

    The operating system ends the lock with the process, however that ends.

    Args:
        folder: Of the run; it is made.

    Raises:
        ValueError: If another run is in the folder.
        OSError: If the folder can't be written.
    """
    files.make_folder(folder)
    lock = FileLock(folder / NAME, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(
            f"{folder} is in use by another run; wait for its end, or choose another --out"
        ) from None
    try:
        yield
    finally:
        lock.release()
