"""Release check: what users download is built, examined, installed where nothing is, and tried.

    make release-check                          all of it
    make release-check ARGS='--limit-s 600'     more time for each command

1. The wheel and the source distribution are built, and `twine check` finds no fault.
2. Both hold what the repository holds, and nothing else. What is not committed is an error.
3. The wheel is installed into an empty environment, without `constraints.txt`. There, in an empty
   folder, the README's blocks run: Python as it stands, and every line that starts with `ceas-gym`.
   A command that is not done in time is told to end (SIGTERM), and has to end as after Ctrl-C; but
   one whose results a later command reads has all the time that it takes.
4. The source distribution is installed into a second one, with its extra `agents`, and trains.

It needs what pip needs to download packages; about 4 GB of the disk for temporary files; and the
time of a long walk, most of which is the time that commands have.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
import venv
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
LIMIT_S = 120.0
"""Time in s that a command of the README has before it is stopped."""
GRACE_S = 600.0
"""Time in s in which it has to end then; what is being compiled is finished first."""
DONE, STOPPED = 0, 130
"""Exit codes of commands that finish, and of those that are stopped and say so."""
TAIL = 30
"""Lines that are shown of the output of what fails."""
TRAINING = "ceas-gym train configs/agents/ppo-scarce.yaml"
"""A command that needs the extra `agents`."""
PLACES = {
    "agents/ceas_agents/": "ceas_agents/",
    "agents/checkpoints/": "ceas_agents/checkpoints/",
    "ceas_gym/": "ceas_gym/",
}
"""Folders of the repository, and where the wheel has them."""


def main() -> None:
    """Runs all stages; the first that fails ends the program with a message and exit code 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--limit-s", type=float, default=LIMIT_S, help="time of a command, in s")
    limit_s = parser.parse_args().limit_s
    with TemporaryDirectory(prefix="ceas-gym-release-") as folder:
        check(Path(folder), limit_s)
    print("All is well.")


def check(folder: Path, limit_s: float) -> None:
    """Runs all stages.

    Args:
        folder: An empty folder, for all that is made.
        limit_s: Time that a command has before it is stopped, in s.
    """
    with stage("build, and twine check"):
        wheel, source = build(folder)
    with stage("contents"):
        examine(wheel, source)
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    unpacked = folder / source.name.removesuffix(".tar.gz")
    readme = (unpacked / "README.md").read_text("utf-8")
    with stage("wheel: installation"):
        environment = installed(folder / "wheel", [str(wheel)])
    work = workplace(folder / "work", unpacked)
    for number, block in enumerate(blocks(readme, "python"), start=1):
        with stage(f"wheel: Python block {number}"):
            run([environment / "python", "-c", block], work)
    lines = commands(readme)
    for command in lines:
        patience = None if is_read(command, lines) else limit_s
        with stage(f"wheel: {command}") as told:
            told.append(played(command, environment, work, patience))
    with stage("source distribution: installation with agents"):
        torch = re.findall("^torch==.*$", (ROOT / "constraints.txt").read_text("utf-8"), re.M)
        # As in the Makefile: first, because pip could otherwise choose a build of several GB.
        environment = installed(folder / "source", torch, [f"{source}[agents]"])
    with stage(f"source distribution: {TRAINING}") as told:
        told.append(played(TRAINING, environment, work, limit_s))


@contextmanager
def stage(name: str) -> Iterator[list[str]]:
    """Prints the name of a stage, then its time in s and what is put into the list."""
    told = list[str]()
    print(name, end=" ... ", flush=True)
    begun = time.monotonic()
    yield told
    print(", ".join([f"{time.monotonic() - begun:.0f} s", *told]), flush=True)


def run(command: Sequence[object], folder: Path) -> str:
    """Returns the output of a command; if it fails, the end of it is shown, and all ends."""
    words = list(map(str, command))
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        fail(words, done.returncode, done.stdout + done.stderr)
    return done.stdout


def fail(command: Sequence[str], code: int, output: str) -> None:
    """Ends the program, with the end of a command's output."""
    print(*output.splitlines()[-TAIL:], sep="\n")
    sys.exit(f"exit code {code}: {shlex.join(command)[:200]}")


# --- What is built ---


def build(folder: Path) -> tuple[Path, Path]:
    """Returns the paths of a wheel and of the source distribution that it was built from."""
    tools = installed(folder / "tools", ["build", "twine"])
    made = folder / "dist"
    run([tools / "python", "-m", "build", "--outdir", made, ROOT], folder)
    (wheel,), (source,) = made.glob("*.whl"), made.glob("*.tar.gz")
    run([tools / "twine", "check", "--strict", wheel, source], folder)
    return wheel, source


def examine(wheel: Path, source: Path) -> None:
    """Ends the program if an archive lacks a file of the repository, or holds another one."""
    kept = set(run(["git", "ls-tree", "-r", "--name-only", "HEAD"], ROOT).splitlines())
    with tarfile.open(source) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    differ(source, kept | {"PKG-INFO"}, inside)
    packaged = {
        there + name.removeprefix(here)
        for name in kept
        for here, there in PLACES.items()
        if name.startswith(here)
    }
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    differ(wheel, packaged, inside)


def differ(archive: Path, expected: set[str], inside: set[str]) -> None:
    """Ends the program if an archive does not hold what it should."""
    for what, names in ("lacks", expected - inside), ("has uncommitted", inside - expected):
        if names:
            sys.exit(f"{archive.name} {what} {', '.join(sorted(names)[:5])} ({len(names)} files)")


# --- Where it is tried ---


def installed(folder: Path, *packages: Sequence[str]) -> Path:
    """Returns the folder of programs of a new environment, with packages installed in turn."""
    venv.create(folder, clear=True, with_pip=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    for some in packages:
        run([programs / "python", "-m", "pip", "install", "--quiet", *some], folder)
    run([programs / "python", "-m", "pip", "check"], folder)
    return programs


def workplace(folder: Path, unpacked: Path) -> Path:
    """Returns a folder that has of a checkout only what the README's commands name."""
    folder.mkdir()
    shutil.copytree(unpacked / "configs", folder / "configs")
    return folder


def blocks(page: str, language: str) -> list[str]:
    """Returns the blocks of a page in a language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)


def commands(page: str) -> list[str]:
    """Returns the commands of this package in the blocks of a page, without comments."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [line.partition("#")[0].strip() for line in lines if line.startswith("ceas-gym")]


def is_read(command: str, others: Sequence[str]) -> bool:
    """Returns whether one of the other commands reads the folder that this one writes to."""
    _, named, folder = command.partition(" --out ")
    return bool(named) and any(folder in other.split() for other in others if other != command)


def played(command: str, programs: Path, folder: Path, limit_s: float | None) -> str:
    """Returns whether a command finished or was stopped; if it fails, all ends."""
    first, *words = shlex.split(command)
    output = folder / "output.txt"
    # Compiled programs of the user's must not help, and nothing is left in the user's folders.
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    with output.open("w", encoding="utf-8") as told:
        process = subprocess.Popen(
            [programs / first, *words], cwd=folder, env=environment, stdout=told, stderr=told
        )
        try:
            code, expected = process.wait(limit_s), DONE
        except subprocess.TimeoutExpired:
            # Not SIGINT, which processes in the background ignore.
            process.terminate()
            try:
                code, expected = process.wait(GRACE_S), STOPPED
            finally:
                process.kill()
    # A command may finish while it is told to stop.
    if code not in (DONE, expected):
        fail([first, *words], code, output.read_text("utf-8"))
    return "finished" if code == DONE else "stopped"


if __name__ == "__main__":
    main()
