"""When CEAS commits: as soon as a quorum can have all its tags, and no key is spent before."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled

from ceas_agents.evaluation import contestants, play
from ceas_agents.policies import ceas, planning, serving
from ceas_gym import config, parameters
from ceas_gym.task import actions
from ceas_gym.task.observations import COLUMN

COMMITTEE = {
    "consensus.committee.members": 4,
    "consensus.committee.byzantine": 1,
    "consensus.committee.link_interfaces": 8,
}
wait_for_quorum = jax.jit(serving.wait_for_quorum)
assess = compiled.compiled(planning.assess)


@pytest.fixture(scope="module")
def small():
    """Returns a scenario of twelve nodes, where a quorum and one more are six nodes.

    It has three channels and eight windows.
    """
    changes = {"network.nodes": 12, "network.channels": 3, "attack.byzantine_nodes": 2}
    return parameters.build(config.load("small", changes | {"network.windows": 8}))


@pytest.fixture(scope="module")
def found(small):
    return assess(small.network, compiled.reset(small, jax.random.key(0))[1].observation)


@pytest.mark.parametrize(
    ("each", "wait"),
    [
        # Six nodes need 6 t of 24 windows of a channel a round, of which 98 % can be used.
        (0.0, 0),
        (3.9, 0),
        (3.95, 1),
        (7.8, 1),
        (7.9, 2),
        (11.7, 2),
        (11.8, 3),
        # No number of rounds below four is enough, so it is the greatest of them.
        (100.0, 3),
    ],
)
def test_rounds_until_nodes_that_are_alike_have_their_tags(small, found, each, wait):
    assert int(serving.least_votes(small)) == 6
    assert int(wait_for_quorum(small, found, jnp.full(12, each))) == wait


def test_a_quorum_is_that_of_least_need(small, found):
    need = jnp.array([3.9] * 6 + [50.0] * 6)
    assert int(wait_for_quorum(small, found, need)) == 0
    # A node uses one channel at a time, so in a round it gets at most eight windows.
    assert int(wait_for_quorum(small, found, need.at[0].set(8.1))) == 1


def test_key_must_live_until_the_commit(small, found):
    short = config.load("small", {"network.nodes": 12, "consensus.key.lifetime_s": 16.0})
    params = parameters.build(short)
    assert int(wait_for_quorum(params, found, jnp.full(12, 100.0))) == 1


def test_key_that_is_gathered_is_too_little_to_be_spent(small):
    """Where all nodes lack all tags, every one gets four fifths of the time for them."""
    start = compiled.reset(small, jax.random.key(0))[1].observation
    everyone = jnp.ones(12, bool)
    asked = jax.jit(ceas.gather)(small.network, start, everyone)
    given = np.asarray((asked + 1) / 2)
    whole = np.asarray(planning.tag_time(small.network, start))
    assert given.sum(axis=0) == pytest.approx((1 - serving.RESERVE) * whole, rel=1e-4)
    rich = start.nodes.at[:, COLUMN["tags"]].set(1 - serving.RESERVE)
    nothing = jax.jit(ceas.gather)(small.network, type(start)(rich, start.network), everyone)
    assert actions.decode(small.network.switch, nothing).max() < 0.05


@pytest.mark.parametrize(("security_bits", "every"), [(32, 2), (64, 3)])
def test_commits_come_when_all_have_gathered_key(security_bits, every):
    """On `tiny` with a committee, four windows are too few for the tags of a quorum."""
    changes = {"consensus.key.security_bits": security_bits, "episode.rounds": 12}
    scenario = config.load("tiny", COMMITTEE | changes)
    contestant = contestants.get("ceas")
    params = play.prepare(scenario, [contestant])["ceas"]
    expected = [4.0 * (number % every == every - 1) for number in range(12)]
    for _, rounds in play.episodes(contestant, params, 12, range(4)):
        assert rounds["authenticated_nodes"].tolist() == expected
        assert (rounds["committed"] > 0).tolist() == [count > 0 for count in expected]
