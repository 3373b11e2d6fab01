"""Learned schedulers by name: shipped ones and files, wherever a policy can be named."""

import csv
import sys

import jax
import numpy as np
import pytest
import yaml
from helpers import drawn

import ceas_agents
from ceas_agents import catalogue, cli
from ceas_agents.evaluation import contestants, play
from ceas_agents.policies import checkpoints as learned
from ceas_agents.sweeps import plan as plans
from ceas_agents.sweeps import run
from ceas_gym import config

KEY = jax.random.key(0)


@pytest.fixture
def own(tmp_path):
    """The path of an agent of the user's own."""
    path = tmp_path / "mine.npz"
    learned.save(drawn.agent("flat"), path)
    return str(path)


@pytest.fixture
def checkpoints(tmp_path, monkeypatch):
    """A folder that ships two agents, one of them with a card."""
    folder = tmp_path / "checkpoints"
    for name, form in [("steady", "nodes"), ("quick", "dispatch")]:
        (folder / name).mkdir(parents=True)
        learned.save(drawn.agent(form), folder / name / "agent.npz")
    (folder / "steady" / "README.md").write_text("# A steady hand\n\nTrained for long.\n")
    (folder / "README.md").write_text("What lies here.\n")
    (folder / "unfinished").mkdir()
    monkeypatch.setattr(learned, "CHECKPOINTS", folder)
    return folder


def call(monkeypatch, *arguments):
    """Returns the exit code of `ceas-gym` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["ceas-gym", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


def same(one, other):
    return all(map(np.array_equal, jax.tree.leaves(one), jax.tree.leaves(other)))


def test_shipped_agents_are_found_by_name(checkpoints):
    assert learned.shipped() == ["quick", "steady"]
    expected = learned.policy(learned.load(checkpoints / "steady" / "agent.npz"))
    assert same(ceas_agents.load("steady"), expected)
    contestant = contestants.get("steady")
    assert contestant.name == "steady"
    assert same(contestant.policy, expected)


def test_own_agent_is_found_by_its_path(own):
    assert same(ceas_agents.load(own), learned.policy(learned.load(learned.Path(own))))
    assert contestants.get(own).name == own


def test_nearest_name_is_out_of_all(checkpoints):
    for find in (ceas_agents.load, contestants.get):
        with pytest.raises(ValueError, match="did you mean steady"):
            find("stedy")
        with pytest.raises(ValueError, match="did you mean uniform"):
            find("unifrm")
        with pytest.raises(ValueError, match=r"\(or name your own as module:function\)$"):
            find("my_policy")


def test_missing_file_is_named():
    with pytest.raises(ValueError, match=r"nowhere/mine\.npz can't be read"):
        contestants.get("nowhere/mine.npz")


def test_shipped_agents_are_no_other_policies_and_listed(checkpoints):
    assert not set(learned.shipped()) & set(contestants.CONTESTANTS)
    for name in learned.shipped():
        assert catalogue.catalogue()["policies"][name]


def test_list_shows_the_cards_first_line(checkpoints):
    listed = catalogue.catalogue()["policies"]
    assert listed["steady"] == "A steady hand"
    assert listed["quick"].startswith("Learned: the allowed choice of a scheduling rule")


def test_nothing_needs_to_be_shipped(tmp_path, monkeypatch):
    monkeypatch.setattr(learned, "CHECKPOINTS", tmp_path / "none")
    assert learned.shipped() == []
    assert list(catalogue.catalogue()["policies"]) == list(contestants.CONTESTANTS)


def test_agent_that_does_not_fit_is_refused_before_anything_is_played(
    own, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    assert call(monkeypatch, "evaluate", "small", "--policy", own, "--out", out) == 2
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"error: scenario small: policy {own}: "
        "agent was trained for 84 inputs, but the scenario has 186"
    ]
    assert not out.exists()


def test_command_line_plays_agents(checkpoints, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    named = ["--policy", "steady", "--set", "episode.rounds=2", "--set", "learning.layers=1"]
    assert call(monkeypatch, "evaluate", "tiny", *named, "--episodes", 2, "--out", out) == 0
    assert "steady" in capsys.readouterr().out
    with (out / "episodes.csv").open(newline="") as file:
        assert [row["policy"] for row in csv.DictReader(file)] == ["steady", "steady"]


@pytest.mark.slow
def test_sweep_compiles_once_for_agents_of_a_form(own, checkpoints, tmp_path, monkeypatch):
    monkeypatch.setattr(jax, "clear_caches", lambda: None)
    other = tmp_path / "other.npz"
    learned.save(drawn.agent("flat", 1), other)
    quick = {"episode.rounds": 2, "learning.layers": 1}
    settings = {
        "scenario": "tiny",
        "episodes": 1,
        "set": quick,
        "vary": {"policy": [own, "steady", str(other)]},
    }
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(settings))
    plan = plans.load(tmp_path / "sweep.yaml")
    assert [cell.program for cell in plan.cells] == [0, 1, 0]
    run.sweep(plan, tmp_path / "out")
    with (tmp_path / "out" / "cells.csv").open(newline="") as file:
        found = {row["policy"]: float(row["return"]) for row in csv.DictReader(file)}
    contestant = contestants.get(own)
    params = play.prepare(config.load("tiny", quick), [contestant])[own]
    ((_, rounds),) = play.episodes(contestant, params, 2, [0])
    assert found[own] == pytest.approx(rounds["reward"].sum(), rel=1e-5)
    assert found[own] != found[str(other)]
