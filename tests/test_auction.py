"""The environment of several agents: PettingZoo's own checks, and the same episodes as CEAS-v1."""

import copy
import pickle
import sys
from typing import Any

import numpy as np
import pytest

import ceas_gym
from ceas_gym.consensus import protocol
from ceas_gym.envs.env import CEASEnv
from ceas_gym.task.observations import COLUMN

DECISIONS = {"round": "micro", "window": "micro-loop"}


@pytest.fixture(params=DECISIONS.values(), ids=list(DECISIONS))
def env(request: pytest.FixtureRequest) -> Any:
    return made(request.param)


def made(scenario: str) -> Any:
    pytest.importorskip("pettingzoo", reason="the extra `pettingzoo` is not installed")
    return ceas_gym.parallel_env(scenario)


def drawn(random: np.random.Generator, env: Any) -> dict[str, np.ndarray]:
    shape = env.action_space("node_0").shape
    return {agent: random.uniform(-1, 1, shape).astype(np.float32) for agent in env.agents}


def quorum_lasts(env: CEASEnv, nodes: np.ndarray) -> bool:
    """Whether a quorum is ready whose pairs outlive the window, counted node by node."""
    lasting = (nodes[:, COLUMN["ready"]] > 0) & (nodes[:, COLUMN["information_later"]] > 0)
    return bool(lasting.sum() >= protocol.quorum(env.params.consensus))


@pytest.mark.parametrize("scenario", DECISIONS.values(), ids=list(DECISIONS))
def test_it_passes_the_checks_of_pettingzoo(scenario: str) -> None:
    checks = pytest.importorskip("pettingzoo.test", reason="the extra `pettingzoo` is missing")
    checks.parallel_api_test(made(scenario), num_cycles=100)
    checks.parallel_seed_test(lambda: made(scenario))


def test_an_episode_is_that_of_the_single_scheduler(env: Any) -> None:
    """The bids of all nodes are its action; in windows, the rule of the hub is its last entry."""
    plain, random = CEASEnv(env._hub.scenario), np.random.default_rng(3)
    shown, told = env.reset(seed=4)
    seen, info = plain.reset(seed=4)
    ended, fired = False, []
    while not ended:
        assert told == dict.fromkeys(env.possible_agents, info)
        for node, agent in enumerate(env.possible_agents):
            own = np.concatenate([seen["network"], seen["nodes"][node]])
            np.testing.assert_array_equal(shown[agent], own)
            assert shown[agent] in env.observation_space(agent)
        np.testing.assert_array_equal(env.state(), np.append(seen["network"], seen["nodes"]))
        bids = drawn(random, env)
        action = np.stack([bids["node_0"], bids["node_1"]], axis=-1)
        if plain.params.by_window:
            fires = 1.0 if quorum_lasts(plain, seen["nodes"]) else -1.0
            fired.append(fires)
            action = np.append(action, fires)
        shown, rewards, terminations, truncations, told = env.step(bids)
        seen, reward, ended, _, info = plain.step(action)
        assert rewards == dict.fromkeys(env.possible_agents, reward)
        assert terminations == dict.fromkeys(env.possible_agents, ended)
        assert truncations == dict.fromkeys(env.possible_agents, False)
    assert env.agents == []
    assert not plain.params.by_window or set(fired) == {-1.0, 1.0}


def test_no_bid_gives_no_pairs(env: Any) -> None:
    env.reset(seed=0)
    silent = {agent: np.full(env.action_space(agent).shape, -1.0) for agent in env.agents}
    assert env.step(silent)[-1]["node_0"]["pairs_generated"] == 0
    one = silent | {"node_1": -silent["node_1"]}
    assert env.step(one)[-1]["node_0"]["pairs_generated"] > 0


def test_copies_go_on_as_the_original(env: Any) -> None:
    env.reset(seed=7)
    env.step(drawn(np.random.default_rng(0), env))
    bids = drawn(np.random.default_rng(1), env)
    copies = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    expected = env.step(bids)
    for each in copies:
        np.testing.assert_equal(each.step(bids), expected)


def test_random_numbers_of_others_are_left_alone(env: Any) -> None:
    before = np.random.get_state()  # noqa: NPY002 - the global generator is the point
    env.reset()
    env.step(drawn(np.random.default_rng(0), env))
    np.testing.assert_equal(np.random.get_state(), before)  # noqa: NPY002


@pytest.mark.parametrize(
    ("bids", "said"),
    [
        ({"node_0": [0, 0]}, "Argument `actions` has no action for 'node_1'"),
        ({"node_0": [0, 0], "nod_1": [0, 0]}, "holds 'nod_1', unknown; did you mean node_1?"),
        ({"node_0": [0, 0], "node_1": [0]}, r"`actions\['node_1'\]` must have shape \(2,\), but"),
        ({"node_0": [0, np.nan], "node_1": [0, 0]}, r"`actions\['node_0'\]` must be finite, but"),
        ([[0, 0], [0, 0]], "Argument `actions` must be a mapping, but is"),
    ],
)
def test_wrong_bids_are_named(bids: Any, said: str) -> None:
    env = made("micro")
    env.reset(seed=0)
    with pytest.raises(ValueError, match=said):
        env.step(bids)
    assert env.agents == env.possible_agents


def test_before_the_first_reset_there_is_nothing_to_do() -> None:
    env = made("micro")
    with pytest.raises(RuntimeError, match="call `reset` before the next `step`"):
        env.step({})
    with pytest.raises(RuntimeError, match="Call `reset` before `state`"):
        env.state()


def test_without_pettingzoo_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    monkeypatch.delitem(sys.modules, "ceas_gym.envs.auction", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'ceas-gym\[pettingzoo\]'"):
        ceas_gym.parallel_env("micro")
