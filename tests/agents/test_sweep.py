"""Sweeps as people run them: what is played, resumed, refused and shown."""

import csv
import errno
import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml
from helpers import adversaries
from helpers.next_command import suggested

from ceas_agents import cli
from ceas_agents.bounds import pair_bounds
from ceas_agents.evaluation import contestants, play, rounds
from ceas_agents.executors import lock, slurm
from ceas_agents.sweeps import (
    cells,
    compilation,
    run,
)
from ceas_agents.sweeps import (
    plan as plans,
)
from ceas_agents.sweeps import (
    table as sweep_table,
)
from ceas_gym import config

SHIPPED = Path(__file__).parents[2] / "configs"
TWO_BY_TWO = {
    "scenario": "tiny",
    "policy": "uniform",
    "episodes": 2,
    "seed": 3,
    "set": {
        "episode.rounds": 2,
        "learning.layers": 1,
        "learning.batch_size": 2,
        "attack.name": "sign_flip",
    },
    "vary": {"consensus.rule": ["mean", "median"], "attack.byzantine_nodes": [0, 1]},
}
WORST = {
    **TWO_BY_TWO,
    "set": {"network.nodes": 9},
    "vary": {
        "consensus.rule": ["mean", "bucketing+median"],
        "attack.byzantine_nodes": [2, 3],
        "sent": {
            "sign flip": {"attack.name": "sign_flip"},
            "longer, far off": {
                "attack.name": "scaled_sign_flip",
                "attack.placement": "best_links",
            },
        },
    },
    "table": {"rows": "consensus.rule", "columns": "attack.byzantine_nodes", "worst": "sent"},
}


def written(folder, data, name="sweep.yaml"):
    path = folder / name
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data, sort_keys=False))
    return path


def call(monkeypatch, *arguments):
    """Returns the exit code of `ceas-gym sweep` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["ceas-gym", "sweep", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


def rows(folder):
    with (folder / "cells.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def _keep_compiled(monkeypatch):
    # The other tests in this process have programs of their own.
    monkeypatch.setattr(cells.jax, "clear_caches", lambda: None)
    monkeypatch.setattr(cells, "_loaded", {})


@pytest.fixture
def played(monkeypatch):
    """Cells and seeds in the order of playing, with episodes that are made up at once."""
    seen = []

    def episodes(program, contestant, params, steps, seeds):
        assert params.consensus.rule in program.rules
        byzantine = int(params.adversary.byzantine_nodes)
        for seed in seeds:
            seen.append((params.consensus.rule, byzantine, seed))
            yield seed, dict.fromkeys(rounds.NAMES, np.full(steps, (seed + byzantine) / 100))

    monkeypatch.setattr(compilation, "episodes", episodes)
    return seen


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished sweep, and its configuration."""
    folder = tmp_path_factory.mktemp("sweep")
    file = written(folder, TWO_BY_TWO)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells.jax, "clear_caches", lambda: None)
        run.sweep(plans.load(file), folder / "out")
    return folder / "out", file


def test_every_combination_has_a_row_for_each_seed(finished):
    found = [
        (row["consensus.rule"], row["attack.byzantine_nodes"], row["seed"])
        for row in rows(finished[0])
    ]
    expected = [(r, f, s) for r in ("mean", "median") for f in ("0", "1") for s in ("3", "4")]
    assert found == expected


def test_a_cell_is_what_evaluate_plays(finished):
    changes = TWO_BY_TWO["set"] | {"consensus.rule": "median", "attack.byzantine_nodes": 1}
    uniform = contestants.get("uniform")
    scenario = config.load("tiny", changes)
    params = play.prepare(scenario, [uniform])["uniform"]
    (_, metrics), *_ = play.episodes(uniform, params, 2, [4])
    most = pair_bounds.most_useful_pairs(params)
    row = rows(finished[0])[-1]
    expected = play.summary(metrics, scenario.episode.target_accuracy, [most])
    # To within the rounding of a program that has several rules.
    assert {name: float(row[name]) for name in expected} == pytest.approx(expected, rel=1e-5)
    assert set(row) == {"consensus.rule", "attack.byzantine_nodes", "seed", *expected}


