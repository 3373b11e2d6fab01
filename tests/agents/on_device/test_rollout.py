"""What is played on the device are the episodes of their seeds, one after the other in each row."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import device_probes, drawn
from helpers.compiled import reset, step

from ceas_agents.policies import node_network
from ceas_agents.training.on_device import rollout, scheduling
from ceas_agents.training.on_device.ppo import learner, network
from ceas_agents.training.on_device.ppo.settings import PPO, Network
from ceas_agents.training.on_device.rollout import Game
from ceas_gym import layouts
from ceas_gym.jax_utils import randomness
from ceas_gym.jax_utils.fast_compile import often

ROWS, STEPS, FIRST = 3, 7, 11
SCALE = 10.0
ROUNDS = {"episode.layouts": 2}
WINDOWS = {
    "episode.layouts": 2,
    "episode.decision": "window",
    "network.barrier_windows": 1,
    "episode.budget_s": 3.0,
}


def is_key(each):
    return jnp.issubdtype(each.dtype, jax.dtypes.prng_key)


def weights_of(params):
    width, windows = 33, 1 if params.by_window else 4
    return network.begin(
        jax.random.key(1), width, windows, Network(hidden=8), fires=params.by_window
    )


KINDS = [
    pytest.param(ROUNDS, id="round", marks=pytest.mark.slow),
    pytest.param(WINDOWS, id="window"),
]


@pytest.fixture(scope="module", params=KINDS)
def params(request):
    return drawn.params(request.param)


@pytest.fixture(scope="module")
def played(params):
    game = Game(scheduling.ENVIRONMENTS["nodes"], SCALE)

    def play(params, weights, seed, key):
        rows, decide = rollout.begin(game, params, ROWS, seed), partial(network.decide, weights)
        return rollout.play(game, params, rows, decide, jax.random.split(key, STEPS))

    return often(play)(params, weights_of(params), np.uint32(FIRST), jax.random.key(0))


def test_episodes_are_those_of_their_seeds(params, played):
    played = jax.tree.map(lambda each: each if is_key(each) else np.asarray(each), played)
    rows, steps, episodes = played
    for row in range(ROWS):
        seed, earned = FIRST + row, 0.0
        state, timestep = reset(params, randomness.key(seed))
        for number in range(STEPS):
            seen = timestep.observation
            np.testing.assert_allclose(steps.seen.nodes[number, row], seen.nodes, atol=1e-6)
            np.testing.assert_allclose(steps.seen.network[number, row], seen.network, atol=1e-6)
            requests, fires = steps.decision.choice
            fires = None if fires is None else fires[number, row]
            action = node_network.action(requests[number, row], fires)
            state, timestep = step(params, state, action)
            earned += float(timestep.reward)
            reward = SCALE * float(timestep.reward)
            assert steps.result.reward[number, row] == pytest.approx(reward, abs=1e-4)
            assert steps.result.ended[number, row] == timestep.terminated
            assert steps.result.terminated[number, row] == timestep.terminated
            if timestep.terminated:
                assert episodes.earned[number, row] == pytest.approx(earned, abs=1e-4)
                accuracy = episodes.metrics["accuracy"][number, row]
                assert accuracy == pytest.approx(float(timestep.metrics["accuracy"]), abs=1e-6)
                seed, earned = seed + ROWS, 0.0
                state, timestep = reset(params, randomness.key(seed))
            else:
                assert np.isnan(episodes.earned[number, row])
        assert rows.seed[row] == seed > FIRST + row
        assert rows.earned[row] == pytest.approx(earned, abs=1e-5)
    drawn_layouts = {int(layouts.number(params, randomness.key(seed))) for seed in rows.seed}
    assert drawn_layouts == {0, 1}


@pytest.mark.parametrize(("rung", "lost"), [("cut", 0.25), ("delay", 0.0)])
def test_only_a_time_limit_leaves_the_value_of_what_would_come(rung, lost):
    environment = device_probes.environment(rung, of_two=True)
    game, settings = Game(environment), PPO(gamma=0.5)
    weights = network.begin(jax.random.key(1), 2, 1, Network(hidden=4), fires=True)
    # A critic that always expects one half.
    zero = jax.tree.map(np.zeros_like, weights.critic)
    last = zero[-1]._replace(bias=np.full(1, 0.5, np.float32))
    weights = weights._replace(critic=(*zero[:-1], last))

    def play(weights, seed, key):
        rows, decide = rollout.begin(game, None, 2, seed), partial(network.decide, weights)
        after, played, _ = rollout.play(game, None, rows, decide, jax.random.split(key, 4))
        following = rollout.following(played, after)
        return played.result.ended, learner.rewarded(settings, weights, played), following

    ended, rewards, following = jax.jit(play)(weights, np.uint32(0), jax.random.key(0))
    np.testing.assert_array_equal(ended[:, 0], [False, True, False, True])
    np.testing.assert_allclose(rewards[:, 0], [0, 1 + lost, 0, 1 + lost])
    # Where the episode goes on in the learner's eyes, not what the next episode shows.
    last = 1 if environment.can_truncate else -1
    np.testing.assert_array_equal(following.nodes[:, 0, 0, 0], [1, last, 1, last])
