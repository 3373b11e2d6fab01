"""The oracle's bound: above everybody, attained where that can be told by hand, monotone."""

import jax
import numpy as np
import pytest
from helpers.next_command import suggested

from ceas_agents.bounds import oracle
from ceas_agents.evaluation import bound as bounding
from ceas_agents.evaluation import contestants, play
from ceas_gym import config, parameters
from ceas_gym.physics import information, register

CALM: dict[str, object] = {"episode.reward": "information", "attack.name": "none"}
KEY = jax.random.key(0)


def bound(name, **changes):
    return oracle.bound(parameters.build(config.load(name, CALM | changes)), KEY)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        pytest.param("freshest_first", {}, marks=pytest.mark.slow),
        ("ceas", {"network.conditions.links": "markov"}),
    ],
)
def test_no_policy_delivers_more(name, changes):
    """On average over 30 seeds, each with the bound of its own link conditions."""
    params = parameters.build(config.load("tiny", CALM | changes | {"episode.rounds": 8}))
    played = play.episodes(contestants.get(name), params, 8, range(30))
    returns = np.array([play.summary(metrics, 1.0)["return"] for _, metrics in played])
    most = [oracle.bound(params, jax.random.key(seed)).information for seed in range(30)]
    margin = np.array(most) - returns
    assert margin.mean() > -4 * margin.std(ddof=1) / np.sqrt(30)
    assert margin.mean() < 0.5


def test_one_link_without_decay_is_known_by_hand():
    """A single node that needs no key: all pairs of all windows, as long as they fit in memory."""
    changes = {
        "network.nodes": 1,
        "network.windows": 2,
        "network.lengths_km": [0.0],
        "network.memories_per_link": 1000,
        "network.cutoff_fidelity": None,
        "hardware.hub_coherence_s": 1e9,
        "hardware.node_coherence_s": 1e9,
        "hardware.node_coherence_spread": 0.0,
        "attack.byzantine_nodes": 0,
        "consensus.unauthenticated_updates": "accept",
        "episode.rounds": 3,
    }
    params = parameters.build(config.load("tiny", CALM | changes))
    network = params.network
    pairs = 2 * float(
        network.generation.attempts_per_window[0, 0]
        * network.generation.modes
        * network.generation.success_probability[0, 0]
    )
    contraction = (
        network.generation.contraction[:, 0, 0] * network.operations.delivery_contraction[:, 0]
    )
    process = float((1 + contraction.sum()) / 4) ** 2
    signal = register.twirled_contraction(process, 4)
    worth = float(information.depolarized_qfi_factor(signal, 4))
    expected = min(pairs, 1000) / 2 * worth / (1000 / 2)
    assert oracle.bound(params, KEY).information == pytest.approx(expected, rel=1e-4)


def test_dearer_tags_deliver_less():
    free = bound("tiny", **{"consensus.unauthenticated_updates": "accept"}).information
    usual = bound("tiny").information
    dear = bound("tiny", **{"consensus.key.security_bits": 200}).information
    assert free > usual > dear > 0


def test_more_channels_deliver_more():
    assert bound("tiny", **{"network.channels": 2}).information > 1.2 * bound("tiny").information


def test_schedules_are_feasible():
    params = parameters.build(config.load("tiny", CALM))
    found = oracle.bound(params, KEY)
    used = (found.data + found.later + found.key).sum(axis=2)
    assert used.max() <= float(params.network.switch.channels[0]) + 1e-6
    assert found.tagged.min() >= -1e-9
    assert found.tagged.max() <= 1 + 1e-9
    assert found.later[-1].max() <= 1e-9


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("tiny", {"network.purification": "dejmps"}, "not cover purification"),
        ("tiny", {"consensus.verification.pairs": 30}, "not cover verification"),
        ("surfnet", {}, "not cover relays"),
    ],
)
def test_what_it_does_not_cover_is_refused(name, changes, reason):
    with pytest.raises(ValueError, match=reason):
        bound(name, **changes)


def test_contestants_under_another_protocol_are_refused(tmp_path):
    naive = contestants.get("oblivious-naive")
    with pytest.raises(ValueError, match="oblivious-naive plays under"):
        bounding.compare(config.load("micro"), [naive], range(1), tmp_path)


def test_comparison_is_written_and_shown(tmp_path, capsys, monkeypatch):
    scenario = config.load("micro", {"episode.rounds": 3})
    found = bounding.compare(scenario, [contestants.get("round_robin")], range(4), tmp_path)
    printed = capsys.readouterr().out
    assert "exact optimum" in printed
    assert len(found["returns"]["round_robin"]) == len(found["bound"]) == 4
    assert 0 < found["optimum"] < found["bound"][0]
    assert (tmp_path / "bound.json").is_file()
    suggestion, (one,), _ = suggested(printed, monkeypatch)
    assert suggestion == config.load(scenario, bounding.REWARD)
    assert one.name == "round_robin"


def test_missing_optimum_is_explained(tmp_path, capsys):
    # The program of the first test.
    scenario = config.load("tiny", CALM | {"episode.rounds": 8})
    found = bounding.compare(scenario, [contestants.get("freshest_first")], range(2), tmp_path)
    assert "does not cover" in found["optimum"]
    assert "exact optimum does not cover" in " ".join(capsys.readouterr().out.split())