def test_the_folder_says_what_was_played(finished):
    out, _ = finished
    record = json.loads((out / "run.json").read_text())
    assert record["seeds"] == [3, 4]
    assert record["vary"]["attack.byzantine_nodes"]["1"] == {"attack.byzantine_nodes": 1}
    assert {"jax", "python"} <= set(record["versions"])
    assert config.load(out / "scenario.yaml") == config.load("tiny", TWO_BY_TWO["set"])
    listed = (out / "table.md").read_text().splitlines()
    assert listed[0].startswith("| consensus.rule | attack.byzantine_nodes | final accuracy |")
    assert [line.split(" | ")[:2] for line in listed[2:6]] == [
        ["| mean", "0"],
        ["| mean", "1"],
        ["| median", "0"],
        ["| median", "1"],
    ]


@pytest.mark.parametrize("kept", [10, -1, -30])
def test_a_killed_run_goes_on_where_it_stopped(kept, finished, tmp_path):
    out, file = finished
    shutil.copytree(out, tmp_path / "out")
    whole = (out / "cells.csv").read_bytes()
    (tmp_path / "out" / "cells.csv").write_bytes(whole[:kept])
    run.sweep(plans.load(file), tmp_path / "out")
    assert (tmp_path / "out" / "cells.csv").read_bytes() == whole
    assert (tmp_path / "out" / "table.md").read_bytes() == (out / "table.md").read_bytes()


@pytest.mark.parametrize(
    ("on", "jobs"),
    [
        ("processes", 2),
        pytest.param("processes", 3, marks=pytest.mark.slow),
        pytest.param("ray", 2, marks=pytest.mark.slow),
        pytest.param("slurm", 2, marks=pytest.mark.slow),
    ],
)
def test_every_engine_gives_the_same_bytes(on, jobs, finished, tmp_path, monkeypatch):
    if on != "processes" and find_spec({"ray": "ray", "slurm": "submitit"}[on]) is None:
        pytest.skip(f"the extra {on} is not installed")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setattr(slurm, "CLUSTER", "local")
    out, file = finished
    assert call(monkeypatch, file, "--out", tmp_path / "out", "--jobs", jobs, "--on", on) == 0
    for name in ("cells.csv", "table.md", "run.json"):
        assert (tmp_path / "out" / name).read_bytes() == (out / name).read_bytes()
    assert not (tmp_path / "out" / "jobs").exists()


def test_a_job_that_finished_before_a_crash_is_not_played_again(played, tmp_path, monkeypatch):
    file, out = written(tmp_path, TWO_BY_TWO), tmp_path / "out"
    # The rows of a job are in its file, but the run ended before they were in the table.
    with monkeypatch.context() as patch:
        patch.setattr(run.results, "append", full)
        assert call(patch, file, "--out", out) == 2
    assert len(played) == 1
    assert call(monkeypatch, file, "--out", out) == 0
    assert len(played) == len(rows(out)) == 8


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_second_sweep_in_the_folder_is_one_line(played, tmp_path, monkeypatch, capsys):
    file, out = written(tmp_path, TWO_BY_TWO), tmp_path / "out"
    with lock.held(out):
        assert call(monkeypatch, file, "--out", out) == 2
    assert capsys.readouterr().err == (
        f"error: {out} is in use by another run; wait for its end, or choose another --out\n"
    )
    assert played == []
    assert call(monkeypatch, file, "--out", out) == 0


@pytest.mark.parametrize(("on", "said"), [("rya", "did you mean ray?"), ("slurm", "--on: s")])
def test_an_engine_that_is_not_there_is_one_line(on, said, played, tmp_path, monkeypatch, capsys):
    file, out = written(tmp_path, TWO_BY_TWO), tmp_path / "out"
    monkeypatch.setenv("PATH", "")
    assert call(monkeypatch, file, "--out", out, "--on", on, "--jobs", 2) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: --on: ")
    assert said in error
    assert "\n" not in error


