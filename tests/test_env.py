"""The Gymnasium contract of one environment."""

import subprocess
import sys
import warnings
from typing import Any

import gymnasium as gym
import matplotlib
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import DeprecatedEnv
from gymnasium.utils.env_checker import check_env
from helpers import toy_window
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import ceas_gym
from ceas_gym.config import load
from ceas_gym.envs.env import CEASEnv
from ceas_gym.envs.flat import CEASFlatEnv
from ceas_gym.task import metrics
from ceas_gym.task.observations import COLUMN, NETWORK_FEATURES, NODE_FEATURES, TEAM_FEATURES

IDS = [f"ceas_gym/{name}-v1" for name in ("CEAS", "CEASFlat", "CEASDispatch")]
OLD = {"CEASTiny": "tiny", "CEASPaper": "paper"}
EXPECTED_REMARK = "unconventional shape"
WINDOWS = {
    "episode.decision": "window",
    "network.barrier_windows": 2,
    "episode.budget_s": 20.0,
    "network.most_windows": 6,
}
"""Windows of 1 s."""
DECISIONS = {"round": {}, "window": WINDOWS}


@pytest.fixture(scope="module")
def env():
    return CEASEnv("tiny", render_mode="ansi")


@pytest.fixture(scope="module")
def by_window():
    return CEASEnv("tiny", overrides=WINDOWS, render_mode="rgb_array")


def fires(env, wanted):
    """Returns the action that asks for equal shares, and fires or waits."""
    return np.append(np.zeros(env.params.network.nodes), 1 if wanted else -1).astype(np.float32)


def play(env, seed, rounds, action_seed=0):
    """Returns all that an episode of random actions shows."""
    random = np.random.default_rng(action_seed)
    observation, info = env.reset(seed=seed)
    seen = [observation["nodes"], observation["network"], list(info.values())]
    for _ in range(rounds):
        action = random.uniform(-1, 1, env.action_space.shape).astype(np.float32)
        observation, reward, terminated, truncated, info = env.step(action)
        assert not truncated
        seen += [observation["nodes"], observation["network"], reward, terminated]
        seen.append(list(info.values()))
    return seen


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("name", IDS)
def test_gymnasium_check_has_no_remark(name, decision):
    made = gym.make(name, scenario="tiny", overrides=DECISIONS[decision], render_mode="rgb_array")
    # It opens a window, too.
    with warnings.catch_warnings(), matplotlib.rc_context({"backend": toy_window.NAME}):
        warnings.simplefilter("error")
        check_env(made.unwrapped)


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("name", IDS)
def test_stable_baselines3_remarks_on_the_node_table_only(name, decision):
    made = gym.make(name, scenario="tiny", overrides=DECISIONS[decision]).unwrapped
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env_for_sb3(made)
    remarks = {str(warning.message) for warning in caught}
    assert len(remarks) == (name == IDS[0])
    assert all(EXPECTED_REMARK in remark for remark in remarks)


def test_ppo_trains_unchanged():
    env = gym.make(IDS[0], scenario="tiny")
    model = PPO("MultiInputPolicy", env, n_steps=128, batch_size=64, seed=0, device="cpu")
    before = {name: value.clone() for name, value in model.policy.state_dict().items()}
    model.learn(512)
    after = model.policy.state_dict()
    assert any(not before[name].equal(after[name]) for name in before)
    assert all(bool(value.isfinite().all()) for value in after.values())
    action, _ = model.predict(env.reset(seed=0)[0], deterministic=True)
    assert env.action_space.contains(action)


@pytest.mark.parametrize("name", IDS)
def test_ids_carry_plain_data_only(name):
    spec = gym.spec(name)
    assert EnvSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("name", IDS)
def test_ids_make_the_scenario_that_is_named(name):
    for made, scenario in (gym.make(name), "small"), (gym.make(name, scenario="tiny"), "tiny"):
        env = made.unwrapped
        assert isinstance(env, CEASEnv)
        assert env.scenario == load(scenario)


