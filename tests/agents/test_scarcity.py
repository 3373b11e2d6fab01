"""How scarce channel-time is: closed forms, and rounds that end before or after."""

import jax
import numpy as np
import pytest
from helpers.compiled import compiled, reset, step

from ceas_agents.policies import scarcity
from ceas_agents.policies.registry import POLICIES
from ceas_gym import config, parameters

ALIKE = {
    "network.nodes": 12,
    "network.channels": 3,
    "network.lengths_km": (5.0,) * 12,
    "hardware.scheme": "explicit",
    "hardware.success_probability": 0.01,
    "hardware.initial_fidelity": 0.97,
    "hardware.node_coherence_spread": 0.0,
    "attack.name": "none",
    "attack.byzantine_nodes": 0,
    "consensus.tolerated_nodes": 3,
}


def built(**changes):
    return parameters.build(config.load("small", ALIKE | changes))


def tag_windows(params):
    return np.asarray(compiled(scarcity.tag_windows)(params.network))


def test_of_nodes_that_are_alike():
    """Every theta is the windows of a tag, times those who share a channel."""
    params = built()
    each = tag_windows(params)
    assert each == pytest.approx(each[0])
    assert int(scarcity.quorum(params.consensus)) == 7
    assert float(scarcity.theta_aware(params)) == pytest.approx(7 * each[0] / 3, rel=1e-5)
    assert float(scarcity.theta_uniform(params)) == pytest.approx(12 / 3 * each[0], rel=1e-5)


def test_windows_of_a_tag_are_bits_over_bits():
    """Of Werner pairs of fidelity 0.97 as read out: 1 - 2 h(e) bits at an error rate e."""
    params = built(
        **{
            "hardware.readout": 1.0,
            "hardware.node_coherence_s": 1e6,
            "hardware.hub_coherence_s": 1e6,
        }
    )
    error = 2 * (1 - 0.97) / 3
    entropy = -error * np.log2(error) - (1 - error) * np.log2(1 - error)
    attempts = np.floor(float(params.network.generation.attempts_per_window[0, 0]))
    pairs = attempts * int(params.network.generation.modes) * 0.01
    expected = float(params.network.key.tag_bits) / (1 - 2 * entropy) / pairs
    assert tag_windows(params)[0] == pytest.approx(expected, rel=1e-4)


def test_a_committee_takes_two_tags_of_every_member():
    alone, four = (
        built(**{f"consensus.committee.{name}": value for name, value in given.items()})
        for given in ({}, {"members": 4, "byzantine": 1, "link_interfaces": 8})
    )
    tags = float(four.network.key.tag_bits) / float(alone.network.key.tag_bits)
    ratio = scarcity.theta_aware(four) / scarcity.theta_aware(alone)
    assert float(ratio) == pytest.approx(8 * tags, rel=1e-5)


def test_more_channels_than_nodes_help_no_schedule():
    params = built(**{"network.channels": 50})
    each = tag_windows(params)[0]
    assert float(scarcity.theta_uniform(params)) == pytest.approx(each, rel=1e-5)
    assert float(scarcity.theta_aware(params)) == pytest.approx(each, rel=1e-5)


def test_no_quorum_is_faster_than_its_slowest_node():
    """Seven of twelve: six near nodes, and one that is far."""
    params = built(**{"network.lengths_km": (5.0,) * 6 + (60.0,) * 6, "network.channels": 6})
    times = np.sort(tag_windows(params))
    assert times[6] > times[:7].sum() / 6
    assert float(scarcity.theta_aware(params)) == pytest.approx(times[6], rel=1e-5)


def test_without_key_there_is_no_tag():
    params = built(**{"hardware.initial_fidelity": 0.6})
    assert float(scarcity.theta_uniform(params)) == float(scarcity.theta_aware(params)) == np.inf
    accepted = built(
        **{"hardware.initial_fidelity": 0.6, "consensus.unauthenticated_updates": "accept"}
    )
    assert float(scarcity.theta_uniform(accepted)) == float(scarcity.theta_aware(accepted)) == 0


@pytest.mark.parametrize(("windows", "commits"), [(6, False), (13, True)])
def test_a_uniform_schedule_tags_a_quorum_when_it_says(windows, commits):
    """Theta is nine windows here: no round of six commits its first update, all of thirteen do."""
    changes = {
        "network.windows": windows,
        "network.window_s": 0.05,
        "network.memories_per_link": 64,
    }
    params = built(**changes, **{"hardware.success_probability": 0.0039})
    assert 8.5 < float(scarcity.theta_uniform(params)) < 9.5
    for seed in range(4):
        state, timestep = reset(params, jax.random.key(seed))
        action = POLICIES["uniform"](params, timestep.observation, jax.random.key(0))
        _, timestep = step(params, state, action)
        assert (int(timestep.metrics["authenticated_nodes"]) >= 7) == commits
