"""What Gymnasium notes of how an environment was made: fit for JSON, enough to make it again."""

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode
from helpers.graph_files import CALM, YAML, graphml

from ceas_gym import config
from ceas_gym.envs.env import CEASEnv
from ceas_gym.scenario import GraphSettings, Scenario

ID = "ceas_gym/CEAS-v1"
IDS = [f"ceas_gym/{name}-v1" for name in ("CEAS", "CEASFlat", "CEASDispatch")]
GRAPH = {"hub": "hub", "edges": [["hub", "a", 1], ["hub", "b", 2, 3]]}
OVERRIDES: dict[str, dict[str, object]] = {
    "numpy": {
        "episode.rounds": np.int64(5),
        "learning.learning_rate": np.float32(0.25),
        "network.lengths_km": np.array([1.0, 2.0, 3.0, 4.5]),
        "learning.classes": [np.int32(1), np.int32(7)],
        "attack.name": np.str_("none"),
    },
    "jax": {"episode.rounds": jnp.int32(5), "learning.classes": jnp.array([1, 7])},
    "tuples": {"learning.classes": (1, 7), "network.cutoff_fidelity": None},
    "path": {"network.graph": Path("net.yaml"), **CALM},
    "graphml": {"network.graph": Path("net.graphml"), **CALM},
    "graph": {"network.graph": GRAPH, **CALM},
    "settings": {"network.graph": GraphSettings.model_validate(GRAPH), **CALM},
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(YAML, encoding="utf-8")
    Path("mine.yaml").write_text("name: mine\nepisode: {rounds: 7}\n", encoding="utf-8")
    nx.write_graphml(graphml(), "net.graphml")
    return tmp_path


def remade(env: gym.Env[Any, Any]) -> Any:
    """Returns the environment that is made of what JSON says of the first one."""
    assert env.spec is not None
    text = env.spec.to_json()
    assert json.loads(text)["id"] == env.spec.id
    return gym.make(EnvSpec.from_json(text)).unwrapped


@pytest.mark.parametrize("kind", OVERRIDES)
def test_overrides_of_any_kind_are_written_and_read(kind: str) -> None:
    made: Any = gym.make(ID, scenario="tiny", overrides=OVERRIDES[kind])
    assert made.unwrapped.scenario == config.load("tiny", OVERRIDES[kind])
    assert remade(made).scenario == made.unwrapped.scenario
    assert remade(made).spec == made.unwrapped.spec


@pytest.mark.parametrize("name", [None, "tiny", "mine.yaml", Path("mine.yaml")], ids=str)
def test_scenarios_by_name_and_path_are_written_and_read(name: Any) -> None:
    made: Any = gym.make(ID, **({"scenario": name} if name else {}))
    assert remade(made).scenario == made.unwrapped.scenario == config.load(name or "small")


@pytest.mark.parametrize("name", ["tiny", "surfnet", "paper-drift"])
@pytest.mark.parametrize("preset", ["custom", "nv_centre"])
def test_scenarios_as_objects_are_written_and_read(name: str, preset: str) -> None:
    scenario = config.load(name, {"hardware.preset": preset, "name": "mine"})
    made: Any = gym.make(ID, scenario=scenario, overrides={"episode.rounds": np.int64(3)})
    assert remade(made).scenario == config.load(scenario, {"episode.rounds": 3})
    assert made.spec.kwargs["overrides"]["name"] == "mine"


@pytest.mark.parametrize("name", config.shipped())
def test_a_scenario_as_overrides_is_the_scenario(name: str) -> None:
    flat = json.loads(json.dumps(config.flat(config.load(name))))
    for other in ("tiny", "surfnet", Scenario()):
        assert config.load(other, flat) == config.load(name)


@pytest.mark.parametrize("name", IDS)
def test_the_decision_and_the_id_are_kept(name: str) -> None:
    made: Any = gym.make(name, scenario="tiny", overrides={"episode.decision": "window"})
    again = remade(made)
    assert type(again) is type(made.unwrapped)
    assert again.action_space == made.action_space
    envs: Any = gym.make_vec(name, num_envs=2, scenario="tiny")
    again = gym.make_vec(EnvSpec.from_json(envs.spec.to_json()))
    assert type(again) is type(envs)
    assert again.spec == envs.spec


@pytest.mark.parametrize("name", IDS)
def test_wrappers_and_modes_are_kept(name: str) -> None:
    made = gym.make(name, scenario="tiny", render_mode="rgb_array", max_episode_steps=3)
    made = gym.wrappers.RecordEpisodeStatistics(made)
    assert made.spec is not None
    again = gym.make(EnvSpec.from_json(made.spec.to_json()))
    assert again.spec == made.spec
    assert again.render_mode == "rgb_array"


def test_what_the_user_gave_is_not_changed() -> None:
    given: dict[str, object] = {"episode.rounds": np.int64(5)}
    gym.make(ID, scenario="tiny", overrides=given)
    assert type(given["episode.rounds"]) is np.int64


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, "SAME_STEP", "SameStep"])
def test_batches_are_written_and_read(mode: Any) -> None:
    made: Any = gym.make_vec(
        ID,
        num_envs=np.int64(2),  # pyright: ignore[reportArgumentType]
        scenario=config.load("tiny"),
        overrides={"episode.rounds": np.int64(3)},
        autoreset_mode=mode,
        max_episode_steps=np.int64(2),
    )
    again: Any = gym.make_vec(EnvSpec.from_json(made.spec.to_json()))
    assert again.scenario == made.scenario
    assert (again.num_envs, again.autoreset_mode) == (2, AutoresetMode.SAME_STEP)
    assert again.spec == made.spec


def test_an_environment_of_its_own_has_no_spec() -> None:
    env = CEASEnv("tiny")
    assert env.spec is None
    env.spec = None
    assert env.spec is None
