"""Copies of environments, parameters and scenarios, made at any time, go on as the original."""

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import cloudpickle
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pennylane as qml
import pytest

from ceas_gym import config, parameters
from ceas_gym.config import load
from ceas_gym.consensus import attacks, placement, protocol, rules, weights
from ceas_gym.envs.dispatch import CEASDispatchEnv, CEASDispatchVectorEnv
from ceas_gym.envs.env import CEASEnv
from ceas_gym.envs.flat import CEASFlatEnv
from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.learning import circuit, data, model
from ceas_gym.network import key_pool, purification
from ceas_gym.registry import resolve
from ceas_gym.task import rewards

HERE = __name__
ROUNDS = 4
SHORT: dict[str, object] = {"episode.rounds": ROUNDS}
WINDOWS: dict[str, object] = {"episode.decision": "window", "network.barrier_windows": 1}
ACTIONS = np.random.default_rng(0).uniform(-1, 1, (ROUNDS, 4, 4)).astype(np.float32)
WAYS: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "cloudpickle": lambda value: cloudpickle.loads(cloudpickle.dumps(value)),
    "deepcopy": copy.deepcopy,
}


# --- Functions of the user's own, of all sorts ---


@jax.jit
def compiled_rule(updates: Any, weights: Any, byzantine: Any) -> Any:
    return weights @ updates


halved_reward = lambda params, before, after: 0.5 * after.scores.accuracy  # noqa: E731


def backwards(factor: float, view: Any) -> Any:
    return -factor * view.mean


half_back = partial(backwards, 0.5)


class Votes:
    def __call__(self, information: Any, counted: Any, batch_floor: Any) -> Any:
        return counted.astype(jnp.float32)


votes = Votes()


def descent(rate: Any) -> optax.GradientTransformation:
    return optax.sgd(rate, 0.5)


def layered(weights: Any, wires: Any) -> None:
    for layer in weights:
        for angles, wire in zip(layer, wires, strict=True):
            qml.RX(angles[0], wires=wire)
        qml.CNOT(wires=wires[:2])


OWN: dict[str, object] = SHORT | {
    "consensus.rule": f"clip+{HERE}:compiled_rule",
    "consensus.weights": f"{HERE}:votes",
    "attack.name": f"{HERE}:half_back",
    "episode.reward": f"{HERE}:halved_reward",
    "learning.optimizer": f"{HERE}:descent",
    "learning.ansatz": f"{HERE}:layered",
    "learning.angles_per_qubit": 1,
}
SCENARIOS = {"shipped": SHORT, "own": OWN}


@pytest.fixture(params=SCENARIOS)
def overrides(request: pytest.FixtureRequest) -> dict[str, object]:
    return SCENARIOS[request.param]


def shown(env: CEASEnv, first: int) -> list[Any]:
    """Returns all that the rest of an episode shows, and the start of the one that follows."""
    seen = [env.step(action) for action in ACTIONS[first:]]
    return [*seen, env.reset()]


