"""The command line as people use it: results, files, mistakes and interrupts."""

import csv
import json
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceas_agents import POLICIES, cli
from ceas_agents.bounds import pair_bounds
from ceas_agents.evaluation import contestants, play
from ceas_gym import config, parameters
from ceas_gym.envs.env import CEASEnv
from ceas_gym.types import Observation

ROOT = Path(__file__).parent.parent.parent
SHORT = ["--set", "episode.rounds=3", "--episodes", "2", "--seed", "5"]


def call(monkeypatch, *arguments):
    """Returns the exit code of `ceas-gym` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["ceas-gym", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run's folder and what it printed."""
    out = tmp_path_factory.mktemp("run")
    command = ["evaluate", "tiny", "--policy", "ceas", "--policy", "oblivious-naive", *SHORT]
    run = subprocess.run(
        [sys.executable, "-m", "ceas_agents.cli", *command, "--out", out],
        capture_output=True,
        text=True,
        check=True,
    )
    return out, run.stdout


def test_evaluate_writes_a_row_for_each_policy_and_seed(finished):
    table = rows(finished[0] / "episodes.csv")
    assert [(row["policy"], row["seed"]) for row in table] == [
        ("ceas", "5"),
        ("ceas", "6"),
        ("oblivious-naive", "5"),
        ("oblivious-naive", "6"),
    ]
    expected = {"final_accuracy", "mean_accuracy", "utilization", "pairs_generated", "return"}
    assert expected <= set(table[0])


def test_every_pair_of_an_episode_is_in_one_part(finished):
    for row in rows(finished[0] / "episodes.csv"):
        parts = ("spent", "keyed", "expired", "blocked", "sacrificed", "tested", "left")
        total = sum(float(row[f"pairs_{part}"]) for part in parts)
        assert total == float(row["pairs_generated"])
        numbers = {name: float(value) for name, value in row.items() if name != "policy"}
        shares = play.fates(numbers)
        assert sum(shares.values()) == pytest.approx(1)
        used = shares["spent usefully"] + shares["keyed"]
        # Key that was measured counts as useful; `wasted` counts spent pairs only.
        assert used == pytest.approx(float(row["utilization"]), abs=1e-5)
        # Of the bound under the contestant's own protocol.
        contestant = contestants.get(row["policy"])
        changed = config.load("tiny", {**contestant.overrides, "episode.rounds": 3})
        most = 3 * pair_bounds.most_useful_pairs(parameters.build(changed))
        expected = used * float(row["pairs_generated"]) / most
        assert float(row["share_of_most_useful"]) == pytest.approx(expected, rel=1e-5)


def test_evaluate_writes_rounds_scenario_versions_and_plots(finished):
    out, printed = finished
    assert len(rows(out / "rounds.csv")) == 4 * 3
    resolved = config.load(out / "scenario.yaml")
    assert resolved == config.load("tiny", {"episode.rounds": 3})
    record = json.loads((out / "run.json").read_text())
    assert record["seeds"] == [5, 6]
    assert record["contestants"]["oblivious-naive"]["consensus.rule"] == "mean"
    assert {"jax", "ceas-gym", "python"} <= set(record["versions"])
    for plot in ("accuracy.png", "pairs.png"):
        assert (out / plot).read_bytes().startswith(b"\x89PNG")
    assert "oblivious-naive" in printed
    assert printed.splitlines()[-1] == f"next: ceas-gym replay {out}"
    assert sorted(path.name for path in out.iterdir() if path.name.startswith(".")) == []


def test_an_episode_is_the_environments(finished):
    env = CEASEnv("tiny", overrides={"episode.rounds": 3})
    policy = jax.jit(POLICIES["ceas"])
    observation, info = env.reset(seed=5)
    for _ in range(3):
        seen = Observation(*map(jnp.asarray, observation.values()))
        action = policy(env.params, seen, jax.random.key(0))
        observation, _, _, _, info = env.step(np.asarray(action))
    assert info["accuracy"] == float(rows(finished[0] / "episodes.csv")[0]["final_accuracy"])


def test_existing_results_are_not_overwritten(finished, monkeypatch, capsys):
    before = (finished[0] / "episodes.csv").read_bytes()
    code = call(monkeypatch, "evaluate", "tiny", "--out", str(finished[0]))
    assert code == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (finished[0] / "episodes.csv").read_bytes() == before


