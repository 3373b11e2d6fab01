"""Mutation testing: small errors made in the library's arithmetic, and whether the tests notice.

A suite that passes does not say which errors it would let through. Each mutant is one such error: a
sign, a factor, `<` for `<=`, a forgotten clip. It is made in a copy of the repository, and the
tests are run there. The mutant is caught if a test fails, and has survived if all pass:

    make mutation                                     all mutants
    make mutation ARGS='--only cutoff-is-exclusive'   one of them
    make mutation ARGS='--all --json mutation.json'   survivors meet the whole suite

The mutants are in the TOML files beside this script, a table each:

    [[mutant]]
    name = "photon-crosses-the-whole-link"
    file = "ceas_gym/physics/heralding.py"
    old = "length_km) / 2.0"
    new = "length_km) / 1.0"
    tests = ["tests/physics/test_heralding.py"]

To add one, write such a table, then run it with `--only`. `old` must occur in the file exactly
once. When the code has changed, the script says which mutants no longer fit, and their tables are
adapted by hand. `new` must change a result that somebody could notice, and still be importable.
`tests` are the files that should catch it, the likeliest first, since a run ends at the first
failure. A mutant that survives is a finding about the tests: it stays in the list.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

HERE = Path(__file__).parent
OWN = "tests/mutation/"
"""This folder, which copies do without: it could only notice that the code is another."""
WHOLE = ("tests",)

CAUGHT, SURVIVED, LIKELY = "caught", "SURVIVED", "SURVIVED its own tests"
BROKEN, SLOW = "BROKEN", "TIMED OUT"
VERDICTS = {0: SURVIVED, 1: CAUGHT}
"""By exit code of pytest; any other means that tests could not be collected or run."""


class Mutant(NamedTuple):
    """One error: what to write instead of what, and the tests that should catch it."""

    name: str
    file: str
    old: str
    new: str
    tests: list[str]


class Outcome(NamedTuple):
    """What became of a mutant, by which test if it was caught, and in which time."""

    mutant: Mutant
    verdict: str
    by: str
    seconds: float


Run = Callable[[Path, Sequence[str]], tuple[str, str]]
"""Runs some tests in a copy of the repository; returns the verdict and what it is based on."""


def listed(folder: Path = HERE) -> list[Mutant]:
    """Returns the mutants of all TOML files in a folder."""
    tables = [tomllib.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))]
    rows = [row for table in tables for row in table["mutant"]]
    if wrong := [row for row in rows if row.keys() != set(Mutant._fields)]:
        raise ValueError(f"a mutant has {', '.join(Mutant._fields)}, not {wrong[0]}")
    return [Mutant(**row) for row in rows]


def problem(mutant: Mutant, tree: Path) -> str | None:
    """Returns in one line why a mutant does not fit a tree, `None` if it does."""
    if missing := [name for name in (mutant.file, *mutant.tests) if not (tree / name).is_file()]:
        return f"mutant {mutant.name}: {missing[0]} does not exist; write where it is now"
    count = (tree / mutant.file).read_text("utf-8").count(mutant.old)
    if count != 1:
        text = f"{mutant.old!r} occurs {count} times in {mutant.file}, not once"
        return f"mutant {mutant.name}: {text}; adapt `old` and `new`"
    return None


def mutate(mutant: Mutant, tree: Path) -> None:
    """Writes a mutant into a tree."""
    path = tree / mutant.file
    path.write_text(path.read_text("utf-8").replace(mutant.old, mutant.new), "utf-8")


@contextmanager
def copied(tree: Path) -> Iterator[Path]:
    """Yields a copy of what is in a repository, committed or not, without ignored files.

    It is a new one for each mutant: in a used one, Python might take compiled code of the mutant
    before for that of the next, if their files have the same size and time.
    """
    with TemporaryDirectory(prefix="mutant-") as folder:
        for name in _names(tree):
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree / name, target)
        yield Path(folder)


def _names(tree: Path) -> list[str]:
    command = ["git", "-C", str(tree), "ls-files", "-z", "-co", "--exclude-standard"]
    try:
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ValueError(f"{tree} is no git repository; name one with --tree") from error
    names = [name for name in found.split("\0") if not name.startswith(OWN)]
    return [name for name in names if (tree / name).is_file()]


def run_tests(cache: Path, limit_s: float, copy: Path, tests: Sequence[str]) -> tuple[str, str]:
    """Runs tests in a copy up to the first failure.

    All copies share one folder of compiled programs, which makes most of them quicker. This is
    right, because JAX finds a program there by the operations that it consists of: a mutant that
    computes anything else gets a program of its own.
    """
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(copy), str(copy / "agents")]),
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        # By default, only what took a second to compile is kept.
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        return SLOW, f"after {limit_s:.0f} s"
    return judged(done.returncode, done.stdout + done.stderr)


def judged(exit_code: int, output: str) -> tuple[str, str]:
    """Returns the verdict of a run of pytest, and the test or the line that it is based on."""
    verdict = VERDICTS.get(exit_code, BROKEN)
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    last = output.strip().rpartition("\n")[2]
    return verdict, "" if verdict == SURVIVED else failed[1] if failed else last


def outcome(run: Run, tree: Path, everything: bool, mutant: Mutant) -> Outcome:
    """Returns what becomes of a mutant, before its own tests and, if asked for, before all."""
    start = time.monotonic()
    with copied(tree) as copy:
        mutate(mutant, copy)
        verdict, by = run(copy, mutant.tests)
        if verdict == SURVIVED:
            verdict, by = run(copy, WHOLE) if everything else (LIKELY, "")
    return Outcome(mutant, verdict, by, time.monotonic() - start)


def unmutated(run: Run, tree: Path, jobs: int, tests: Sequence[str]) -> str | None:
    """Returns in one line which tests fail without any mutant, `None` if all pass.

    They would seem to catch everything. Each file has a process of its own, as it has later.
    """
    with copied(tree) as copy, ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(lambda name: run(copy, [name]), tests))
    wrong = [by for verdict, by in found if verdict != SURVIVED]
    return f"without any mutant, the tests fail already: {', '.join(wrong)}" if wrong else None


def row(found: Outcome) -> str:
    """Returns the line of an outcome in the table."""
    by = f" by {found.by}" if found.by else ""
    return f"{found.mutant.name:40} {found.seconds:5.0f} s  {found.verdict}{by}"


def written(outcomes: Sequence[Outcome]) -> str:
    """Returns the outcomes as JSON."""
    rows = [
        {**mutant._asdict(), "verdict": verdict, "by": by, "seconds": round(seconds, 1)}
        for mutant, verdict, by, seconds in outcomes
    ]
    caught = sum(found.verdict == CAUGHT for found in outcomes)
    return json.dumps({"caught": caught, "total": len(rows), "mutants": rows}, indent=1) + "\n"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the tests against small errors.")
    parser.add_argument("--all", action="store_true", help="let survivors meet the whole suite")
    parser.add_argument("--check", action="store_true", help="only see whether all mutants fit")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at the same time")
    parser.add_argument("--json", type=Path, help="file for the outcomes")
    parser.add_argument("--only", action="append", metavar="NAME", help="this mutant alone")
    parser.add_argument("--timeout", type=float, default=1800, help="of one run, in s")
    parser.add_argument("--tree", type=Path, default=HERE.parents[1], help="repository to mutate")
    return parser.parse_args(arguments)


def _chosen(only: list[str] | None, json_file: Path | None, tree: Path) -> list[Mutant]:
    # Raises ValueError with a line for each problem.
    mutants = listed()
    names = [mutant.name for mutant in mutants]
    problems = [f"two mutants are called {n}" for n in {n for n in names if names.count(n) > 1}]
    problems += [f"mutant {name} is unknown" for name in only or () if name not in names]
    chosen = [mutant for mutant in mutants if only is None or mutant.name in only]
    problems += [line for mutant in chosen if (line := problem(mutant, tree))]
    if json_file and not json_file.parent.is_dir():
        problems.append(f"--json {json_file}: there is no such folder")
    if problems:
        raise ValueError("\n".join(problems))
    return chosen


def _told(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    for found in outcomes:
        print(row(found), flush=True)
        yield found


def _play(mutants: list[Mutant], options: argparse.Namespace) -> list[Outcome]:
    # Raises ValueError if nothing could be learnt.
    print("First, the tests run without any mutant.", flush=True)
    tree = options.tree.resolve()
    run = partial(run_tests, tree / ".pytest_cache" / "mutation", options.timeout)
    tests = WHOLE if options.all else sorted({name for m in mutants for name in m.tests})
    if complaint := unmutated(run, tree, options.jobs, tests):
        raise ValueError(complaint)
    with ThreadPoolExecutor(options.jobs) as pool:
        return list(_told(pool.map(partial(outcome, run, tree, options.all), mutants)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0 if every mutant was caught, 1 if not, 2 if it can't say."""
    options = _options(arguments)
    try:
        mutants = _chosen(options.only, options.json, options.tree)
        outcomes = [] if options.check else _play(mutants, options)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if options.check:
        print(f"All {len(mutants)} mutants fit the code.")
        return 0
    caught = sum(found.verdict == CAUGHT for found in outcomes)
    print(f"{caught} of {len(outcomes)} mutants caught")
    if options.json:
        options.json.write_text(written(outcomes), "utf-8")
    return int(caught < len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
