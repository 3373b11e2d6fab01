"""What a run's folder says, and what is said if it does not say it."""

import json
import shutil
import sys

import pytest

from ceas_agents import cli
from ceas_agents.evaluation import contestants
from ceas_agents.policies import options
from ceas_agents.replay import runs


def call(monkeypatch, *arguments):
    """Returns the exit code of `ceas-gym replay` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["ceas-gym", "replay", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


@pytest.fixture
def folder(by_window, tmp_path):
    """A copy of a run's folder."""
    return shutil.copytree(by_window.run.folder, tmp_path / "run")


def test_a_page_is_written_for_the_first_seed(folder, by_window, monkeypatch, capsys):
    assert call(monkeypatch, folder, "--policy", "proportional_fair", "--seed", 4) == 0
    printed = capsys.readouterr()
    assert str(folder / "replay.html") in printed.out
    assert "note" not in printed.err
    text = (folder / "replay.html").read_text(encoding="utf-8")
    assert "<title>tiny, seed 4</title>" in text
    assert not list(folder.glob(".replay*"))


def test_an_episode_that_differs_is_said_to(folder, monkeypatch, capsys):
    table = folder / "rounds.csv"
    head, first, *others = table.read_text().splitlines()
    accuracy = head.split(",").index("accuracy")
    cells = first.split(",")
    cells[accuracy] = "0.123"
    table.write_text("\n".join([head, ",".join(cells), *others]) + "\n")
    out = folder / "deep" / "page.html"
    assert call(monkeypatch, folder, "--policy", "proportional_fair", "--out", out) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: ")]
    assert len(notes) == 1
    assert "differs from" in notes[0]
    assert "from round 1 on (accuracy was 0.123" in notes[0]
    assert "from round 1 on (accuracy was 0.123" in out.read_text(encoding="utf-8")


def test_contestants_play_as_they_did(by_window):
    own = runs.contestant(by_window.run, "uniform:cadence=5")
    assert options.given(own.policy) == {"cadence": 5.0}
    changed = by_window.run._replace(
        overrides={"ceas": {"learning.learning_rate": 0.3}}, options={"ceas": {"spare": 3.0}}
    )
    found = runs.contestant(changed, "ceas")
    assert found.overrides == {"learning.learning_rate": 0.3}
    assert options.given(found.policy) == {"spare": 3.0}
    assert found.without_options is contestants.get("ceas").policy


def test_two_policies_and_their_first_seed_are_the_default(by_window):
    assert runs.chosen(by_window.run, [], None) == (["proportional_fair", "uniform:cadence=5"], 3)
    assert runs.chosen(by_window.run, ["uniform:cadence=5"], 4) == (["uniform:cadence=5"], 4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--policy", "proportinal"], "did you mean proportional_fair?"),
        (["--seed", "9"], "and uniform:cadence=5 with seed 9, but with 3 to 4"),
        (["--policy", "a", "--policy", "b", "--policy", "c"], "2 policies at most"),
        (["--seed", "-1"], "--seed"),
        (["--out", "/dev/null/page.html"], "/dev/null"),
        (["--out", "/dev"], "name a file in it, such as /dev/replay.html"),
    ],
)
def test_mistakes_are_one_line(folder, arguments, said, monkeypatch, capsys):
    before = sorted(folder.iterdir())
    assert call(monkeypatch, folder, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1
    assert sorted(folder.iterdir()) == before


def broken_record(folder):
    (folder / "run.json").write_text("{")


def other_record(folder):
    (folder / "run.json").write_text(json.dumps({"bound": 1}))


def no_table(folder):
    (folder / "rounds.csv").unlink()


def empty_table(folder):
    (folder / "rounds.csv").write_text("")


def other_table(folder):
    (folder / "rounds.csv").write_text("a,b\n1,2\n")


def short_row(folder):
    path = folder / "rounds.csv"
    path.write_text("\n".join([*path.read_text().splitlines()[:2], "uniform,3,2,1.0"]))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (broken_record, "is not as ceas-gym evaluate leaves it"),
        (other_record, "is not as ceas-gym evaluate leaves it: 'contestants'"),
        (no_table, "play one first: ceas-gym evaluate"),
        (empty_table, "has no episodes"),
        (other_table, "'policy'"),
        (short_row, "is not as ceas-gym evaluate leaves it"),
    ],
)
def test_damaged_folders_are_one_line(folder, damage, said, monkeypatch, capsys):
    damage(folder)
    assert call(monkeypatch, folder) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1
