"""Learners of every form, with drawn weights instead of trained ones, and what they see."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm

from ceas_agents.policies import selection
from ceas_agents.policies.ceas import ceas
from ceas_agents.policies.checkpoints import Agent
from ceas_agents.training import adapter, export
from ceas_agents.training.network import NodePolicy
from ceas_agents.wrappers import Dispatch, Residual
from ceas_gym import config, parameters
from ceas_gym.types import Observation, Params
from helpers.compiled import compiled

COMMON: dict[str, Any] = {"device": "cpu", "seed": 0}
ON_POLICY: dict[str, Any] = {**COMMON, "n_steps": 4, "batch_size": 8, "n_epochs": 1}
OFF_POLICY: dict[str, Any] = {**COMMON, "buffer_size": 8, "learning_starts": 4, "batch_size": 4}
LAYERS = [8, 6]
SHORT = {"episode.rounds": 3}


WRAPPERS: dict[str, list[adapter.Wrapper]] = {
    "residual": [partial(Residual, policy=ceas)],
    "dispatch": [Dispatch],
}
"""What the environments of a form are wrapped in."""


def envs(form: str = "nodes") -> adapter.GymnasiumVecEnv:
    """Returns two environments of `tiny` whose episodes last three rounds, for a learner."""
    wrappers = WRAPPERS.get(form, [])
    return adapter.vec_env("tiny", 2, wrappers=wrappers, overrides=SHORT, seed=5)


def params(changes: Mapping[str, object] | None = None) -> Params:
    """Returns the parameters of the same environments, or with changes by dotted key."""
    return parameters.build(config.load("tiny", {**SHORT, **(changes or {})}))


def fresh(form: str) -> BaseAlgorithm:
    """Returns a learner that has learned nothing, on the environments that it needs."""
    batch = envs(form)
    # Of its own for each: SAC adds to it.
    flat = {"net_arch": LAYERS}
    if form == "dispatch":
        return DQN("MlpPolicy", batch, policy_kwargs=flat, **OFF_POLICY)
    if form == "squashed":
        return SAC("MultiInputPolicy", batch, policy_kwargs=flat, **OFF_POLICY)
    if form == "flat":
        return PPO("MultiInputPolicy", batch, policy_kwargs=flat, **ON_POLICY)
    return PPO(NodePolicy, batch, policy_kwargs={"hidden": 8}, **ON_POLICY)


def learner(form: str, seed: int) -> BaseAlgorithm:
    """Returns a learner whose every weight is drawn, so that none of them can be left out."""
    made = fresh(form)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in made.policy.parameters():
            values.copy_(0.3 * torch.randn(values.shape, generator=generator))
    return made


def agent(form: str, seed: int = 0) -> Agent:
    """Returns the agent of such a learner."""
    return export.agent(learner(form, seed))


def observation(nodes: int, seed: int) -> Observation:
    """Returns numbers that the hub might see."""
    random = np.random.default_rng(seed)
    shapes = ((nodes, 14), (10,))
    return Observation(*(jnp.asarray(random.random(shape), jnp.float32) for shape in shapes))


def shown(form: str, seen: Observation) -> Any:
    """Returns what a learner is shown of it."""
    if form == "dispatch":
        return np.asarray(selection.summary(seen))
    parts = {"nodes": seen.nodes, "network": seen.network}
    if form == "residual":
        parts["base"] = compiled(ceas)(params(), seen, jax.random.key(0))
    return {name: np.asarray(part) for name, part in parts.items()}
