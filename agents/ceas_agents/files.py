"""Writes files either completely or not at all."""

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path


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
