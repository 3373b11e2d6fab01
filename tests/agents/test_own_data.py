"""What commands say and keep of a user's own samples."""

import hashlib
import json
from pathlib import Path

import pytest
from helpers.sample_files import table
from rich.table import Table

from ceas_agents.bench import run as bench
from ceas_agents.evaluation import bound, contestants, results
from ceas_gym import config
from ceas_gym.learning import own_data


def test_a_run_says_and_keeps_what_becomes_of_samples(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    text = table()
    changes = {"learning.dataset": "data.csv", "learning.features": 2}
    scenario = config.load("tiny", changes)
    line = own_data.described(scenario.learning)
    digest = hashlib.sha256(f"{text}\n".encode()).hexdigest()
    kept = results.told_of_files(scenario)
    assert kept == {"data": line, "data_sha256": digest}
    assert capsys.readouterr().err == f"note: {line}\n"
    # A run that goes on does so with the same samples only.
    folder, written = Path("runs"), config.dump(scenario)
    folder.mkdir()
    results.write_json(folder / results.RECORD, kept)
    results.write_text(folder / results.SCENARIO, written)
    results.require_same(folder, "sweep", kept, written)
    table(line="1.0,2.0,cat", at=2)
    with pytest.raises(ValueError, match="data_sha256"):
        results.require_same(folder, "sweep", results.told_of_files(scenario), written)


def test_a_bound_says_and_keeps_it_too(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    table()
    changes = {"learning.dataset": "data.csv", "learning.features": 2}
    scenario = config.load("micro", changes)
    # Nothing is played.
    monkeypatch.setattr(bound, "_of_rounds", lambda *_: ({}, Table()))
    found = bound.compare(scenario, [contestants.get("uniform")], range(1), tmp_path / "out")
    line = own_data.described(scenario.learning)
    assert found["data"] == line
    assert found == json.loads((tmp_path / "out" / "bound.json").read_text())
    assert f"note: {line}\n" in capsys.readouterr().err


def test_a_bench_says_and_keeps_it_too(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    table()
    scenario = config.load("micro", {"learning.dataset": "data.csv", "learning.features": 2})
    # Nothing is timed.
    for part in ("_rounds", "_compared", "_stages", "_windows", "_cases"):
        monkeypatch.setattr(bench, part, lambda *_: {})
    monkeypatch.setattr(bench.fresh, "all_cores", lambda *_: {})
    monkeypatch.setattr(bench.fresh, "cold", lambda *_: {})
    monkeypatch.setattr(bench.tables, "of", lambda _: [])
    bench.bench(scenario, 3, tmp_path / "out")
    line = own_data.described(scenario.learning)
    assert json.loads((tmp_path / "out" / "bench.json").read_text())["data"] == line
    assert f"note: {line}\n" in capsys.readouterr().err


def test_nothing_is_said_of_shipped_samples(capsys) -> None:
    assert results.told_of_files(config.load("tiny")) == {}
    assert capsys.readouterr().err == ""
