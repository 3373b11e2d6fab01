"""The page on trust says what its summary says, and it tells episodes apart rightly."""

import json

import numpy as np
import pytest
from helpers import scripts
from sklearn.metrics import roc_auc_score

from ceas_agents.policies.closed_loop import trust


@pytest.fixture(scope="module")
def script():
    return scripts.load("trust")


@pytest.fixture(scope="module")
def found(script):
    return json.loads(script.KEPT.read_text())


def test_the_tables_are_those_of_the_summary(script, found):
    page, played = script.PAGE.read_text(), script.read(found)
    for name, lines in script.TABLES.items():
        assert "\n".join(lines(played)) in page, name


def test_another_number_would_be_noticed(script, found):
    changed = json.loads(json.dumps(found))
    changed[0]["mean"][0] += 0.5
    assert "\n".join(script.gates(script.read(changed))) not in script.PAGE.read_text()


def test_every_cell_has_all_seeds_on_the_same_networks(script, found):
    assert list(script.read(found)) == script.cells()
    for each in found:
        assert each["layout"] == found[0]["layout"]
        assert len(each["mean"]) == script.EPISODES


def test_the_rule_wins_most_of_the_gates_that_cost_at_most_a_point_at_random(script, found):
    played = script.read(found)
    rule = script.Gate(trust.EARLY, "rise", trust.RISE)

    def gains(gate, placement):
        cells = [(rung, placement) for rung in script.RUNGS]
        return [
            np.mean(played[script.Cell(*cell, gate)]["mean"])
            - np.mean(played[script.Cell(*cell, script.NEVER)]["mean"])
            for cell in cells
        ]

    cheap = [gate for gate in script.GATES if min(gains(gate, "random")) >= -0.01]
    assert script.GATES[1] not in cheap
    assert max(cheap, key=lambda gate: sum(gains(gate, "best_links"))) == rule


def test_seeds_are_the_same_in_both_placements_in_that_order(script, found):
    """Judging relies on it: the two episodes of a seed are in one fold."""
    played = script.read(found)
    for rung in script.RUNGS:
        one, other = (
            played[script.Cell(rung, where, script.NEVER)]["seen until 30 s"]
            for where in script.PLACEMENTS
        )
        first = [[episode[1] for episode in side] for side in (one, other)]
        assert first[0] == first[1]
        assert len(set(first[0])) > script.EPISODES // 4


def test_separation_is_the_area_under_the_curve(script):
    random = np.random.default_rng(0)
    for _ in range(20):
        score, side = random.integers(0, 9, 30).astype(float), random.random(30) < 0.4
        assert script.separation(score, side) == pytest.approx(roc_auc_score(side, score))


def test_judging_has_not_seen_the_episode(script):
    """Of features that say nothing, many of which could be fitted, it makes nothing."""
    random = np.random.default_rng(1)
    side = np.repeat([True, False], 60)
    guessed = script.judged(random.normal(size=(120, 14)), side)
    assert abs(script.separation(guessed, side) - 0.5) < 0.15
    known = np.column_stack([side + random.normal(size=120) * 0.1, random.normal(size=120)])
    assert script.separation(script.judged(known, side), side) > 0.99


def test_features_are_those_until_the_time(script):
    history = [(0.0, 0.5, 0.0), (4.0, 0.25, 1.5), (9.0, 0.75, 1.0), (30.0, 1.0, 0.1)]
    accuracy, loss = np.split(np.array(script.features(history, 20)), 2)
    np.testing.assert_allclose(accuracy, [0.75, 0.5, 0.25, 0.5, 0.75, 0.5, 0.5])
    np.testing.assert_allclose(loss, [-1.0, -1.5, -1.5, -1.25, -1.0, -1.25, 1.0])
