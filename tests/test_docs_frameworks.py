"""The page on frameworks: its lines run, and its tables say what can be installed."""

import os
import re
import shlex
import subprocess
import sys
from importlib import metadata
from inspect import signature
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import yaml

import ceas_gym  # noqa: F401 - registers the environments

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "frameworks.md").read_text()
SECTIONS = re.findall(r"^## ([^\n:]+)((?:(?!^## ).)*)", PAGE, re.DOTALL | re.MULTILINE)
BLOCKS = {
    title: block
    for title, text in SECTIONS
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
}
MODULES = {
    "Stable-Baselines3": ("stable_baselines3", "PPO: accuracy"),
    "sb3-contrib": ("sb3_contrib", "MaskablePPO: choice"),
    "SBX": ("sbx", "SBX: accuracy"),
    "CleanRL": ("torch", "REINFORCE: mean return"),
    "TorchRL": ("torchrl", "TorchRL: return"),
    "Tianshou": ("tianshou", "Tianshou: return"),
    "RLlib": ("ray.rllib.algorithms.ppo", "RLlib: mean return"),
    "JAX": ("jax", "JAX: mean return"),
    "PettingZoo": ("pettingzoo", "auction: return"),
}
LONGEST = 25
"""Lines of a block, without empty ones."""
ZOO = ROOT / "configs" / "rl_zoo3"
COPIES = {
    ("ppo", "CEAS"): "ppo-mlp-small",
    ("ppo", "CEASDispatch"): "ppo-scarce",
    ("sac", "CEAS"): "sac-small",
    ("dqn", "CEASDispatch"): "dqn-micro",
}
"""By algorithm and environment: the file in `configs/agents` that has the same hyperparameters."""


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def test_every_framework_of_the_table_has_a_section() -> None:
    named = re.findall(r"^\| \[([^\]]+)\]", PAGE, re.MULTILINE)
    assert named == [title for title, _ in SECTIONS]
    assert set(named) == {*MODULES, "Gymnasium", "rl_zoo3"}


@pytest.mark.parametrize("title", BLOCKS)
def test_its_lines_are_few(title: str) -> None:
    assert sum(map(bool, BLOCKS[title].splitlines())) <= LONGEST


# Frameworks warn of each other's older calls, and Ray leaves its processes to the end of Python.
@pytest.mark.filterwarnings("default", "ignore:subprocess .* is still running:ResourceWarning")
@pytest.mark.parametrize("title", MODULES)
def test_its_lines_run(
    title: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    module, printed = MODULES[title]
    pytest.importorskip(
        module, reason=f"{module} is not installed (make frameworks)", exc_type=ImportError
    )
    exec(compile(BLOCKS[title], title, "exec"), {"__name__": "__main__"})
    last = [line for line in capsys.readouterr().out.splitlines() if line.startswith(printed)]
    assert len(last) == 1


# Each of the eight processes imports the library and compiles the scenario.
@pytest.mark.slow
def test_processes_play_the_episodes_of_the_batch(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("stable_baselines3")
    exec(compile(BLOCKS["Gymnasium"], "processes", "exec"), {"__name__": "__main__"})
    played = dict(line.split(": rewards ") for line in capsys.readouterr().out.splitlines())
    batch = gym.make_vec("ceas_gym/CEAS-v1", num_envs=2, scenario="micro")
    batch.reset(seed=0)
    rewards = np.sum([batch.step(np.zeros((2, 2, 2)))[1] for _ in range(5)], axis=0)
    assert rewards[0] != pytest.approx(rewards[1], rel=0.1)
    assert len(played) == 4
    for shown in played.values():
        np.testing.assert_allclose(np.fromstring(shown[1:-1], sep=" "), rewards, atol=1e-4)


def test_the_page_names_the_version_of_gymnasium_that_rllib_asks_for() -> None:
    pytest.importorskip("ray")
    asked = [each for each in metadata.requires("ray") or [] if each.startswith("gymnasium")]
    (pin,) = {each.split(";")[0].strip() for each in asked if '"rllib"' in each}
    assert f"exactly `{pin}`" in " ".join(PAGE.split())
    assert f"`ray[rllib]` {metadata.version('ray')}" in PAGE


@pytest.mark.parametrize(("algorithm", "environment"), COPIES)
def test_files_for_the_zoo_are_those_of_the_agents(algorithm: str, environment: str) -> None:
    models = pytest.importorskip("stable_baselines3")
    given = read(ZOO / f"{algorithm}.yml")[f"ceas_gym/{environment}-v1"]
    config = read(ROOT / "configs" / "agents" / f"{COPIES[algorithm, environment]}.yaml")
    overrides = {"overrides": config["set"]} if "set" in config else {}
    assert given.pop("env_kwargs") == {"scenario": config["scenario"]} | overrides
    assert given.pop("n_timesteps") == config["steps"]
    assert given.pop("n_envs") == config["rows"]
    assert given.pop("policy_kwargs") == config["network"]
    assert ("normalize" in given) == ("reward_scale" in config)
    given.pop("normalize", None)
    assert set(given) <= set(signature(getattr(models, algorithm.upper())).parameters)
    assert given.pop("policy") == {"CEAS": "MultiInputPolicy"}.get(environment, "MlpPolicy")
    assert given == config["hyperparameters"]


def test_the_zoo_has_no_other_file() -> None:
    found = {(path.stem, name) for path in ZOO.iterdir() for name in read(path)}
    assert found == {(algorithm, f"ceas_gym/{name}-v1") for algorithm, name in COPIES}


def test_the_command_for_the_zoo_runs(tmp_path: Path) -> None:
    pytest.importorskip("rl_zoo3", reason="rl_zoo3 is not installed (make frameworks)")
    (shown,) = re.findall(r"```sh\n(python .*?)```", PAGE, re.DOTALL)
    _, *words = shlex.split(shown.replace("\\\n", " "))
    arguments = [str(tmp_path) if word == "runs/rl_zoo3" else word for word in words]
    subprocess.run([sys.executable, *arguments], check=True, cwd=ROOT, env=os.environ)
    assert list(tmp_path.glob("dqn/ceas_gym-CEASDispatch-v1_1/*.zip"))