@pytest.mark.parametrize("name", OLD)
def test_old_ids_say_what_to_write_instead(name):
    written = f'scenario="{OLD[name]}"'
    with pytest.raises(DeprecatedEnv) as error:
        gym.make(f"ceas_gym/{name}-v0", scenario="scarce", render_mode="rgb_array")
    told = str(error.value)
    assert told == f'The id ceas_gym/{name}-v0 is gone; write gym.make("{IDS[0]}", {written}).'
    with pytest.raises(DeprecatedEnv) as error:
        gym.make_vec(f"ceas_gym/{name}-v0", num_envs=3)
    assert f'gym.make_vec("{IDS[0]}", num_envs=3, {written})' in str(error.value)


@pytest.mark.filterwarnings("ignore:.*out of date:DeprecationWarning")
@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_gymnasium_itself_refuses_the_old_version(make):
    with pytest.raises(DeprecatedEnv, match="Please use `ceas_gym/CEAS-v1` instead"):
        make("ceas_gym/CEAS-v0")


def test_spaces_follow_the_scenario():
    env = CEASEnv("tiny", overrides={"network.nodes": 5, "network.windows": 3})
    assert env.action_space.shape == (3, 5)
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert observation["nodes"].shape == (5, len(NODE_FEATURES))
    assert observation["network"].shape == (len(NETWORK_FEATURES),)
    assert CEASEnv("tiny", overrides={"episode.decision": "window"}).action_space.shape == (5,)


def test_docstring_names_every_feature():
    for table in ((*NODE_FEATURES, *TEAM_FEATURES), NETWORK_FEATURES):
        for column, feature in enumerate(table):
            row = f"| {column} {feature.name} | {feature.meaning} | {feature.unit} |"
            assert row in (CEASEnv.__doc__ or "")
    assert (CEASEnv.__doc__ or "").count("\n    | ") == len(
        (*NODE_FEATURES, *TEAM_FEATURES, *NETWORK_FEATURES, 1, 2, 3)
    )


def test_seed_decides_the_episode(env):
    assert equal(play(env, 7, 5), play(env, 7, 5))
    assert not equal(play(env, 7, 5), play(env, 8, 5))


def test_seed_decides_the_episode_in_a_fresh_process(env):
    code = (
        "import gymnasium as gym, numpy as np, ceas_gym\n"
        "env = gym.make('ceas_gym/CEAS-v1', scenario='tiny').unwrapped\n"
        "env.reset(seed=3)\n"
        "action = np.zeros(env.action_space.shape, np.float32)\n"
        "for _ in range(3): observation, reward, *_ = env.step(action)\n"
        "print(observation['nodes'].tobytes().hex(), np.float64(reward).tobytes().hex())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    observation, reward = env.reset(seed=3)[0], 0.0
    for _ in range(3):
        observation, reward, *_ = env.step(np.zeros(env.action_space.shape, np.float32))
    here = f"{observation['nodes'].tobytes().hex()} {np.float64(reward).tobytes().hex()}"
    assert run.stdout.strip() == here


def test_reset_without_seed_goes_on_with_the_stream(env):
    env.reset(seed=5)
    second = env.reset()[1]
    third = env.reset()[1]
    env.reset(seed=5)
    assert env.reset()[1] == second
    assert second != third


def test_the_first_episode_without_a_seed_is_the_systems_luck():
    found = [CEASEnv("tiny").reset()[0]["network"] for _ in range(2)]
    assert not np.array_equal(*found)


def test_options_of_a_reset_change_nothing(env):
    plain, info = env.reset(seed=5)
    other, other_info = env.reset(seed=5, options={"seed": 6, "anything": None})
    assert equal(plain.values(), other.values())
    assert info == other_info


def test_episode_ends_with_the_budget(env):
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[2] for _ in range(20)]
    assert ends == [False] * 19 + [True]


def test_step_after_the_end_is_an_error_until_the_next_reset():
    env = CEASEnv("tiny", overrides={"episode.rounds": 2})
    action = np.zeros(env.action_space.shape or (), np.float32)
    env.reset(seed=0)
    assert [env.step(action)[2] for _ in range(2)] == [False, True]
    for _ in range(2):
        with pytest.raises(RuntimeError, match="The episode has ended; call `reset` before"):
            env.step(action)
    # What was refused has changed nothing: the next episode is the one that follows.
    following = env.reset()[1]
    assert not env.step(action)[2]
    env.reset(seed=0)
    env.step(action)
    env.step(action)
    assert env.reset()[1] == following