def test_interrupt_leaves_the_finished_rows(tmp_path, monkeypatch, capsys):
    played = play.episodes

    def interrupted(*arguments):
        yield next(played(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(play, "episodes", interrupted)
    code = call(
        # Its program is compiled for `finished`.
        *(monkeypatch, "evaluate", "tiny", "--policy", "oblivious-naive", *SHORT),
        *("--out", str(tmp_path)),
    )
    assert code == 130
    assert [row["seed"] for row in rows(tmp_path / "episodes.csv")] == ["5"]
    assert (tmp_path / "accuracy.png").exists()
    printed = capsys.readouterr()
    assert "oblivious-naive" in printed.out
    assert "interrupted: 1 of 2 episodes" in printed.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", "papr"], "paper"),
        (["evaluate", "missing.yaml"], "missing.yaml"),
        (["evaluate", "tiny", "--policy", "cea"], "did you mean ceas?"),
        (["evaluate", "tiny", "--set", "network.node=4"], "network.nodes"),
        (["evaluate", "tiny", "--set", "network.nodes"], "section.field=value"),
        (["evaluate", "tiny", "--set", "network.nodes=-1"], "network.nodes"),
        (["evaluate", "tiny", "--set", "consensus.rule=krun"], "scenario tiny: consensus.rule: "),
        (["evaluate", "tiny", "--set", "attack.name=whitebox"], "did you mean white_box?"),
        (["evaluate", "tiny", "--episodes", "0"], "episodes"),
        (["evaluate", "tiny", "--polcy", "ceas"], "--policy"),
        (["evaluate", "tiny", "--out", "/dev/null/results"], "/dev/null is not a folder; choose"),
        (["evaluat"], "evaluat"),
        (["list", "attack"], "did you mean attacks?"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(arguments, said, tmp_path, monkeypatch, capsys):
    if "--out" not in arguments and arguments[0] == "evaluate":
        arguments = [*arguments, "--out", str(tmp_path / "out")]
    assert call(monkeypatch, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "command",
    [
        *("evaluate micro", "bound micro", "bench micro", "tune micro --policy uniform"),
        *("sweep a.yaml", "train b.yaml", "train b.yaml --seeds 2", "reproduce"),
    ],
)
def test_where_results_go_is_checked_before_anything_is_played(
    command, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(play, "episodes", None)
    (tmp_path / "a.yaml").write_text(
        "scenario: micro\npolicy: uniform\nvary: {episode.rounds: [1]}"
    )
    (tmp_path / "b.yaml").write_text("scenario: micro\nlearner: jax.dqn\npolicy: dispatch\n")
    (tmp_path / "notes").write_text("mine")
    assert call(monkeypatch, *command.split(), "--out", "notes/run") == 2
    error = capsys.readouterr().err
    said = "--out notes/run: no results can be written there: notes is not a folder"
    assert error.endswith(f"error: {said}; choose another folder\n")
    assert (tmp_path / "notes").read_text() == "mine"


@pytest.mark.parametrize("command", ["bound", "bench"])
def test_results_of_an_earlier_call_are_kept(command, tmp_path, monkeypatch, capsys):
    file = tmp_path / f"{command}.json"
    file.write_text("{}")
    assert call(monkeypatch, command, "micro", "--out", str(tmp_path)) == 2
    said = f"error: {tmp_path} holds results; choose another --out or pass --overwrite\n"
    assert capsys.readouterr().err.endswith(said)
    assert file.read_text() == "{}"


@pytest.mark.parametrize(("code", "at_once"), [(130, [130]), (2, []), (0, [])])
def test_only_after_an_interrupt_the_program_ends_at_once(code, at_once, monkeypatch):
    ended: list[int] = []
    monkeypatch.setattr(cli, "main", lambda: sys.exit(code))
    monkeypatch.setattr(cli.os, "_exit", ended.append)
    with nullcontext() if at_once else pytest.raises(SystemExit):
        cli.program()
    assert ended == at_once


def test_version_is_one_line(monkeypatch, capsys):
    assert call(monkeypatch, "--version") == 0
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    python = ".".join(map(str, sys.version_info[:3]))
    assert cited is not None
    said = f"ceas-gym {cited[1]}, JAX {jax.__version__}, Python {python}\n"
    assert capsys.readouterr().out == said


def test_list_names_everything(monkeypatch, capsys):
    assert call(monkeypatch, "list") == 0
    printed = capsys.readouterr().out
    for word in ("paper", "oblivious-naive", "white_box", "trimmed_mean", "loss_decrease", "angle"):
        assert word in printed
    assert call(monkeypatch, "list", "rules") == 0
    assert "paper" not in capsys.readouterr().out
    assert call(monkeypatch, "list", "pre-steps") == 0
    assert capsys.readouterr().out.startswith("pre-steps (before a rule, joined by +)\n  clip ")
