"""The first contact in a fresh process, as a user has it: full optimization, no cache."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ceas_agents import compiled
from ceas_gym.envs.env import CEASEnv

PLAY = """
import json, jax
programs, settings = [], dict(jax.config.values)
def listen(event, seconds, **_):
    programs.extend(["one"] if event == "/jax/core/compile/backend_compile_duration" else [])
jax.monitoring.register_event_duration_secs_listener(listen)
import gymnasium, numpy, ceas_gym
env = gymnasium.make("ceas_gym/CEAS-v1", scenario="tiny", disable_env_checker=True)
changed = [name for name, value in jax.config.values.items() if settings[name] is not value]
counts, seen = [len(programs)], []
action = numpy.zeros(env.action_space.shape, numpy.float32)
for call in (lambda: env.reset(seed=3), lambda: env.step(action)[::4], env.reset):
    observation, info = call()
    counts.append(len(programs))
    seen.append({"nodes": observation["nodes"].tolist(), **info})
print(json.dumps({"changed": changed, "counts": counts, "seen": seen}))
"""
COMMAND = """
import jax
from ceas_agents import cli
try:
    cli.main()
except SystemExit as ended:
    assert not ended.code
def long(x):
    for _ in range(300):
        x = jax.numpy.sort(jax.numpy.sin(x))
    return x
jax.jit(long).lower(jax.ShapeDtypeStruct((8,), "float32")).compile()
"""
"""A command, and in its process a program that takes as long to compile as a step."""
UNSET = (
    "XLA_FLAGS",
    "JAX_COMPILATION_CACHE_DIR",
    "JAX_ENABLE_COMPILATION_CACHE",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
)


@pytest.fixture(scope="module")
def fresh() -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    command = [sys.executable, "-c", PLAY]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def test_set_up_compiles_two_programs_and_an_episode_two_more(fresh: dict[str, Any]) -> None:
    """The second reset, without a seed, is the same program as the first."""
    assert fresh["counts"] == [2, 3, 4, 4]


def test_the_library_changes_no_setting_of_jax(fresh: dict[str, Any]) -> None:
    assert fresh["changed"] == []


def test_optimized_programs_play_the_same_episode(fresh: dict[str, Any]) -> None:
    """The other tests compile without optimization (`conftest.py`)."""
    env = CEASEnv("tiny")
    action = np.zeros(env.action_space.shape or (), np.float32)
    first, (after, *_, figures), second = env.reset(seed=3), env.step(action), env.reset()
    played = (first, (after, figures), second)
    for (observation, info), seen in zip(played, fresh["seen"], strict=True):
        np.testing.assert_allclose(observation["nodes"], seen.pop("nodes"), rtol=1e-5, atol=1e-6)
        assert info == pytest.approx(seen, rel=1e-5, abs=1e-6, nan_ok=True)
        counted = [name for name in info if name.startswith("pairs_")]
        assert [info[name] for name in counted] == [seen[name] for name in counted]


def test_the_command_line_keeps_programs_where_the_user_keeps_caches() -> None:
    assert compiled.folder({"XDG_CACHE_HOME": "/caches"}) == Path("/caches/ceas-gym/jax")
    assert compiled.folder({}).is_relative_to(Path.home())


@pytest.mark.parametrize(
    ("option", "told"), [("--cache", "XDG_CACHE_HOME"), ("--no-cache", "JAX_COMPILATION_CACHE_DIR")]
)
def test_the_cache_can_be_left_out(option: str, told: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    # Else JAX itself would not keep what takes less than a second.
    if option == "--no-cache":
        environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    command = [sys.executable, "-c", COMMAND, option, "list"]
    subprocess.run(command, env=environment | {told: str(tmp_path)}, check=True)
    kept = [path.relative_to(tmp_path).parent for path in tmp_path.rglob("jit_long-*")]
    assert set(kept) == ({Path("ceas-gym/jax")} if option == "--cache" else set())
