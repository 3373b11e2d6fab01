"""Folders for results, and files that are written either completely or not at all."""

import errno
import json
import os
import platform
import tempfile
from collections.abc import Mapping
from pathlib import Path

BLOCK = 4096
"""Bytes that a check writes: a full disk takes empty files, but no block."""


def make_folder(path: Path) -> None:
    """Makes the folder that `--out` names, unless it exists, and writes to it to see that it can.

    Args:
        path: The folder.

    Raises:
        OSError: If it can't be made or written to. Its message is a line for users, with the
            reason and the remedy.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(bytes(BLOCK))
    except OSError as error:
        remedy = "make room, or " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise OSError(
            f"--out {path}: no results can be written there: {_reason(path, error)}; "
            f"{remedy}choose another folder"
        ) from error


def _reason(path: Path, error: OSError) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        # The system does not say which part of the path it is.
        for part in (path, *path.parents):
            if part.exists() and not part.is_dir():
                return f"{part} is not a folder"
    return (error.strerror or str(error)).lower()


def write_json(path: Path, record: Mapping[str, object]) -> None:
    """Writes a JSON file, either completely or not at all.

    Args:
        path: The file, which is replaced if it exists.
        record: Its contents, in types that JSON has.

    Raises:
        OSError: If the file can't be written.
    """
    write_text(path, json.dumps(record, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes a file in UTF-8, either completely or not at all: under another name, then renamed.

    Args:
        path: The file, which is replaced if it exists.
        text: Its contents.

    Raises:
        OSError: If the file can't be written.
    """
    # Processes of several machines may write the same file.
    beside = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        # On a full disk, what there is of it would be in the way.
        beside.unlink(missing_ok=True)
