"""A plan that knows all luck: its rounds by enumeration, and what it refuses."""

import itertools
from typing import Any

import jax
import numpy as np
import pytest
from helpers.loop_yields import alone

from ceas_agents.bounds import barrier_worth, clairvoyant, fluid, optimal_windows
from ceas_gym import config, parameters


def plan(name: str, seed: int = 0, objective: str = "information", **changes: object):
    params = parameters.build(config.load(name, changes))
    aim = barrier_worth.OBJECTIVES[objective](params)
    return params, clairvoyant.plan(params, aim, jax.random.key(seed))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("barrier", [0, 1, 3])
def test_its_rounds_are_the_best_of_all(barrier, seed):
    """All ways to cut the time into rounds and barriers, some of which leave windows at the end."""
    yields = alone(barrier=barrier, longest=4, budget=9)
    worth = np.random.default_rng(seed).random((9, 4, 3)) ** 3
    number = 9 // (1 + barrier)

    def total(lengths):
        ages = [[min(length - 1 - window, 2) for window in range(length)] for length in lengths]
        each = [
            0.1 + sum(worth[place, window, age] for window, age in enumerate(row))
            for place, row in enumerate(ages)
        ]
        return sum(each)

    best = max(
        (total(lengths), lengths)
        for rounds in range(number + 1)
        for lengths in itertools.product(range(1, 5), repeat=rounds)
        if sum(lengths) + rounds * barrier <= 9
    )
    found = clairvoyant.best_rounds(yields, worth, 0.1)
    assert found.most == pytest.approx(best[0])
    assert tuple(found.rounds) == best[1]


def test_without_luck_all_episodes_are_the_same():
    """And none is better than the optimum that knows everything, too."""
    sure: dict[str, Any] = {"hardware.success_probability": 1.0, "episode.budget_s": 10.0}
    params, first = plan("micro-loop", 0, **sure)
    second = plan("micro-loop", 1, **sure)[1]
    optimum = optimal_windows.solve(optimal_windows.game(params)).value
    assert first.most == pytest.approx(second.most, rel=1e-9)
    assert optimum <= first.most <= 1.6 * optimum
    assert optimum <= fluid.bound(params, barrier_worth.information(params)).most


def test_there_is_no_plan_where_nobody_can_take_part():
    """Pairs of such fidelity yield no key."""
    changes = {"consensus.unauthenticated_updates": "drop", "episode.budget_s": 4.0}
    found = plan("micro-loop", **changes)[1]
    assert (found.most, found.rounds.size) == (0, 0)


SMALL: dict[str, object] = {
    "episode.decision": "window",
    "episode.budget_s": 0.6,
    "network.window_s": 0.05,
    "network.barrier_windows": 1,
    "network.most_windows": 4,
    "hardware.modes": 50,
    "consensus.key.security_bits": 8,
}


@pytest.mark.parametrize("objective", ["information", "worth"])
def test_more_time_is_worth_more(objective):
    short, long = (
        plan("tiny", 0, objective, **SMALL | {"episode.budget_s": time})[1] for time in (0.3, 0.6)
    )
    # The unit of information is a round, of which twice the time has twice as many.
    unit = 2 if objective == "information" else 1
    assert 0 < short.most < 0.7 * unit * long.most


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"network.conditions.links": "markov"}, "where links change"),
        ({"attack.name": "white_box+jamming"}, "where links are jammed"),
        ({"episode.budget_s": 60.0, "network.most_windows": 64}, "choose a lower"),
        ({"episode.decision": "round"}, "steps that are rounds"),
    ],
)
def test_what_it_does_not_cover_is_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        plan("tiny", **SMALL | changes)
