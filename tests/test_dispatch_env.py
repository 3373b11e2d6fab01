"""Environments whose actions are choices: what they play, what they show, and what they mask."""

from typing import Any

import gymnasium as gym
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from helpers.compiled import compiled
from hypothesis import given, settings
from hypothesis import strategies as st

from ceas_agents.training.adapter import GymnasiumVecEnv
from ceas_gym.envs.dispatch import CEASDispatchEnv, CEASDispatchVectorEnv
from ceas_gym.envs.env import CEASEnv
from ceas_gym.task import dispatch
from ceas_gym.task.observations import NETWORK_FEATURES, NODE_FEATURES
from ceas_gym.types import Observation

WINDOWS = {
    "episode.decision": "window",
    "episode.budget_s": 6.0,
    "network.window_s": 0.1,  # too short to make key for a quorum
    "network.barrier_windows": 2,
    "network.most_windows": 8,
    "network.oldest_windows": 3,  # pairs may expire while the others are made
}
DECISIONS: dict[str, dict[str, object]] = {"round": {}, "window": WINDOWS}
QUORUM = 3


@pytest.fixture(scope="module", params=DECISIONS)
def env(request: pytest.FixtureRequest) -> CEASDispatchEnv:
    return CEASDispatchEnv("tiny", overrides=DECISIONS[request.param])


@pytest.fixture(scope="module")
def by_window() -> CEASDispatchEnv:
    return CEASDispatchEnv("tiny", overrides=WINDOWS)


def test_a_choice_plays_the_action_of_its_rule(env: CEASDispatchEnv) -> None:
    plain = CEASEnv("tiny", overrides=DECISIONS["window" if env.params.by_window else "round"])
    shown, _ = env.reset(seed=4)
    seen, _ = plain.reset(seed=4)
    for choice in (0, dispatch.size(env.params) - 1, 7):
        means = np.append(seen["network"], seen["nodes"].mean(axis=0))
        np.testing.assert_allclose(shown, means, rtol=1e-6)
        hub = Observation(jnp.asarray(seen["nodes"]), jnp.asarray(seen["network"]))
        action = compiled(dispatch.action)(env.params, hub, jnp.int32(choice))
        shown, *told = env.step(choice)
        seen, *others = plain.step(np.asarray(action))
        assert told == others


def test_the_observation_does_not_depend_on_the_number_of_nodes(env: CEASDispatchEnv) -> None:
    assert env.observation_space.shape == (len(NETWORK_FEATURES) + len(NODE_FEATURES),)
    many = CEASDispatchEnv("tiny", overrides={"network.nodes": 7})
    assert many.observation_space == env.observation_space


def test_masks_are_those_of_the_observation(env: CEASDispatchEnv) -> None:
    env.reset(seed=2)
    mask = env.action_masks()
    assert mask.dtype == bool
    assert mask.flags.writeable
    assert mask.shape == (env.action_space.n,)  # pyright: ignore[reportAttributeAccessIssue]
    hub = Observation(jnp.asarray(env._seen.nodes), jnp.asarray(env._seen.network))
    assert mask.tolist() == compiled(dispatch.mask)(env.params, hub).tolist()


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 1))
def test_an_allowed_choice_never_fires_below_the_quorum(seed: int, patience: float) -> None:
    """Choices are drawn from those that are allowed; a patient agent seldom fires."""
    env, random = CEASDispatchEnv("tiny", overrides=WINDOWS), np.random.default_rng(seed)
    _, info = env.reset(seed=seed)
    ended, waited = False, 0
    while not ended:
        allowed = np.flatnonzero(env.action_masks())
        wanted = random.random() > patience
        choice = random.choice(list(filter(lambda each: each % 2 == wanted, allowed)) or allowed)
        _, _, ended, _, info = env.step(choice)
        waited += 1
        assert info["fired"] == (choice % 2 == 1 or waited == 8)
        if choice % 2:
            assert info["authenticated_nodes"] >= QUORUM
            assert info["committed"]
        waited *= not info["fired"]


def test_firing_is_masked_until_a_quorum_is_ready(by_window: CEASDispatchEnv) -> None:
    by_window.reset(seed=0)
    may = []
    for _ in range(8):
        may.append(by_window.action_masks()[1::2].any())
        by_window.step(0)
    assert not may[0]
    assert any(may)
    # A masked choice can be played; it commits nothing.
    by_window.reset(seed=0)
    info = by_window.step(1)[-1]
    assert (info["fired"], info["committed"]) == (1, 0)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (30, r"must be in \[0, 29\], but holds 30"),
        (-1, r"must be in \[0, 29\], but holds -1"),
        (0.5, "must be made of whole numbers, but is made of float64"),
        (True, "must be made of whole numbers, but is made of booleans"),
        ([1, 2], r"must have shape \(\), but has \(2,\)"),
        (None, "must be made of whole numbers, but is made of objects such as a NoneType"),
    ],
)
def test_wrong_choices_are_named(by_window: CEASDispatchEnv, action: Any, said: str) -> None:
    by_window.reset(seed=0)
    with pytest.raises(ValueError, match=f"Argument `action` {said}"):
        by_window.step(action)


def test_masks_before_the_first_reset_are_an_error() -> None:
    for made in (CEASDispatchEnv("tiny"), CEASDispatchVectorEnv(2, "tiny")):
        with pytest.raises(RuntimeError, match="Call `reset` before `action_masks`"):
            made.action_masks()


# --- For learners ---


def test_learners_find_the_masks_through_wrappers() -> None:
    """As MaskablePPO of sb3-contrib does: by the method's name, for one environment or for many."""
    made = gym.make("ceas_gym/CEASDispatch-v1", scenario="tiny", overrides=WINDOWS)
    made.reset(seed=0)
    assert made.get_wrapper_attr("action_masks")().shape == (30,)
    envs = CEASDispatchVectorEnv(2, "tiny", overrides=WINDOWS, autoreset_mode="SAME_STEP")
    batch = GymnasiumVecEnv(envs)
    batch.reset()
    assert np.stack(batch.env_method("action_masks")).shape == (2, 30)


def test_rows_have_choices_and_masks_of_their_own_layout() -> None:
    """Row i plays layout i, which is the scenario with its seeds raised by i."""
    drifted = WINDOWS | {"network.longest_km": 80.0}
    envs = CEASDispatchVectorEnv(2, "tiny", overrides=drifted | {"episode.layouts": 2})
    envs.reset(seed=6)
    singles = []
    for row in range(2):
        own = {"network.layout_seed": row, "learning.data_seed": row}
        singles.append(CEASDispatchEnv("tiny", overrides=drifted | own))
        singles[-1].reset(seed=6 + row)
    served = set()
    for choice in (2, 12, 20):
        masks = envs.action_masks()
        served.add(masks.tobytes())
        _, _, _, _, info = envs.step([choice, choice])
        for row, single in enumerate(singles):
            assert single.action_masks().tolist() == masks[row].tolist()
            alone = single.step(choice)[-1]
            for name in ("pairs_generated", "pairs_keyed", "pairs_stored"):
                assert alone[name] == info[name][row]
    assert info["layout"].tolist() == [0, 1]


@pytest.mark.parametrize("mode", AutoresetMode)
def test_a_batch_takes_as_many_choices_as_rows(mode: AutoresetMode) -> None:
    envs = CEASDispatchVectorEnv(2, "tiny", overrides=WINDOWS, autoreset_mode=mode)
    assert envs.action_space.shape == (2,)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match=r"must have shape \(2,\), but has \(\)"):
        envs.step(1)
