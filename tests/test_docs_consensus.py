"""The page on consensus: its tables are what a committee costs and does when executed."""

import json

import numpy as np
import pytest
from helpers import scripts

from ceas_agents.policies import scarcity
from ceas_gym import parameters
from ceas_gym.consensus.committee.behaviours import BEHAVIOURS


@pytest.fixture(scope="module")
def script():
    return scripts.load("consensus")


def test_the_page_is_that_of_the_script(script):
    text = script.PAGE.read_text()
    assert script.page(text) == text
    assert all(f"<!-- table: {name} -->" in text for name in script.TABLES)


@pytest.fixture(scope="module")
def found(script):
    return json.loads(script.runs.KEPT.read_text())


def test_every_cell_has_all_seeds(script, found):
    cells = [(cell.committee, cell.rung) for cell in script.runs.cells()]
    kept = [(committee, rung) for committee, rungs in found["ladder"].items() for rung in rungs]
    assert kept == cells
    for committee, rung in cells:
        for placement in script.PLACEMENTS:
            played = found["ladder"][committee][rung][placement]
            assert list(played) == list(script.runs.CONTESTANTS)
            assert {len(column) for each in played.values() for column in each.values()} == {64}
    assert list(found["attacks"]) == list(script.runs.ATTACKS)


@pytest.mark.parametrize("committee", ["c = 1", "c = 4", "c = 7"])
def test_thetas_are_those_of_the_scenarios(script, found, committee):
    cells = {(cell.committee, cell.rung): cell for cell in script.runs.cells()}
    params = parameters.build(cells[committee, "paper"].scenario)
    both = (scarcity.theta_uniform, scarcity.theta_aware)
    thetas = [scarcity.over_layouts(theta, params) for theta in both]
    assert found["ladder"][committee]["paper"]["theta"] == pytest.approx(thetas, rel=1e-5)


def test_another_number_would_be_noticed(script, found):
    changed = json.loads(json.dumps(found))
    changed["ladder"]["c = 4"]["paper"]["random"]["ceas"]["final_accuracy"][0] -= 0.5
    changed["attacks"]["white_box+false_data"]["final_accuracy"][0] -= 0.5
    assert list(script.ladder(changed["ladder"])) != list(script.ladder(found["ladder"]))
    assert list(script.attacks(changed["attacks"])) != list(script.attacks(found["attacks"]))


def test_every_behaviour_leaves_one_model(script):
    for name in BEHAVIOURS:
        outcome = script.played(name)
        assert outcome.counted() == set(outcome.accepted) == set(range(5))
        models = list(outcome.models.values())
        assert all(np.array_equal(model, models[0]) for model in models), name
        assert all(np.array_equal(model, np.zeros(65)) for model in outcome.accepted.values()), name
