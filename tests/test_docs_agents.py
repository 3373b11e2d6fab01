"""The page on learned schedulers says what the kept summary of its run says."""

import json

import numpy as np
import pytest
from helpers import scripts

from ceas_agents.policies import checkpoints


@pytest.fixture(scope="module")
def script():
    return scripts.load("agents")


@pytest.fixture(scope="module")
def found(script):
    return json.loads(script.KEPT.read_text())


def test_the_tables_are_those_of_the_summary(script, found):
    page, played = script.PAGE.read_text(), script.read(found)
    for name, lines in script.TABLES.items():
        assert "\n".join(lines(played)) in page, name


def test_another_number_would_be_noticed(script, found):
    changed = json.loads(json.dumps(found))
    changed[0][script.MEAN][0] += 0.5
    assert "\n".join(script.ladder(script.read(changed))) not in script.PAGE.read_text()


def test_every_cell_has_all_seeds_and_the_layouts_of_the_closed_loop(script, found):
    played = script.read(found)
    assert list(played.here) == script.cells()
    there = played.there["metro-loop"]["random"]["ceas"]["layout"]
    for each in found:
        assert each["layout"] == there
        assert all(len(each[name]) == len(there) for name in script.COLUMNS)
        mean = np.mean(each[script.MEAN])
        assert np.mean(each["curve"]) == pytest.approx(mean, abs=0.01)


def test_the_others_are_the_agent_with_other_weights(script):
    agent = checkpoints.load(checkpoints.shipped_file(script.AGENT))
    always = scripts.load("agents_runs").always(agent.features.network)
    for layer, shipped in zip(always, agent.layers, strict=True):
        assert layer.weight.shape == shipped.weight.shape
        assert layer.bias.shape == shipped.bias.shape


def test_it_has_learned_what_the_page_reads_from_its_weights(script):
    first, last = checkpoints.load(checkpoints.shipped_file(script.AGENT)).layers

    def outputs(progress, accuracy, reliance):
        inner = np.tanh(np.array([progress, accuracy, reliance]) @ first.weight + first.bias)
        spare, patience, passed_over = inner @ last.weight + last.bias
        return 1 / (1 + np.exp(2 - spare)), patience, 1 / (1 + np.exp(4 - passed_over))

    trusting, poor = outputs(0.0, 0.7, 1.0), outputs(0.0, 0.35, 1.0)
    distrusting = outputs(0.0, 0.7, 0.5)
    # Shares of the nodes beyond a quorum, and of those that are tolerated.
    assert trusting[0] < 0.01
    assert trusting[2] < 0.05
    assert poor[2] > 0.5
    assert distrusting[2] > 0.95
    assert trusting[1] > distrusting[1] + 2


def test_nobody_in_hindsight_is_better_than_the_best(script, found):
    played = script.read(found)
    for rung in script.RUNGS:
        for where in script.PLACEMENTS:
            place = (rung, script.LADDER, where)
            best = played.values(place, played.best(place)).mean()
            assert all(
                best >= played.values(place, name).mean() for name in script.closed_loop.CONTESTANTS
            )


def test_the_rule_costs_and_wins_what_the_page_says(script, found):
    played = script.read(found)

    def gains(placement):
        places = [place for place in script.PLACES if place[2] == placement]
        gained = {
            place[0]: (played.values(place, script.RULE) - played.values(place, "ceas")).mean()
            for place in places
        }
        return {rung: round(100 * float(points), 1) for rung, points in gained.items()}

    assert min(gains("random").values()) == -1.5
    on_best = gains("best_links")
    assert on_best.pop("paper-loop") == -0.1
    assert (min(on_best.values()), max(on_best.values())) == (10.3, 20.8)
