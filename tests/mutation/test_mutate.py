"""Mutation testing itself: mutants that fit the code, and verdicts that are those of pytest."""

import json
import subprocess
from pathlib import Path

import pytest
from mutation import mutate
from mutation.mutate import Mutant

ROOT = Path(__file__).parents[2]
MUTANTS = mutate.listed()
FEWER = Mutant("fewer", "sums.py", "a + b", "a - b", ["tests/test_sums.py"])
SAME = FEWER._replace(name="same", new="b + a")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one function and its test, with an ignored file."""
    # Plugins take seconds to start.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (tmp_path / "tests" / "mutation").mkdir(parents=True)
    (tmp_path / "sums.py").write_text("def add(a, b):\n    return a + b\n")
    test = "import sums\n\n\ndef test_sum():\n    assert sums.add(1, 1) == 2\n"
    (tmp_path / "tests" / "test_sums.py").write_text(test)
    (tmp_path / "tests" / "mutation" / "mutate.py").write_text("")
    (tmp_path / ".gitignore").write_text("ignored\n")
    (tmp_path / "ignored").write_text("")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_every_mutant_fits_the_code(mutant):
    assert mutate.problem(mutant, ROOT) is None
    assert mutant.old != mutant.new
    changed = (ROOT / mutant.file).read_text("utf-8").replace(mutant.old, mutant.new)
    compile(changed, mutant.file, "exec")


def test_every_mutant_has_a_name_of_its_own():
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"old": "a * b"}, "mutant fewer: 'a * b' occurs 0 times in sums.py, not once; "),
        ({"old": "a"}, "mutant fewer: 'a' occurs 3 times in sums.py, not once; "),
        ({"file": "gone.py"}, "mutant fewer: gone.py does not exist; "),
        ({"tests": ["tests/test_gone.py"]}, "mutant fewer: tests/test_gone.py does not exist; "),
    ],
)
def test_mutants_that_do_not_fit_are_refused_in_one_line(tree, changes, line):
    found = mutate.problem(FEWER._replace(**changes), tree)
    assert found is not None
    assert found.startswith(line)
    assert "\n" not in found


def test_a_copy_holds_what_git_knows_and_the_original_is_left_alone(tree):
    with mutate.copied(tree) as copy:
        mutate.mutate(FEWER, copy)
        assert "a - b" in (copy / "sums.py").read_text()
        assert not (copy / "ignored").exists()
        assert not (copy / "tests" / "mutation").exists()
    assert not copy.exists()
    assert "a + b" in (tree / "sums.py").read_text()


@pytest.mark.parametrize(
    ("exit_code", "output", "verdict"),
    [
        (0, "1 passed", ("SURVIVED", "")),
        (1, "x\nFAILED tests/t.py::test_a[b - c] - assert 1\n1 failed", ("caught", "tests/t.py")),
        (1, "ERROR tests/t.py::test_a - ValueError\n1 error", ("caught", "tests/t.py::test_a")),
        (2, "ERROR tests/t.py\n1 error in 0.1s", ("BROKEN", "tests/t.py")),
        (5, "no tests ran in 0.01s", ("BROKEN", "no tests ran in 0.01s")),
        (-11, "", ("BROKEN", "")),
    ],
)
def test_only_a_test_that_fails_catches_a_mutant(exit_code, output, verdict):
    found = mutate.judged(exit_code, output)
    assert found[0] == verdict[0]
    assert found[1].startswith(verdict[1])


@pytest.mark.parametrize("everything", [False, True])
def test_the_whole_suite_is_run_for_survivors_only(tree, everything):
    asked = []

    def run(copy, tests):
        asked.append(list(tests))
        return ("caught", "t") if "a - b" in (copy / "sums.py").read_text() else ("SURVIVED", "")

    caught = mutate.outcome(run, tree, everything, FEWER)
    assert (caught.verdict, caught.by) == ("caught", "t")
    assert asked == [FEWER.tests]
    survivor = mutate.outcome(run, tree, everything, SAME)
    assert survivor.verdict == ("SURVIVED" if everything else "SURVIVED its own tests")
    assert asked[1:] == [SAME.tests, ["tests"]][: 1 + everything]


def test_a_run_of_the_command(tree, monkeypatch, capsys):
    monkeypatch.setattr(mutate, "listed", lambda: [FEWER, SAME])
    file = tree / "outcomes.json"
    assert mutate.main(["--tree", str(tree), "--json", str(file), "--jobs", "2"]) == 1
    _, first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith("fewer ")
    assert first.endswith("caught by tests/test_sums.py::test_sum")
    assert second.startswith("same ")
    assert second.endswith("SURVIVED its own tests")
    assert last == "1 of 2 mutants caught"
    written = json.loads(file.read_text())
    assert (written["caught"], written["total"]) == (1, 2)
    assert written["mutants"][0]["by"] == "tests/test_sums.py::test_sum"


def test_what_can_not_be_run_is_refused(tree, monkeypatch, capsys):
    monkeypatch.setattr(mutate, "listed", lambda: [FEWER])
    assert mutate.main(["--tree", str(tree), "--only", "none"]) == 2
    assert capsys.readouterr().err == "mutant none is unknown\n"
    assert mutate.main(["--tree", str(tree), "--json", str(tree / "gone" / "file")]) == 2
    assert "no such folder" in capsys.readouterr().err
    # Where the tests fail anyway, every mutant would look caught.
    (tree / "sums.py").write_text("def add(a, b):\n    return a + b + 1\n")
    assert mutate.main(["--tree", str(tree)]) == 2
    assert "fail already: tests/test_sums.py::test_sum" in capsys.readouterr().err
