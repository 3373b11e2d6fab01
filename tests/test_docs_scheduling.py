"""The page on scheduling says what the kept summary of its run says."""

import json

import pytest
import scripts

from ceas_agents import scarcity
from ceas_gym import config, parameters


@pytest.fixture(scope="module")
def script():
    return scripts.load("scheduling")


@pytest.fixture(scope="module")
def found(script):
    return json.loads(script.KEPT.read_text())


def test_the_tables_are_those_of_the_summary(script, found):
    page = script.PAGE.read_text()
    for lines in (script.tables(found), script.yardsticks(found)):
        assert "\n".join(lines).rstrip() in page


def test_every_cell_has_forty_seeds(script, found):
    assert list(found) == [*script.RUNGS, *script.EXTRA]
    for rung in found.values():
        for placement in script.PLACEMENTS:
            assert list(rung[placement]) == list(script.CONTESTANTS)
            for figures in rung[placement].values():
                assert {len(values) for values in figures.values()} == {script.EPISODES}


def test_another_number_would_be_noticed(script, found):
    changed = json.loads(json.dumps(found))
    changed["metro"]["random"]["ceas"]["final"][0] -= 0.5
    assert list(script.tables(changed)) != list(script.tables(found))
    assert list(script.yardsticks(changed)) != list(script.yardsticks(found))


@pytest.mark.parametrize("rung", ["paper", "metro"])
def test_thetas_are_those_of_the_scenarios(found, rung):
    params = parameters.build(config.load(rung))
    thetas = [float(scarcity.theta_uniform(params)), float(scarcity.theta_aware(params))]
    assert found[rung]["theta"] == pytest.approx(thetas, rel=1e-5)