def assert_same(one: Any, other: Any) -> None:
    """Compares nested tuples, lists and dicts of numbers and arrays, bit for bit."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_same(one[name], other[name])
    elif isinstance(one, np.ndarray) and one.dtype == object:
        assert_same(one.tolist(), other.tolist())
    elif isinstance(one, tuple | list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


@pytest.fixture
def traced() -> Any:
    """Counts what JAX traces, which comes before all that it compiles."""
    counted: list[str] = []

    def listen(event: str, duration_secs: float, **_: Any) -> None:
        if event == "/jax/core/compile/jaxpr_trace_duration":
            counted.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield counted
    jax.monitoring.unregister_event_duration_listener(listen)


# --- One environment ---


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("steps", [None, 0, 2, ROUNDS], ids=["fresh", "reset", "middle", "ended"])
def test_a_copy_goes_on_as_the_original_without_compiling(
    overrides: dict[str, object], way: str, steps: int | None, traced: list[str]
) -> None:
    env = CEASEnv("tiny", overrides=overrides, render_mode="rgb_array")
    if steps is not None:
        env.reset(seed=3)
        for action in ACTIONS[:steps]:
            env.step(action)
    twin = WAYS[way](env)
    if steps is None:
        assert_same(twin.reset(seed=3), env.reset(seed=3))
    assert_same(env.render(), twin.render())
    expected = shown(env, steps or 0)
    del traced[:]
    assert_same(shown(twin, steps or 0), expected)
    assert not traced


def test_a_copy_is_independent() -> None:
    env = CEASEnv("tiny", overrides=SHORT)
    env.reset(seed=3)
    twin = pickle.loads(pickle.dumps(env))
    before = twin.step(ACTIONS[0])
    env.reset(seed=4)
    env.step(ACTIONS[1])
    other = CEASEnv("tiny", overrides=SHORT)
    other.reset(seed=3)
    assert_same(before, other.step(ACTIONS[0]))
    assert_same(twin.step(ACTIONS[1]), other.step(ACTIONS[1]))


@pytest.mark.parametrize("kind", [CEASEnv, CEASFlatEnv, CEASDispatchEnv])
def test_a_copy_made_between_two_barriers_goes_on_as_the_original(kind: type[CEASEnv]) -> None:
    env = kind("tiny", overrides=WINDOWS, render_mode="rgb_array")
    given = _choices(kind)
    env.reset(seed=3)
    for action in given[:3]:
        env.step(action)
    twin = pickle.loads(pickle.dumps(env))
    assert_same(twin.render(), env.render())
    for action in given[3:]:
        assert_same(twin.step(action), env.step(action))
    assert_same(twin.render(), env.render())
    assert_same(twin.reset(), env.reset())


def _choices(kind: type[CEASEnv]) -> Any:
    """Returns an action for each window, of which the second and the last fire."""
    fires = np.array([-1.0, 1.0, -1.0, -1.0, 1.0], np.float32)
    if kind is CEASDispatchEnv:
        return [2 * choice + (fire > 0) for choice, fire in enumerate(fires)]
    shares = ACTIONS[[0, 1, 2, 3, 0], 0]
    return list(np.concatenate([shares, fires[:, None]], axis=1))


def test_what_gymnasium_wraps_is_copied_too() -> None:
    env = gym.make("ceas_gym/CEAS-v1", scenario="tiny", overrides=SHORT, max_episode_steps=3)
    env.reset(seed=3)
    twin = pickle.loads(pickle.dumps(env))
    for action in ACTIONS[:3]:
        assert_same(twin.step(action), env.step(action))
    assert twin.spec == env.spec


PROCESS = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    env, actions = pickle.load(file)
with open(sys.argv[2], "wb") as file:
    pickle.dump([*(env.step(action) for action in actions), env.reset()], file)
"""
MODULE = """
import jax

@jax.jit
def rule(updates, weights, byzantine):
    return weights @ updates

reward = lambda params, before, after: 0.5 * after.scores.accuracy
"""


def test_a_copy_goes_on_in_another_process(tmp_path: Any, monkeypatch: Any) -> None:
    (tmp_path / "in_a_file.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    own = {"consensus.rule": "in_a_file:rule", "episode.reward": "in_a_file:reward"}
    single = CEASEnv("tiny", overrides=SHORT | own)
    single.reset(seed=5)
    single.step(ACTIONS[0])
    (tmp_path / "env").write_bytes(pickle.dumps((single, ACTIONS[1:])))
    paths = [tmp_path / "env", tmp_path / "seen"]
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", PROCESS, *map(str, paths)], check=True, env=here)
    assert_same(pickle.loads(paths[1].read_bytes()), shown(single, 1))


SCRIPT = """
import pickle, sys
from pathlib import Path
import cloudpickle, jax, numpy as np
from ceas_gym.envs.env import CEASEnv

@jax.jit
def rule(updates, weights, byzantine):
    return weights @ updates

def attack(view):
    return -view.mean

reward = lambda params, before, after: 0.5 * after.scores.accuracy

own = {"consensus.rule": "clip+__main__:rule", "attack.name": "__main__:attack"}
own |= {"episode.reward": "__main__:reward", "episode.rounds": 3}
env = CEASEnv("tiny", overrides=own)
env.reset(seed=5)
actions = np.zeros((3, 4, 4), np.float32)
env.step(actions[0])
twin = pickle.loads(pickle.dumps(env))
assert jax.tree.structure(twin.params) == jax.tree.structure(env.params)
Path(sys.argv[1]).write_bytes(cloudpickle.dumps((env, actions[1:])))
rest = [*(twin.step(action) for action in actions[1:]), twin.reset()]
Path(sys.argv[2]).write_bytes(pickle.dumps(rest))
"""


@pytest.mark.slow
def test_a_copy_from_a_script_goes_on_where_its_functions_are_not_defined(tmp_path: Any) -> None:
    names = ("env", "expected", "seen")
    paths = [str(tmp_path / name) for name in names]
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    script = [sys.executable, str(tmp_path / "script.py"), *paths[:2]]
    subprocess.run(script, check=True, env=here)
    subprocess.run([sys.executable, "-c", PROCESS, paths[0], paths[2]], check=True, env=here)
    expected, seen = (pickle.loads((tmp_path / name).read_bytes()) for name in names[1:])
    assert_same(seen, expected)


# --- Many environments ---


@pytest.mark.parametrize(
    "mode",
    [
        "NEXT_STEP",
        *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("SAME_STEP", "DISABLED")),
    ],
)
def test_a_batch_goes_on_as_the_original_without_compiling(mode: str, traced: list[str]) -> None:
    envs = CEASVectorEnv(2, "tiny", overrides=OWN, autoreset_mode=mode)
    fresh = pickle.loads(pickle.dumps(envs))
    assert_same(fresh.reset(seed=3), envs.reset(seed=3))
    given = np.stack([ACTIONS, ACTIONS[::-1]], axis=1)
    envs.step(given[0])
    for way in WAYS.values():
        twin = way(envs)
        assert_same(twin.step(given[1]), envs.step(given[1]))
    for _ in range(ROUNDS - 1 - len(WAYS)):
        envs.step(given[0])
    ended = pickle.loads(pickle.dumps(envs))
    assert ended.autoreset_mode is envs.autoreset_mode
    expected = envs.reset(), envs.step(given[2])
    del traced[:]
    assert_same((ended.reset(), ended.step(given[2])), expected)
    assert not traced


