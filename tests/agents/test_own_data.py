"""What commands say and keep of a user's own samples."""

import hashlib
from pathlib import Path

import pytest
from helpers.sample_files import table

from ceas_agents.evaluation import results
from ceas_gym import config
from ceas_gym.learning import own_data


def test_a_run_says_and_keeps_what_becomes_of_samples(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    text = table()
    changes = {"learning.dataset": "data.csv", "learning.features": 2}
    scenario = config.load("tiny", changes)
    line = own_data.described(scenario.learning)
    digest = hashlib.sha256(f"{text}\n".encode()).hexdigest()
    kept = results.told_of_data(scenario)
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
        results.require_same(folder, "sweep", results.told_of_data(scenario), written)


def test_nothing_is_said_of_shipped_samples(capsys) -> None:
    assert results.told_of_data(config.load("tiny")) == {}
    assert capsys.readouterr().err == ""
