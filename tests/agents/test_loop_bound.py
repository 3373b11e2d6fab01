"""`ceas-gym bound` in closed loops: every policy is below every bound."""

import json

import numpy as np
import pytest

from ceas_agents.evaluation import bound as bounding
from ceas_agents.evaluation import contestants
from ceas_gym import config

SIMPLE = [f"helpers.loop_policies:{name}" for name in ("every_second_window", "emptiest_first")]


def compared(tmp_path, scenario, seeds, names=SIMPLE, **changes):
    played = config.load(scenario, changes)
    return bounding.compare(
        played, [contestants.get(name) for name in names], range(seeds), tmp_path
    )


def below(values, most):
    """Whether the mean of the values is not above that of the bounds."""
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return np.mean(values) < np.mean(most) + 4 * error


def test_policies_plans_and_bounds_are_in_order(tmp_path, capsys):
    """The plan of each episode, and all bounds on average over 24 of them."""
    found = compared(tmp_path, "micro-loop", 24)
    printed = capsys.readouterr().out
    for row in ("policies:emptiest", "exact optimum", "plan that knows all luck", "every policy"):
        assert row in printed
    assert found == json.loads((tmp_path / "bound.json").read_text())
    assert (tmp_path / "scenario.yaml").is_file()
    plans, most = found["plan"], found["bound"]
    for returns in found["returns"].values():
        for objective in ("information", "worth"):
            values = np.array(returns[objective])
            assert (values <= np.array(plans[objective]) * (1 + 1e-5)).all()
            assert below(values, most[objective])
        assert below(returns["information"], found["optimum"])
        assert np.mean(returns["information"]) > 0.3 * found["optimum"]
    assert found["optimum"] < most["information"][0]


KEYED: dict[str, object] = {
    "hardware.initial_fidelity": 0.97,
    "hardware.node_coherence_s": 40.0,
    "hardware.node_coherence_spread": 0.0,
    "hardware.attempt_overhead_s": 0.004,
    "network.memories_per_link": 200,
    "consensus.unauthenticated_updates": "drop",
    "consensus.tolerated_nodes": 1,
    "consensus.rule": "median",
    "network.nodes": 3,
    "network.lengths_km": [0.0, 0.0, 0.0],
    "consensus.key.security_bits": 20,
}


@pytest.mark.slow
def test_where_key_and_a_quorum_are_needed(tmp_path, capsys):
    """Serving the node with the fewest pairs makes a good part of what no policy can exceed."""
    found = compared(tmp_path, "micro-loop", 6, SIMPLE[1:], **KEYED)
    assert "every policy" in capsys.readouterr().out
    assert "does not cover pairs good enough for key, tags" in found["optimum"]
    (returns,) = found["returns"].values()
    for objective in ("information", "worth"):
        assert below(returns[objective], found["bound"][objective])
        assert np.mean(returns[objective]) > 0.3 * found["bound"][objective][0]
        assert (np.array(returns[objective]) <= np.array(found["plan"][objective])).all()


def test_layouts_have_bounds_of_their_own(tmp_path):
    found = compared(tmp_path, "micro-loop", 4, [], **{"episode.layouts": 2})
    most = found["bound"]["information"]
    assert most[0] == most[2] != most[1] == most[3]
    assert "several layouts" in found["optimum"]


@pytest.mark.slow
def test_rounds_of_any_length_are_below_the_same_bounds(tmp_path):
    """They are windows, too, after a fixed number of which the barrier fires."""
    rounds = {"episode.decision": "round", "network.windows": 1}
    policy = contestants.get("uniform").policy
    who = [contestants.Contestant("rounds", policy, rounds)]
    found = bounding.compare(config.load("micro-loop"), who, range(24), tmp_path)
    returns = found["returns"]["rounds"]["information"]
    assert below(returns, found["optimum"])
    assert np.mean(returns) > 0.3 * found["optimum"]
    longer: dict[str, object] = {**rounds, "network.windows": 7}
    long = contestants.Contestant("rounds", policy, longer)
    with pytest.raises(ValueError, match="rounds of 7 windows"):
        bounding.compare(config.load("micro-loop"), [long], range(1), tmp_path)


def test_contestants_under_another_protocol_are_refused(tmp_path):
    naive = contestants.get("oblivious-naive")
    with pytest.raises(ValueError, match="oblivious-naive plays under"):
        bounding.compare(config.load("micro-loop"), [naive], range(1), tmp_path)
