"""Whatever a terminal can print and whatever things are called, results are written in UTF-8."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ceas_agents import cli
from ceas_agents.evaluation import results, run
from ceas_agents.figures import style
from ceas_gym import config

NAME = "Zürich [/b] $\\frac$ :smile: →"
FEW = "episode: {rounds: 2}\nlearning: {layers: 1, features: 2, qubits: 2}\n"
SWEEP = f"scenario: mine.yaml\npolicy: uniform\nepisodes: 1\nset: {{name: '{NAME}'}}\n"
LABELS = "vary: {'sent ü': {'Lärm [/i]': {attack.name: none}}}\ntable: {rows: sent ü}\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny = config.dump(config.load("tiny", {"episode.rounds": 2, "learning.layers": 1}))
    Path("mine.yaml").write_text(tiny.replace("name: tiny", f"name: '{NAME}'"), encoding="utf-8")
    Path("sweep.yaml").write_text(SWEEP + LABELS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def call(monkeypatch):
    """Runs the command line on streams of plain ASCII; returns its exit code and its output."""

    def call(*arguments):
        streams = [io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in range(2)]
        monkeypatch.setattr(sys, "stdout", streams[0])
        monkeypatch.setattr(sys, "stderr", streams[1])
        monkeypatch.setattr(sys, "argv", ["ceas-gym", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        for stream in streams:
            stream.flush()
        return ended.value.code or 0, *(s.buffer.getvalue().decode("ascii") for s in streams)

    return call


def test_evaluate_prints_any_name_and_writes_everything(here, call):
    code, printed, _ = call("evaluate", "mine.yaml", "--policy", "uniform", "--episodes", "1")
    assert code == 0
    assert "Z\\xfcrich [/b] $\\frac$ :smile: \\u2192: seeds 0 to 0" in " ".join(printed.split())
    out = here / "runs" / "evaluate"
    assert config.load(out / "scenario.yaml").name == NAME
    assert (out / "accuracy.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_sweep_prints_any_label_and_writes_it(here, call):
    code, printed, _ = call("sweep", "sweep.yaml", "--out", "out")
    assert code == 0
    assert "L\\xe4rm [/i]" in printed
    assert "Lärm [/i]" in Path("out/table.md").read_text(encoding="utf-8")
    with open("out/cells.csv", encoding="utf-8", newline="") as file:
        assert [row["sent ü"] for row in csv.DictReader(file)] == ["Lärm [/i]"]
    assert json.loads(Path("out/run.json").read_text(encoding="utf-8"))["set"] == {"name": NAME}
    # It is found to be finished when it is run again.
    assert call("sweep", "sweep.yaml", "--out", "out")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", "Zürich"], "error: scenario 'Z\\xfcrich' is unknown"),
        (["evaluate", "tiny", "--set", "learning.ansatz=ü"], "ansatz '\\xfc' is unknown"),
        (["evaluate", "tiny", "--pölicy", "ceas"], "--p\\xf6licy"),
        (["list", "rüles"], "error: kind 'r\\xfcles' is unknown"),
    ],
)
def test_a_mistake_with_any_name_is_one_line(here, call, arguments, said):
    code, _, error = call(*arguments)
    assert code == 2
    assert said in error
    assert error.count("\n") == 1


def test_the_catalogue_is_printed(call):
    code, printed, _ = call("list")
    assert code == 0
    assert "trimmed_mean" in printed


def test_results_are_there_before_anything_is_printed(here, call, monkeypatch):
    def closed(*_, **__):
        raise BrokenPipeError

    monkeypatch.setattr(run, "output", closed)
    code, *_ = call("evaluate", "mine.yaml", "--policy", "uniform", "--episodes", "1")
    assert code == 2
    names = {path.name for path in (here / "runs" / "evaluate").iterdir()}
    assert names == {
        *("episodes.csv", "rounds.csv", "scenario.yaml", "run.json"),
        *(
            f"{figure}.{kind}"
            for figure in ("accuracy", "target", "pairs")
            for kind in style.FORMATS
        ),
    }


@pytest.mark.slow
def test_files_are_utf_8_where_the_system_has_another_encoding(here):
    bare = {
        **os.environ,
        "LC_ALL": "C",
        "PYTHONIOENCODING": "ascii",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    code = "from ceas_agents.cli import main; main()"
    command = ["evaluate", "mine.yaml", "--policy", "uniform", "--episodes", "1"]
    path = os.pathsep.join(filter(None, sys.path))
    finished = subprocess.run(
        [sys.executable, "-c", code, *command],
        env=bare | {"PYTHONPATH": path},
        capture_output=True,
    )
    assert finished.returncode == 0, finished.stderr.decode()
    assert b"Z\\xfcrich" in finished.stdout
    out = here / "runs" / "evaluate"
    assert config.load(out / "scenario.yaml").name == NAME
    assert (out / "pairs.png").exists()


def test_a_file_of_results_is_utf_8(tmp_path):
    results.write_text(tmp_path / "file", NAME)
    assert (tmp_path / "file").read_bytes() == NAME.encode("utf-8")
