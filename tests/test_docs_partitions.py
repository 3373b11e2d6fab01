"""The page on partitions: its tables are what the script computes and what was played."""

import itertools
import json
from fractions import Fraction

import numpy as np
import pytest
from helpers import scripts

from ceas_agents.policies import scarcity
from ceas_gym import parameters


@pytest.fixture(scope="module")
def script():
    return scripts.load("partitions")


@pytest.fixture(scope="module")
def found(script):
    return json.loads(script.runs.KEPT.read_text())


def test_the_page_is_that_of_the_script(script):
    text = script.PAGE.read_text()
    assert script.page(text) == text
    assert all(f"<!-- table: {name} -->" in text for name in script.TABLES)


def test_every_cell_has_all_seeds(script, found):
    assert list(found) == list(script.runs.CELLS)
    for label, placement in itertools.product(found, script.PLACEMENTS):
        played = found[label][placement]
        blind = [] if label == "data" else ["ceas:teams=blind"]
        expected = [n for n in script.runs.CONTESTANTS if n in blind or not n.endswith("blind")]
        assert list(played) == expected
        numbers = {len(column) for each in played.values() for column in each.values()}
        assert numbers == {script.runs.EPISODES}


def test_thetas_are_those_of_the_scenarios(script, found):
    cell = next(each for each in script.runs.cells() if each.label == "circuit")
    params = parameters.build(cell.scenario)
    both = (scarcity.theta_uniform, scarcity.theta_aware)
    thetas = [scarcity.over_layouts(theta, params) for theta in both]
    assert found["circuit"]["theta"] == pytest.approx(thetas, rel=1e-5)


def test_another_number_would_be_noticed(script, found, monkeypatch):
    def tables() -> list[str]:
        return [script.information(), script.accuracy(), script.rivals()]

    before = tables()
    changed = json.loads(json.dumps(found))
    changed["circuit"]["random"]["ceas"]["final_accuracy"][0] -= 0.5
    changed["circuit"]["random"]["ceas"]["return"][0] += 1
    monkeypatch.setattr(script, "played", lambda: changed)
    for one, other in zip(before, tables(), strict=True):
        assert one != other


@pytest.mark.parametrize(("nodes", "size", "bad"), [(6, 2, 2), (8, 2, 3), (9, 3, 4), (8, 4, 3)])
def test_bad_teams_are_those_of_all_placements(script, nodes, size, bad):
    spoiled = [
        len({node // size for node in placed})
        for placed in itertools.combinations(range(nodes), bad)
    ]
    _, _, mean, guarantee, few = script._team(nodes, size, bad)
    number = nodes // size
    assert mean == f"{np.mean(spoiled):.1f}"
    assert guarantee == ("yes" if 2 * bad < number else "no")
    most_are_good = Fraction(sum(2 * each < number for each in spoiled), len(spoiled))
    assert few == f"{float(most_are_good):.3f}"