def test_a_batch_of_choices_goes_on_as_the_original() -> None:
    envs = CEASDispatchVectorEnv(2, "tiny", overrides=WINDOWS, autoreset_mode="SAME_STEP")
    envs.reset(seed=3)
    envs.step([4, 9])
    twin = pickle.loads(pickle.dumps(envs))
    assert_same(twin.action_masks(), envs.action_masks())
    for choices in ([8, 1], [2, 5], [7, 0]):
        assert_same(twin.step(choices), envs.step(choices))


# --- What they are made of ---


@pytest.mark.parametrize("name", config.shipped())
def test_scenarios_are_copied(name: str) -> None:
    scenario = load(name)
    assert [way(scenario) for way in WAYS.values()] == [scenario] * len(WAYS)


def test_parameters_are_copied_with_equal_statics(overrides: dict[str, object]) -> None:
    params = parameters.build(load("tiny", overrides))
    for way in WAYS.values():
        twin = way(params)
        assert jax.tree.structure(twin) == jax.tree.structure(params)
        assert hash(jax.tree.structure(twin)) == hash(jax.tree.structure(params))
        for one, other in zip(jax.tree.leaves(params), jax.tree.leaves(twin), strict=True):
            assert (one.dtype, one.shape, one.weak_type) == (other.dtype, other.shape, False)
            assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


def test_states_are_copied_without_compiling(params: Any, start: Any, step: Any) -> None:
    action = jnp.zeros((params.network.windows, params.network.nodes))
    state, _ = step(params, start, action)
    twin = pickle.loads(pickle.dumps(start))
    compiled = step._cache_size()
    other, _ = step(pickle.loads(pickle.dumps(params)), twin, action)
    assert step._cache_size() == compiled
    same = [np.asarray(jax.random.key_data(s.key)).tolist() for s in (state, other)]
    assert same[0] == same[1]
    assert_same(np.asarray(state.model.parameters), np.asarray(other.model.parameters))


def test_circuits_are_equal_that_hold_the_same() -> None:
    def read(layers: int, observables: int = 1) -> Any:
        return circuit.read_program("hardware_efficient", (layers, 2, 2), observables)

    one = read(1)
    assert one.readout.any()
    assert one == read(1) == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(read(1)) == hash(pickle.loads(pickle.dumps(one)))
    others = [read(2), read(1, 2), circuit.read_program(f"{HERE}:layered", (1, 2, 2), 1)]
    assert len({one, *others}) == 4
    assert one != "hardware_efficient"


@pytest.mark.parametrize("name", ["median", "clip+nnm+trimmed_mean", f"nnm+{HERE}:compiled_rule"])
def test_a_copied_rule_is_the_rule(name: str) -> None:
    rule = rules.get(name)
    assert all(way(rule) is rule for way in WAYS.values())


TABLES = {
    "rule": rules.RULES,
    "pre-step": rules.PRE_STEPS,
    "weights": weights.WEIGHTINGS,
    "cap": weights.CAPS,
    "unauthenticated_updates": protocol.UNAUTHENTICATED,
    "attack": attacks.ATTACKS,
    "placement": placement.PLACEMENTS,
    "reward": rewards.REWARDS,
    "purification": purification.PURIFICATIONS,
    "accounting": key_pool.ACCOUNTINGS,
    "optimizer": model.OPTIMIZERS,
    "feature map": circuit.FEATURE_MAPS,
    "ansatz": circuit.ANSATZE,
    "dataset": data.DATASETS,
}


@pytest.mark.parametrize("kind", TABLES)
def test_every_shipped_function_can_be_pickled(kind: str) -> None:
    for function in TABLES[kind].values():
        assert pickle.loads(pickle.dumps(function)) is function


@pytest.mark.parametrize("name", ["compiled_rule", "halved_reward", "half_back", "votes"])
def test_functions_that_pickle_knows_no_name_of_go_by_the_scenarios(name: str) -> None:
    function = resolve("function", f"{HERE}:{name}", {})
    assert pickle.loads(pickle.dumps(function)) == function
    assert hash(pickle.loads(pickle.dumps(function))) == hash(function)
    assert function != resolve("function", f"{HERE}:descent", {}) is descent
