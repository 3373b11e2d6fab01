"""The page on scheduling says what the kept summary of its run says."""

import json

import pytest
from helpers import scripts

from ceas_agents.policies import scarcity
from ceas_gym import config, parameters


@pytest.fixture(scope="module")
def script():
    return scripts.load("scheduling")


@pytest.fixture(scope="module")
def found(script):
    return json.loads(script.runs.KEPT.read_text())


def test_the_tables_are_those_of_the_summary(script, found):
    page = script.PAGE.read_text()
    for name, lines in script.TABLES.items():
        assert "\n".join(lines(found)).rstrip() in page, name


def test_every_cell_has_all_seeds(script, found):
    assert list(found) == [*script.runs.RUNGS, *script.runs.EXTRA]
    for rung in found.values():
        for placement in script.PLACEMENTS:
            more = script.runs.UNCONED if placement == "random" else ()
            assert list(rung[placement]) == [*script.runs.CONTESTANTS, *more]
            for figures in rung[placement].values():
                assert {len(values) for values in figures.values()} == {script.runs.EPISODES}


def test_another_number_would_be_noticed(script, found):
    changed = json.loads(json.dumps(found))
    for column in ("final_accuracy", "mean_accuracy"):
        changed["metro"]["random"]["ceas"][column][0] -= 0.5
    for name, lines in script.TABLES.items():
        assert list(lines(changed)) != list(lines(found)), name


@pytest.mark.parametrize("rung", ["paper", "metro"])
def test_thetas_are_those_of_the_scenarios(script, found, rung):
    params = parameters.build(config.load(rung, script.runs.NETWORKS))
    both = (scarcity.theta_uniform, scarcity.theta_aware)
    thetas = [scarcity.over_layouts(theta, params) for theta in both]
    assert found[rung]["theta"] == pytest.approx(thetas, rel=1e-5)