def test_step_after_a_time_limit_is_allowed():
    env = gym.make(IDS[0], scenario="tiny", max_episode_steps=1)
    env.reset(seed=0)
    action = np.zeros(env.action_space.shape or (), np.float32)
    assert env.step(action)[2:4] == (False, True)
    assert env.unwrapped.step(action)[2:4] == (False, False)


def test_gymnasium_s_batch_of_single_environments_resets_them():
    made = gym.make_vec(
        IDS[0], 2, vectorization_mode="sync", scenario="tiny", overrides={"episode.rounds": 2}
    )
    made.reset(seed=0)
    action = np.zeros(made.action_space.shape or (), np.float32)
    ends = [made.step(action)[2].tolist() for _ in range(6)]
    assert ends == [[False] * 2, [True] * 2, [False] * 2] * 2


def test_info_has_the_same_names_always(env):
    _, info = env.reset(seed=0)
    assert tuple(info) == metrics.NAMES
    *_, info = env.step(env.action_space.sample())
    assert tuple(info) == metrics.NAMES
    assert all(isinstance(value, float) for value in info.values())


def test_observations_are_not_reused(env):
    first, _ = env.reset(seed=0)
    kept = first["nodes"].copy()
    second, *_ = env.step(env.action_space.sample())
    assert np.array_equal(first["nodes"], kept)
    second["nodes"][:] = 0.5
    third, *_ = env.step(env.action_space.sample())
    assert not np.array_equal(third["nodes"], second["nodes"])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_action_that_is_not_finite_is_an_error(env, bad):
    env.reset(seed=0)
    action = np.zeros(env.action_space.shape, np.float32)
    action[1, 2] = bad
    with pytest.raises(ValueError, match=r"must be finite, but is .* at \(1, 2\)"):
        env.step(action)


def test_action_of_another_shape_is_an_error(env):
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"must have shape \(4, 4\), but has \(4, 3\)"):
        env.step(np.zeros((4, 3), np.float32))


def test_step_before_reset_is_an_error():
    with pytest.raises(RuntimeError, match="reset"):
        CEASEnv("tiny").step(np.zeros((4, 4), np.float32))


def test_requests_beyond_the_channels_are_scaled_down(env):
    env.reset(seed=1)
    env.step(np.ones(env.action_space.shape, np.float32))
    assert np.sum(env._renderer.told().schedule, axis=1) == pytest.approx(1.0)


def test_the_first_picture_follows_the_first_reset():
    with pytest.raises(RuntimeError, match="Call `reset` before the first `render`"):
        CEASEnv("tiny", render_mode="rgb_array").render()


def test_drawing_without_a_mode_is_warned_of():
    unseen = CEASEnv("tiny")
    unseen.reset(seed=0)
    with pytest.warns(UserWarning, match='pass render_mode="rgb_array"'):
        assert unseen.render() is None


def test_drawing_changes_nothing_that_an_agent_sees(env):
    """What a picture shows is computed only with a mode, and apart from the step."""
    unseen: Any = CEASEnv("tiny")
    action = np.zeros(env.action_space.shape, np.float32)
    for each in zip(unseen.reset(seed=5)[0].values(), env.reset(seed=5)[0].values(), strict=True):
        np.testing.assert_array_equal(*each)
    for _ in range(3):
        observation, reward, *_, info = unseen.step(action)
        shown, earned, *_, told = env.step(action)
        np.testing.assert_array_equal(observation["nodes"], shown["nodes"])
        np.testing.assert_array_equal(observation["network"], shown["network"])
        assert (reward, info) == (earned, told)
    assert unseen._packed.output.size < env._packed.output.size


