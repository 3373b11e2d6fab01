"""The page on learned schedulers says what the kept summary of its run says."""

import csv
import json
from functools import partial

import numpy as np
import pytest
from helpers import scripts

from ceas_agents.policies import checkpoints
from ceas_agents.policies.closed_loop import trust


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


def outputs(name, **seen):
    """Shares of the nodes beyond a quorum, ln(G0 / 300), and shares of those that are tolerated."""
    agent = checkpoints.load(checkpoints.shipped_file(name))
    first, last = agent.layers
    known = np.array([seen[feature] for feature in (*agent.features.network, "reliance")])
    spare, patience, passed_over = np.tanh(known @ first.weight + first.bias) @ last.weight + (
        last.bias
    )
    return 1 / (1 + np.exp(2 - spare)), patience, 1 / (1 + np.exp(4 - passed_over))


def test_the_bold_agent_has_learned_what_the_page_reads_from_its_weights(script):
    see = partial(outputs, script.BOLD, progress=0.0)
    trusting = see(validation_accuracy=0.7, reliance=1.0)
    poor = see(validation_accuracy=0.35, reliance=1.0)
    distrusting = see(validation_accuracy=0.7, reliance=0.5)
    assert trusting[0] < 0.01
    assert trusting[2] < 0.05
    assert poor[2] > 0.5
    assert distrusting[2] > 0.95
    assert trusting[1] > distrusting[1] + 2


def test_the_other_agent_has_learned_what_the_page_reads_from_its_weights(script):
    agent = checkpoints.load(checkpoints.shipped_file(script.AGENT))
    assert agent.form == "steered"
    see = partial(outputs, script.AGENT, validation_accuracy=0.7, lowest_loss=0.25)

    def odds(spare):
        # Undoes the shift of the form `steered_freely`, which `outputs` has.
        return spare / (1 - spare) * np.exp(2)

    early, late = (
        see(progress=progress, validation_loss=0.3, reliance=1.0) for progress in (0.1, 0.9)
    )
    distrusting = see(progress=0.9, validation_loss=0.3, reliance=0.0)
    for trusting in (early, late):
        assert 1 / 9 < odds(trusting[0]) < 1 / 7
        assert trusting[2] < 0.05
    moved = odds(late[0]) * 12 / (24 - 12)
    assert round(24 * moved / (1 + moved)) == 3
    assert 2 < odds(distrusting[0]) < 2.5
    assert distrusting[2] > 0.95
    for each in (early, late, distrusting):
        assert 1000 < 300 * np.exp(each[1]) < 1200
    # Losses are shares of twice the loss of guessing.
    rises = np.linspace(0, 1, 201)
    lost = [
        see(progress=0.9, validation_loss=0.25 + rise / 2, reliance=1.0)[2] > 0.5 for rise in rises
    ]
    assert rises[np.argmax(lost)] == pytest.approx(trust.RISE, abs=0.02)


def test_nobody_in_hindsight_is_better_than_the_best(script, found):
    played = script.read(found)
    for rung in script.RUNGS:
        for where in script.PLACEMENTS:
            place = (rung, script.LADDER, where)
            best = played.values(place, played.best(place)).mean()
            assert all(
                best >= played.values(place, name).mean() for name in script.closed_loop.CONTESTANTS
            )


def leads(script, found, name, other=None):
    """Leads over CEAS, or over the best in hindsight, by placement and rung, in points."""
    played = script.read(found)
    rounded = {"random": {}, "best_links": {}}
    for place in script.PLACES:
        against = other or played.best(place)
        lead = played.values(place, name).mean() - played.values(place, against).mean()
        rounded[place[2]][place[0].removesuffix("-loop")] = round(100 * float(lead), 1)
    return rounded["random"], rounded["best_links"]


def ends(values):
    return min(values), max(values)


def test_the_agent_costs_and_wins_what_the_page_says(script, found):
    random, best = leads(script, found, script.AGENT, "ceas")
    assert ends(random.values()) == (-2.0, 5.6)
    assert random["short-memory"] == -2.0
    assert best.pop("paper") == -2.2
    assert ends(best.values()) == (3.1, 24.9)
    hindsight, on_the_best = leads(script, found, script.AGENT)
    assert min(hindsight.values()) == -3.6
    assert on_the_best["unequal"] == 14.7


def test_the_bold_agent_costs_and_wins_what_the_page_says(script, found):
    random, best = leads(script, found, script.BOLD, "ceas")
    assert (random["unequal"], random["short-memory"]) == (-10.9, -9.7)
    assert ends(best.values()) == (5.2, 39.5)


def test_the_rule_costs_and_wins_what_the_page_says(script, found):
    random, best = leads(script, found, script.WARY, "ceas")
    assert min(random.values()) == -1.8
    assert best.pop("paper") == -0.3
    assert ends(best.values()) == (5.9, 27.4)
    _, hindsight = leads(script, found, script.WARY)
    assert hindsight["unequal"] == 17.2


def test_the_worse_placement_is_as_the_page_says(script, found):
    played = script.read(found)

    def ahead(name):
        return {
            rung: 100
            * (
                script._worse(played, rung, name)
                - max(script._worse(played, rung, each) for each in script.closed_loop.CONTESTANTS)
            )
            for rung in script.RUNGS
        }

    assert ends(ahead(script.BOLD).values()) == pytest.approx((1.5, 22.1), abs=0.05)
    assert ahead(script.AGENT)["unequal-loop"] == pytest.approx(14.7, abs=0.05)
    assert ahead(script.AGENT)["drift-loop"] == pytest.approx(1.7, abs=0.05)


def test_the_training_seeds_earned_what_the_page_says(script):
    folder = checkpoints.shipped_file(script.AGENT).parent
    earned = [
        [float(row["validation_return" if name == "curve.csv" else "return"]) for row in rows]
        for name in ("curve.csv", "seeds.csv")
        for rows in [list(csv.DictReader((folder / name).read_text().splitlines()))]
    ]
    first, second, third = sorted(earned[1])
    said = f"earns {earned[0][0]:.3f}, and the best agents of the three seeds {first:.3f}, "
    page = " ".join(script.PAGE.read_text().split())
    assert said + f"{second:.3f} and {third:.3f}" in page
    assert max(earned[0]) == third