def in_session(number):
    """Returns what is known of the processes of a session that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
            if int(session) == number and state != "Z":
                found.append((path, state))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_is_finished_and_ends_all_processes(number, finished, tmp_path):
    whole, _ = finished
    file, out = written(tmp_path, {**TWO_BY_TWO, "episodes": 40}), tmp_path / "out"
    command = [sys.executable, "-m", "ceas_agents.cli", "sweep", str(file), "--out", str(out)]
    with subprocess.Popen([*command, "--jobs", "2"], start_new_session=True) as begun:
        while not (out / "cells.csv").exists() or len(rows(out)) < 5:
            time.sleep(0.1)
        begun.send_signal(number)
        assert begun.wait(60) == 130
    deadline = time.monotonic() + 20
    while left := in_session(begun.pid):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    kept = rows(out)
    assert 5 <= len(kept) < 160
    subprocess.run([*command, "--jobs", "2"], check=True)
    found = rows(out)
    assert all(row in found for row in kept)
    assert (
        len({(r["consensus.rule"], r["attack.byzantine_nodes"], r["seed"]) for r in found}) == 160
    )
    assert [row for row in found if row["seed"] in ("3", "4")] == rows(whole)


def test_only_what_is_missing_is_played(played, tmp_path, monkeypatch):
    file, out = written(tmp_path, TWO_BY_TWO), tmp_path / "out"
    assert call(monkeypatch, file, "--out", out) == 0
    lines = (out / "cells.csv").read_text().splitlines(keepends=True)
    # Without the second and the seventh row.
    (out / "cells.csv").write_text("".join([*lines[:2], *lines[3:7], *lines[8:]]))
    played.clear()
    assert call(monkeypatch, file, "--out", out) == 0
    assert [(byzantine, seed) for _, byzantine, seed in played] == [(0, 4), (1, 3)]
    assert (out / "cells.csv").read_text() == "".join(lines)
    played.clear()
    assert call(monkeypatch, file, "--out", out) == 0
    assert played == []
    assert call(monkeypatch, file, "--out", out, "--overwrite") == 0
    assert len(played) == 8


def test_cells_of_one_program_are_played_in_a_row(played, tmp_path, monkeypatch):
    # With `none` nothing is replaced, so that is another program.
    turned = {
        "attack.name": ["none", "alie", "sign_flip"],
        "consensus.rule": ["mean", "median"],
        "attack.byzantine_nodes": [0, 1],
    }
    file = written(tmp_path, {**TWO_BY_TWO, "set": {}, "episodes": 1, "vary": turned})
    programs = [cell.program for cell in plans.load(file).cells]
    assert programs == [0] * 4 + [1] * 8
    assert call(monkeypatch, file, "--out", tmp_path / "out") == 0
    assert [byzantine for _, byzantine, _ in played] == [0, 1] * 6
    # The longer work came first, but the rows are in the order of the file.
    assert [row["attack.name"] for row in rows(tmp_path / "out")] == (
        ["none"] * 4 + ["alie"] * 4 + ["sign_flip"] * 4
    )


@pytest.mark.slow
def test_a_program_plays_each_of_its_rules_and_attacks():
    changes = {"episode.rounds": 2, "learning.layers": 1, "learning.batch_size": 2}
    uniform = contestants.get("uniform")
    # The second alone is the program of `test_a_cell_is_what_evaluate_plays`.
    cells = [("mean", "gaussian"), ("median", "sign_flip"), ("krum", "mimic")]
    prepared = [
        play.prepare(
            config.load("tiny", {**changes, "consensus.rule": rule, "attack.name": attack}),
            [uniform],
        )["uniform"]
        for rule, attack in cells
    ]
    assert len({compilation.shared(params) for params in prepared}) == 1
    program = compilation.of(prepared)
    for params in prepared:
        ((_, alone),) = play.episodes(uniform, params, 2, [5])
        ((_, together),) = compilation.episodes(program, uniform, params, 2, [5])
        assert alone.keys() == together.keys()
        for name, values in alone.items():
            np.testing.assert_allclose(together[name], values, rtol=1e-5, atol=1e-6, err_msg=name)


def test_an_interrupt_keeps_and_shows_what_is_finished(played, tmp_path, monkeypatch, capsys):
    file, out = written(tmp_path, TWO_BY_TWO), tmp_path / "out"
    made_up = compilation.episodes

    def interrupted(*arguments):
        if len(played) >= 3:
            raise KeyboardInterrupt
        yield from made_up(*arguments)

    monkeypatch.setattr(compilation, "episodes", interrupted)
    assert call(monkeypatch, file, "--out", out) == 130
    said = capsys.readouterr()
    assert "interrupted: 3 of 8 episodes" in said.err
    assert "unfinished" in said.out
    assert len(rows(out)) == 3
    monkeypatch.setattr(compilation, "episodes", made_up)
    assert call(monkeypatch, file, "--out", out) == 0
    assert len(rows(out)) == len(played) == 8
    assert "unfinished" not in (out / "table.md").read_text()
    scenario, (one,), _ = suggested(capsys.readouterr().out, monkeypatch)
    assert (scenario, one.name) == (config.load(out / "scenario.yaml"), "uniform")


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        ({"episodes": 3}, "seeds"),
        ({"set": {"episode.rounds": 3}}, "set"),
        ({"policy": "random"}, "policy"),
        ({"vary": {"consensus.rule": ["mean"], "attack.byzantine_nodes": [0, 1]}}, "vary"),
    ],
)
def test_a_folder_of_another_sweep_is_refused(
    change, differing, played, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    assert call(monkeypatch, written(tmp_path, TWO_BY_TWO), "--out", out) == 0
    before = (out / "cells.csv").read_bytes()
    played.clear()
    other = written(tmp_path, {**TWO_BY_TWO, **change}, "other.yaml")
    assert call(monkeypatch, other, "--out", out) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"error: {out} holds results of another sweep ({differing}")
    assert "--overwrite" in said
    assert played == []
    assert (out / "cells.csv").read_bytes() == before


def test_a_scenario_file_that_changed_is_another_sweep(played, tmp_path, monkeypatch, capsys):
    tiny = config.dump(config.load("tiny"))
    written(tmp_path, tiny, "mine.yaml")
    file = written(tmp_path, {**TWO_BY_TWO, "scenario": "mine.yaml"})
    assert call(monkeypatch, file, "--out", tmp_path / "out") == 0
    written(tmp_path, tiny.replace("name: tiny", "name: other"), "mine.yaml")
    assert call(monkeypatch, file, "--out", tmp_path / "out") == 2
    assert "scenario's file" in capsys.readouterr().err


def test_a_folder_that_is_no_sweeps_is_refused(played, tmp_path, monkeypatch, capsys):
    (tmp_path / "cells.csv").write_text("a,b\n1,2\n")
    file = written(tmp_path, TWO_BY_TWO)
    assert call(monkeypatch, file, "--out", tmp_path) == 2
    assert "not as a sweep leaves them" in capsys.readouterr().err
    assert (tmp_path / "cells.csv").read_text() == "a,b\n1,2\n"


# --- Mistakes ---


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"polcy": "ceas"}, "polcy is not a setting; did you mean policy?"),
        ({"scenario": "papr"}, "did you mean paper?"),
        ({"scenario": 5}, "scenario must be text, but is 5"),
        ({"policy": "unifrm"}, "did you mean uniform?"),
        ({"episodes": 0}, "episodes must be at least 1, but is 0"),
        ({"vary": {}}, "vary must be a mapping of at least 1 name, but is {}"),
        ({"vary": 3}, "vary must be a mapping, but is 3"),
        ({"table": {"rows": "policy", "worst": 3}}, "table.worst must be text or a list of texts"),
        ({"vary": {"consensus.rul": ["mean"]}}, "vary: consensus.rul is not a setting; did you"),
        ({"vary": {"consensus.rule": "mean"}}, "vary: consensus.rule must be a list of values"),
        ({"vary": {"consensus.rule": ["mean", "mean"]}}, "vary: consensus.rule has mean twice"),
        ({"vary": {"consensus.rule": ["mean", "meen"]}}, "rule=meen: consensus.rule: "),
        ({"set": {}, "vary": {"attack.name": ["alie", "alei"]}}, "did you mean alie?"),
        ({"vary": {"attack.byzantine_nodes": [1, 2]}}, "attack.byzantine_nodes=2: "),
        ({"vary": {"sent": {"far": "alie"}}}, "vary: sent: far must be a mapping of keys to"),
        ({"vary": {"sent": {"far": {"attack.nam": "alie"}}}}, "did you mean attack.name?"),
        ({"vary": {"seed": {"far": {"attack.name": "alie"}}}}, "vary: seed is a column"),
        (
            {"vary": {"attack.name, attack.placement": ["alie"]}},
            "must be a list of lists of 2",
        ),
        ({"vary": {"attack.strength,attack.strength": [[1, 2]]}}, "strength has a key twice"),
        ({"vary": {"attack.strength, attack.strngth": [[1, 2]]}}, "did you mean attack.strength?"),
        ({"vary": {"episode.rounds": [1, 2]}}, "episode.rounds is set by both set and vary;"),
        ({"vary": {"policy": ["ceas", "cea"]}}, "did you mean ceas?"),
        ({"set": {"network.node": 4}}, "set: network.node is not a setting; did you mean"),
        ({"set": {"policy": "ceas"}}, "set: policy is a setting of its own"),
        ({"policy": "oblivious-naive"}, "policy oblivious-naive sets consensus.rule itself"),
        ({"table": {}}, "table.rows is missing"),
        ({"table": {"row": "policy"}}, "table.row is not a setting; did you mean rows?"),
        ({"table": {"rows": "consensus.rul"}}, "table: consensus.rul is not varied; did you mean"),
        ({"table": {"rows": "consensus.rule"}}, "attack.byzantine_nodes is varied, so it must be"),
        (
            {"table": {"rows": "consensus.rule", "worst": ["consensus.rule"]}},
            "table: consensus.rule stands in two places",
        ),
        (
            {**WORST, "table": {**WORST["table"], "value": "final_acuracy"}},
            "value final_acuracy is unknown; did you mean final_accuracy?",
        ),
    ],
)
def test_mistakes_are_one_line_before_anything_runs(
    data, said, played, tmp_path, monkeypatch, capsys
):
    path = written(tmp_path, {**TWO_BY_TWO, **data})
    assert call(monkeypatch, path, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(f"error: {path}: ")
    assert said in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scenario: tiny\nvary: [", "line 2"),
        ("- tiny", "must be a mapping"),
        ("a: 1\na: 2", "twice"),
    ],
)
def test_text_that_is_no_configuration_is_refused(text, said, tmp_path, monkeypatch, capsys):
    path = written(tmp_path, text)
    assert call(monkeypatch, path, "--out", tmp_path / "out") == 2
    assert f"{path}" in (error := capsys.readouterr().err)
    assert said in error


def test_a_missing_file_and_a_wrong_override_are_refused(tmp_path, monkeypatch, capsys):
    assert call(monkeypatch, tmp_path / "none.yaml") == 2
    assert "none.yaml can't be read" in capsys.readouterr().err
    file = written(tmp_path, TWO_BY_TWO)
    assert call(monkeypatch, file, "--set", "consensus.rule=krum") == 2
    assert "consensus.rule is set by both set and vary" in capsys.readouterr().err


# --- Cells and tables ---


def test_cells_whose_rule_needs_more_nodes_are_not_played(played, tmp_path, monkeypatch, capsys):
    file = written(tmp_path, {**WORST, "episodes": 1})
    assert call(monkeypatch, file, "--out", tmp_path / "out") == 0
    # Nine nodes are more than 4 f for f = 2, but not for f = 3.
    assert len(played) == 6
    found = {(r["consensus.rule"], r["attack.byzantine_nodes"]) for r in rows(tmp_path / "out")}
    assert found == {("mean", "2"), ("mean", "3"), ("bucketing+median", "2")}
    assert "needs 4 f < n" in capsys.readouterr().out
    table = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert table[3].startswith("| bucketing+median | ")
    assert table[3].endswith(" | needs 4 f < n |")


def test_labels_set_several_keys_at_once(tmp_path):
    plan = plans.load(written(tmp_path, WORST))
    _, scenario = plans.resolve(plan, plan.cells[1])
    assert plan.cells[1].labels == ("mean", "2", "longer, far off")
    assert scenario.attack.name == "scaled_sign_flip"
    assert scenario.attack.placement == "best_links"
    assert scenario.network.nodes == 9


def test_settings_that_depend_on_each_other_are_varied_together(tmp_path):
    together = "consensus.committee.members, consensus.committee.byzantine"
    varied = {together: [[1, 0], [4, 1]], "consensus.rule": ["mean", "median"]}
    plan = plans.load(written(tmp_path, {**TWO_BY_TWO, "vary": varied}))
    assert [cell.labels for cell in plan.cells] == [
        (committee, rule) for committee in ("[1, 0]", "[4, 1]") for rule in ("mean", "median")
    ]
    committees = [plans.resolve(plan, cell)[1].consensus.committee for cell in plan.cells]
    assert [(each.members, each.byzantine) for each in committees] == [(1, 0)] * 2 + [(4, 1)] * 2


def test_the_policy_may_be_varied(tmp_path):
    data = {**TWO_BY_TWO, "vary": {"policy": ["uniform", "oblivious-naive"]}}
    plan = plans.load(written(tmp_path, data))
    names = [plans.resolve(plan, cell)[0].name for cell in plan.cells]
    assert names == ["uniform", "oblivious-naive"]
    assert plan.cells[0].program != plan.cells[1].program


def shown(tmp_path, rows, **table):
    plan = plans.load(written(tmp_path, {**WORST, "table": {**WORST["table"], **table}}))
    return sweep_table.grid(plan, rows)


def test_the_table_takes_the_attack_of_least_mean(tmp_path):
    # By the single seed the other attack would be worse, and it is the worst at other f.
    accuracies = {
        ("mean", "2", "sign flip"): [0.9, 0.5],
        ("mean", "2", "longer, far off"): [0.4, 0.8],
        ("mean", "3", "sign flip"): [0.5, 0.5],
        ("mean", "3", "longer, far off"): [0.6, 0.6],
        ("bucketing+median", "2", "sign flip"): [0.7, 0.7],
    }
    rows = {
        labels: [{"final_accuracy": value} for value in values]
        for labels, values in accuracies.items()
    }
    grid = shown(tmp_path, rows)
    assert grid.heads == [
        "consensus.rule",
        "attack.byzantine_nodes = 2",
        "attack.byzantine_nodes = 3",
    ]
    assert grid.rows == [
        ["mean", "60.0 (40.0 to 80.0)\nlonger, far off", "50.0 (50.0 to 50.0)\nsign flip"],
        ["bucketing+median", "70.0 (70.0 to 70.0) *\nsign flip", "needs 4 f < n"],
    ]
    assert grid.caption.endswith("at the worst of sent; * unfinished")
    assert "| mean | 60.0 (40.0 to 80.0)<br>longer, far off | 50.0" in grid.markdown


def test_a_value_that_is_not_a_number_is_the_worst(tmp_path):
    nan = float("nan")
    rows = {
        ("mean", "2", "sign flip"): [{"return": 1.0}, {"return": 1.5}],
        ("mean", "2", "longer, far off"): [{"return": 9.0}, {"return": nan}],
        ("mean", "3", "sign flip"): [{"return": 1.0}, {"return": 1.5}],
    }
    grid = shown(tmp_path, rows, value="return")
    assert grid.rows[0][1:] == ["not finite\nlonger, far off", "1.25 (1 to 1.5) *\nsign flip"]


def test_the_shipped_sweep_names_only_what_there_is(monkeypatch):
    # Without the parameters' arrays, which take a while to make for hundreds of cells.
    monkeypatch.setattr(play, "prepare", lambda _, chosen: {chosen[0].name: ()})
    monkeypatch.setattr(compilation, "shared", lambda params: params)
    monkeypatch.setattr(plans, "most_steps", lambda params: 1)
    plan = plans.load(SHIPPED / "worst-case.yaml")
    assert {cell.refusal for cell in plan.cells} == {"", "needs 4 f < n"}
    for cell in plan.cells:
        adversaries.plan(str(cell.changes["attack.name"]))
