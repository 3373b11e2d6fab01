"""Folders for results: what is in the way is said in a line."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from ceas_agents import files


def test_a_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    for _ in range(2):
        files.make_folder(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    for path in (tmp_path / "a", tmp_path / "a" / "b" / "c"):
        with pytest.raises(OSError, match=f"^--out {path}: .*: {tmp_path / 'a'} is not a folder;"):
            files.make_folder(path)


def test_a_name_may_be_too_long(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"there: file name too long; choose another folder$"):
        files.make_folder(tmp_path / ("a" * 300))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "permission denied; choose another folder"),
        (errno.ENOSPC, "no space left on device; make room, or choose another folder"),
        (errno.EROFS, "read-only file system; choose another folder"),
    ],
)
def test_a_folder_that_takes_no_files_is_refused(
    number: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def write(self, _: bytes) -> None:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.tempfile, "TemporaryFile", lambda dir: Refusing())  # noqa: A006
    with pytest.raises(OSError, match=f"^--out {tmp_path}: .*: {said}$"):
        files.make_folder(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    for path in (tmp_path, tmp_path / "new"):
        with pytest.raises(OSError, match=r"permission denied; choose another folder$"):
            files.make_folder(path)
