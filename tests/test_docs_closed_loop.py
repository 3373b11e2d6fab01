"""The page on the closed loop says what the kept summary of its run says."""

import json
from itertools import pairwise

import numpy as np
import pytest
from helpers import scripts

from ceas_agents.evaluation import contestants, tuned
from ceas_gym import config


@pytest.fixture(scope="module")
def script():
    return scripts.load("closed_loop")


@pytest.fixture(scope="module")
def found(script):
    return json.loads(script.KEPT.read_text())


def test_the_tables_are_those_of_the_summary(script, found):
    page = script.PAGE.read_text()
    for name, lines in script.TABLES.items():
        assert "\n".join(lines(found)).rstrip() in page, name


def test_another_number_would_be_noticed(script, found):
    page = script.PAGE.read_text()
    changed = json.loads(json.dumps(found))
    changed["metro-loop"]["random"]["ceas"]["mean_accuracy_over_time"][0] += 0.5
    assert "\n".join(script.ladder(changed)).rstrip() not in page


def test_every_cell_has_all_seeds_and_a_curve(script, found):
    assert list(found) == list(script.RUNGS)
    for rung in found.values():
        for placement in script.PLACEMENTS:
            assert list(rung[placement]) == list(script.CONTESTANTS)
            for kept in rung[placement].values():
                assert {len(kept[name]) for name in script.COLUMNS} == {script.EPISODES}
                assert len(kept["curve"]) == len(script.TIMES_S)


def test_accuracy_over_time_is_the_mean_of_the_curve(script, found):
    for rung in found.values():
        for kept in rung["random"].values():
            mean = np.mean(kept["mean_accuracy_over_time"])
            assert np.mean(kept["curve"]) == pytest.approx(mean, abs=0.01)


def test_everybody_plays_at_a_rate_that_was_tuned_on_the_rung(script):
    for rung in script.RUNGS:
        assert config.load(rung).episode.decision == "window"
        for name in script.CONTESTANTS:
            chosen = tuned.contestant(rung, contestants.get(name))
            assert "learning.learning_rate" in chosen.overrides, (rung, name)


def test_the_chain_of_the_ablation_is_unbroken(script):
    chain = script.STEPS_OF_ABLATION
    assert chain[0][2] == "oblivious-fixed"
    assert chain[-1][1] == script.FIRST
    for (_, name, _), (_, _, base) in pairwise(chain):
        assert name == base
