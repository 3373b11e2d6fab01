"""Several training seeds of one plan: each a run of its own, on any engine, stopped or not."""

import csv
from typing import Any

import numpy as np
import pytest
from helpers.next_command import suggested

from ceas_agents.cli import main
from ceas_agents.executors.run import HERE, Engine
from ceas_agents.policies import checkpoints
from ceas_agents.training import curve, plan, seeds, train

FILE = """
scenario: tiny
set: {episode.rounds: 3}
learner: jax.ppo
seed: 4
seeds: 2
steps: 32
rows: 2
validation: {every: 16, episodes: 2}
hyperparameters: {n_steps: 4, batch_size: 8, n_epochs: 1}
network: {hidden: 8}
"""


@pytest.fixture(autouse=True)
def _no_figure(monkeypatch):
    monkeypatch.setattr(curve, "draw", lambda *_: None)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "agent.yaml"
    path.write_text(FILE)
    return path


def same(one, other):
    """Asserts that two folders hold the same curves, but for the time it took, and agents."""
    for a, b in zip(curve.read(one), curve.read(other), strict=True):
        np.testing.assert_equal(a | {"minutes": 0}, b | {"minutes": 0})
    agents: list[Any] = [checkpoints.load(folder / train.LAST) for folder in (one, other)]
    for a, b in zip(agents[0].layers, agents[1].layers, strict=True):
        np.testing.assert_array_equal(a.weight, b.weight)


def table(folder):
    with (folder / seeds.TABLE).open(newline="") as read:
        return list(csv.DictReader(read))


def test_each_seed_is_the_training_of_its_own(file, tmp_path, capsys, monkeypatch):
    made, out = plan.load(file), tmp_path / "out"
    seeds.train_all(made, out, HERE)
    printed = capsys.readouterr().out
    assert "2 seeds" in printed
    measure = made.settings.validation.measure
    best = max(table(out), key=lambda row: float(row[measure]))
    _, contestants, _ = suggested(printed, monkeypatch)
    agent = out / f"seed-{float(best['seed']):.0f}" / train.BEST
    assert [each.name for each in contestants] == ["ceas", str(agent)]
    alone = plan.load(file, seed=5, seeds=1)
    rows = train.train(alone, tmp_path / "alone")
    same(out / "seed-5", tmp_path / "alone")
    assert [row["seed"] for row in table(out)] == ["4.0", "5.0"]
    best = train.best(alone, rows)
    assert float(table(out)[1]["return"]) == best["validation_return"]
    assert float(table(out)[1]["steps"]) == best["steps"]
    assert not (out / "jobs").exists()


def test_seeds_are_not_what_decides_an_agent(file):
    one, two = plan.load(file, seeds=1), plan.load(file)
    assert one.record == two.record


@pytest.mark.slow
def test_two_processes_train_the_same_agents_also_after_an_interrupt(file, tmp_path, monkeypatch):
    made = plan.load(file)
    seeds.train_all(made, tmp_path / "here", HERE)
    with monkeypatch.context() as patch:
        patch.setattr(seeds.run.time, "sleep", lambda seconds: interrupt())
        with pytest.raises(KeyboardInterrupt):
            seeds.train_all(made, tmp_path / "there", Engine("processes", 2))
    seeds.train_all(made, tmp_path / "there", Engine("processes", 2))
    for seed in ("seed-4", "seed-5"):
        same(tmp_path / "here" / seed, tmp_path / "there" / seed)
    paths = [tmp_path / name / seeds.TABLE for name in ("here", "there")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seeds", "0"], "--seeds"),
        (
            ["--seeds", "3070"],
            "3070 from 4 on are too many; the last one must be below 3072",
        ),
        (["--seeds", "1", "--on", "ray"], "--on: a single training runs in this process"),
        (["--on", "rya"], "did you mean ray?"),
    ],
)
def test_mistakes_are_one_line(arguments, said, file, tmp_path, monkeypatch, capsys):
    command = ["ceas-gym", "train", str(file), "--out", str(tmp_path / "out"), *arguments]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
