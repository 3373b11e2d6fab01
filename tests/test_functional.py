"""The pure functions: in loops that a stranger writes, one by one, in batches, beside `CEASEnv`."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ceas_gym
from ceas_gym import config
from ceas_gym.envs import functional
from ceas_gym.envs.env import CEASEnv
from ceas_gym.task import metrics

ROUNDS = 3
FEW = {"episode.rounds": ROUNDS}
# XLA may sum in another order in another program.
LAST_BITS = 1e-5


@pytest.fixture(scope="module")
def params():
    return ceas_gym.make_params("tiny", FEW)


def play(key, params):
    """What a stranger would write: an episode of a random policy, with a key for every round."""
    windows, nodes = params.network.windows, params.network.nodes

    def one(carry, key):
        observation, state = carry
        action_key, step_key = jax.random.split(key)
        action = jax.random.uniform(action_key, (windows, nodes), minval=-1, maxval=1)
        observation, state, *told = ceas_gym.step(step_key, state, action, params)
        return (observation, state), (observation, *told)

    reset_key, rounds_key = jax.random.split(key)
    start = ceas_gym.reset(reset_key, params)
    return jax.lax.scan(one, start, jax.random.split(rounds_key, ROUNDS))


@pytest.fixture(scope="module")
def batch(params):
    keys = jax.random.split(jax.random.key(5), 4)
    return keys, jax.jit(jax.vmap(play, (0, None)))(keys, params)


def assert_equal(one, other):
    for (path, leaf), expected in zip(
        jax.tree_util.tree_leaves_with_path(one), jax.tree.leaves(other), strict=True
    ):
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf, expected = jax.random.key_data(leaf), jax.random.key_data(expected)
        np.testing.assert_allclose(
            leaf, expected, rtol=1e-4, atol=LAST_BITS, err_msg=jax.tree_util.keystr(path)
        )


def test_a_scanned_loop_plays_an_episode(batch):
    _, ((_, state), (observation, reward, terminated, truncated, info)) = batch
    assert state.round.tolist() == [ROUNDS] * 4
    assert terminated.tolist() == [[False, False, True]] * 4
    assert not truncated.any()
    assert truncated.shape == reward.shape == (4, ROUNDS)
    assert np.isfinite(reward).all()
    assert set(info) == set(metrics.NAMES)
    for part in (observation.nodes, observation.network):
        assert ((part >= 0) & (part <= 1)).all()
    # The reward is the decrease of the loss.
    loss = np.asarray(info["validation_loss"])
    np.testing.assert_allclose(reward[:, 1:], loss[:, :-1] - loss[:, 1:], atol=LAST_BITS)


def test_a_batch_over_keys_is_the_single_episodes(params, batch):
    keys, played = batch
    single = jax.jit(play)
    for row in (0, 3):
        assert_equal(
            jax.tree.map(lambda leaf, row=row: leaf[row], played), single(keys[row], params)
        )


@pytest.mark.parametrize("decision", [pytest.param("round", marks=pytest.mark.slow), "window"])
def test_the_key_of_the_state_replays_the_environment(decision):
    overrides = FEW | {"episode.decision": decision, "network.barrier_windows": 1}
    params, env = ceas_gym.make_params("tiny", overrides), CEASEnv("tiny", overrides=overrides)
    actions = np.random.default_rng(0).uniform(-1, 1, (4, *(env.action_space.shape or ())))
    actions = actions[: ROUNDS if decision == "round" else 4].astype(np.float32)
    fired = []
    seen, _ = env.reset(seed=7)
    observation, state = ceas_gym.reset(jax.random.key(7), params)
    assert_equal({"nodes": observation.nodes, "network": observation.network}, seen)
    for action in actions:
        seen, *told, info = env.step(action)
        observation, state, *found, figures = ceas_gym.step(state.key, state, action, params)
        assert_equal({"nodes": observation.nodes, "network": observation.network}, seen)
        np.testing.assert_allclose([*map(float, found)], [*map(float, told)], atol=LAST_BITS)
        # Counts are equal, whatever the order of sums.
        pairs = [name for name in info if name.startswith("pairs_")]
        assert [info[name] for name in pairs] == [float(figures[name]) for name in pairs]
        fired.append(info["fired"])
    # Some windows wait, and some do not.
    assert set(fired) == ({1.0} if decision == "round" else {0.0, 1.0})


def test_the_key_of_a_step_alone_decides_its_round(params):
    key, action = jax.random.key(3), np.ones((4, 4), np.float32)
    _, state = ceas_gym.reset(jax.random.key(0), params)
    first, *_ = ceas_gym.step(key, state, action, params)
    other_own_key = replace(state, key=jax.random.split(state.key)[1])
    again, after, *_ = ceas_gym.step(key, other_own_key, action, params)
    assert_equal(first, again)
    another, *_ = ceas_gym.step(jax.random.key(4), state, action, params)
    assert not np.array_equal(first.nodes, another.nodes)
    own, following = jax.random.key_data(other_own_key.key), jax.random.key_data(after.key)
    assert own.tolist() != following.tolist()


def test_keys_of_the_old_style_are_the_same(params):
    old, new = jax.random.PRNGKey(11), jax.random.key(11)
    assert_equal(ceas_gym.reset(old, params), ceas_gym.reset(new, params))


def test_episodes_of_several_layouts_share_a_batch():
    several = ceas_gym.make_params("tiny", FEW | {"episode.layouts": 2})
    keys = jnp.stack([jax.random.key(seed) for seed in (4, 5)])
    observation, state = jax.vmap(ceas_gym.reset, (0, None))(keys, several)
    assert state.layout.tolist() == [0, 1]
    for row, seed in enumerate((4, 5)):
        moved = {"network.layout_seed": row, "learning.data_seed": row}
        alone, _ = ceas_gym.reset(jax.random.key(seed), ceas_gym.make_params("tiny", FEW | moved))
        np.testing.assert_allclose(observation.nodes[row], alone.nodes, atol=LAST_BITS)
    action = jnp.zeros((2, 4, 4))
    batched = jax.vmap(ceas_gym.step, (0, 0, 0, None))(state.key, state, action, several)
    assert batched[-1]["layout"].tolist() == [0, 1]
    assert batched[1].round.tolist() == [1, 1]


def test_an_action_of_another_shape_is_refused(params):
    _, state = jax.eval_shape(lambda: ceas_gym.reset(jax.random.key(0), params))
    with pytest.raises(ValueError, match=r"action must have shape \(4, 4\), but has \(3, 4\)"):
        ceas_gym.step(jax.random.key(1), state, jnp.zeros((3, 4)), params)


def test_a_wrong_setting_is_named():
    with pytest.raises(config.ScenarioError, match=r"overrides: .*attack\.nam"):
        ceas_gym.make_params("tiny", {"attack.nam": "none"})


def test_the_package_has_these_names_and_no_other():
    assert {"make_params", "reset", "step"} <= {*dir(ceas_gym)}
    assert ceas_gym.step is functional.step
    misspelt = "stop"
    with pytest.raises(AttributeError, match="no attribute 'stop'"):
        getattr(ceas_gym, misspelt)
