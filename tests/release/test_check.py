"""The release check itself: what it runs, how it stops a command, and what it notices."""

import tarfile
import zipfile
from pathlib import Path

import pytest
from release import check

README = (check.ROOT / "README.md").read_text("utf-8")
SLEEPS = """#!/bin/sh
trap 'exit {code}' TERM
while :; do sleep 0.1; done
"""


def test_every_command_of_the_readme_is_run() -> None:
    found = check.commands(README)
    assert "ceas-gym list" in found
    assert len(found) == README.count("\nceas-gym ")
    assert not [command for command in found if "#" in command]
    assert len(check.blocks(README, "python")) == README.count("```python")


def test_what_a_later_command_reads_is_waited_for() -> None:
    found = check.commands(README)
    read = [command for command in found if check.is_read(command, found)]
    assert [command.split()[1] for command in read] == ["evaluate"]
    assert "ceas-gym replay runs/alie" in found


def program(folder: Path, text: str) -> Path:
    file = folder / "ceas-gym"
    file.write_text(text)
    file.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [("#!/bin/sh\nexit 0\n", "finished"), (SLEEPS.format(code=130), "stopped")],
)
def test_a_command_finishes_or_ends_as_such_when_it_is_stopped(
    text: str, expected: str, tmp_path: Path
) -> None:
    assert check.played("ceas-gym list", program(tmp_path, text), tmp_path, 1) == expected


@pytest.mark.parametrize("text", ["#!/bin/sh\necho oh\nexit 2\n", SLEEPS.format(code=1)])
def test_a_command_that_fails_ends_all_and_is_shown(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r"exit code [12]: ceas-gym list"):
        check.played("ceas-gym list", program(tmp_path, text), tmp_path, 1)
    assert capsys.readouterr().out == ("oh\n" if "oh" in text else "\n")


def test_an_archive_with_another_content_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ("README.md", "ceas_gym/py.typed", "agents/ceas_agents/cli.py")
    monkeypatch.setattr(check, "run", lambda *_: "\n".join(kept))
    wheel, source = tmp_path / "a.whl", tmp_path / "a.tar.gz"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in ("ceas_gym/py.typed", "ceas_agents/cli.py", "a.dist-info/RECORD"):
            archive.writestr(name, "")
    (tmp_path / "file").touch()
    with tarfile.open(source, "w:gz") as archive:
        for name in (*kept, "PKG-INFO"):
            archive.add(tmp_path / "file", f"a/{name}")
    check.examine(wheel, source)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("ceas_gym/notes.txt", "")
    with pytest.raises(SystemExit, match=r"a\.whl has uncommitted ceas_gym/notes.txt \(1 files\)"):
        check.examine(wheel, source)
    with pytest.raises(SystemExit, match=r"a\.tar\.gz lacks PKG-INFO, README.md"):
        check.differ(source, {"README.md", "PKG-INFO"}, set())