def test_what_is_drawn_is_what_happened(by_window):
    observation, _ = by_window.reset(seed=2)
    byzantine = np.asarray(by_window._renderer.told().scene.byzantine)
    assert byzantine.sum() == by_window.scenario.attack.byzantine_nodes
    for wanted in (False, False, False, True):
        observation, _, _, _, info = by_window.step(fires(by_window, wanted))
        scene, nodes = by_window._renderer.told().scene, observation["nodes"]
        if not wanted:
            ready = nodes[:, COLUMN["ready"]]
            np.testing.assert_array_equal(scene.ready, ready)
            tags = nodes[:, COLUMN["tags"]]
            np.testing.assert_allclose(scene.key, tags, atol=1e-6)
            assert scene.pairs.sum() == info["pairs_stored"]
            assert not scene.counted.any()
    assert scene.counted.sum() == info["accepted_nodes"] > 0
    # Whoever was counted had been ready.
    assert (scene.ready >= scene.counted).all()
    assert scene.weights.sum() == pytest.approx(1)
    assert not scene.weights[scene.counted == 0].any()
    seen = nodes[:, COLUMN["weight"]] * 4 / scene.counted.sum()
    np.testing.assert_allclose(scene.weights, seen, atol=1e-6)
    lying = scene.weights[byzantine > 0].sum()
    assert lying == pytest.approx(info["byzantine_weight"], abs=1e-6)


# --- Where a step is a window ---


def test_the_scheduler_decides_when_the_barrier_fires(by_window):
    by_window.reset(seed=1)
    for wanted in (False, False, True, False, True):
        _, reward, _, _, info = by_window.step(fires(by_window, wanted))
        assert info["fired"] == wanted
        assert (info["shots"] > 0) == wanted
        assert (reward != 0) == wanted
    # Five windows, and two barriers of two windows each.
    assert info["time_s"] == 9.0


def test_the_barrier_fires_by_itself(by_window):
    by_window.reset(seed=1)
    fired = [by_window.step(fires(by_window, False))[-1]["fired"] for _ in range(8)]
    assert fired == [0, 0, 0, 0, 0, 1, 0, 0]


def test_an_episode_of_windows_ends_when_no_barrier_fits_into_the_budget(by_window):
    # A window and a barrier take 3 s of 20; the sixth window fires by itself.
    for wanted, expected in ((True, 6), (False, 14)):
        by_window.reset(seed=1)
        ends = [by_window.step(fires(by_window, wanted))[2] for _ in range(expected)]
        assert ends == [False] * (expected - 1) + [True]


def test_a_time_limit_counts_steps():
    limited = gym.make(IDS[0], scenario="tiny", overrides=WINDOWS, max_episode_steps=3)
    limited.reset(seed=0)
    action = fires(limited.unwrapped, False)
    assert [limited.step(action)[3] for _ in range(3)] == [False, False, True]


def test_actions_of_a_round_are_refused_for_a_window(by_window):
    by_window.reset(seed=0)
    with pytest.raises(ValueError, match=r"must have shape \(5,\), but has \(4, 4\)"):
        by_window.step(np.zeros((4, 4), np.float32))


def test_the_picture_shows_the_windows_since_the_barrier_before(by_window):
    by_window.reset(seed=0)
    shown = []
    for wanted in (False, True, False, False):
        by_window.step(fires(by_window, wanted))
        story = by_window._renderer.told()
        shown.append((len(story.schedule), len(story.fired_s), story.fired, story.time_s[-1]))
        assert by_window.render().shape == (800, 1280, 3)
    assert shown == [(1, 0, False, 1), (2, 1, True, 4), (1, 1, False, 5), (2, 1, False, 6)]


# --- In vectors ---


@pytest.mark.parametrize("decision", DECISIONS)
def test_flat_is_gymnasium_s_flattening_of_the_same_episode(decision):
    plain = CEASEnv("tiny", overrides=DECISIONS[decision])
    flat = CEASFlatEnv("tiny", overrides=DECISIONS[decision])
    expected = gym.wrappers.FlattenObservation(plain)
    assert flat.observation_space == expected.observation_space
    np.testing.assert_array_equal(flat.reset(seed=3)[0], expected.reset(seed=3)[0])
    action = flat.action_space.sample()
    shown, *told = flat.step(action)
    seen, *others = expected.step(action.reshape(plain.action_space.shape))
    np.testing.assert_array_equal(shown, seen)
    assert told == others


def test_flat_refuses_actions_of_another_shape():
    flat = CEASFlatEnv("tiny")
    flat.reset(seed=0)
    with pytest.raises(ValueError, match=r"must have shape \(16,\), but has \(4, 4\)"):
        flat.step(np.zeros((4, 4), np.float32))


def test_version_is_the_packages():
    assert ceas_gym.__version__.count(".") == 2
