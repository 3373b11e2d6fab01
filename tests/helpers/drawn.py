"""Learners of every form with random weights instead of trained ones, and their observations."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm

from ceas_agents.policies.ceas import ceas
from ceas_agents.policies.checkpoints import Agent
from ceas_agents.training import adapter, export
from ceas_agents.training.network import NodePolicy
from ceas_agents.wrappers import Residual
from ceas_gym import config, parameters
from ceas_gym.envs.dispatch import CEASDispatchVectorEnv
from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.task.observations import NETWORK_FEATURES, NODE_FEATURES, summary
from ceas_gym.types import Observation, Params
from helpers.compiled import compiled

COMMON: dict[str, Any] = {"device": "cpu", "seed": 0}
ON_POLICY: dict[str, Any] = {**COMMON, "n_steps": 4, "batch_size": 8, "n_epochs": 1}
OFF_POLICY: dict[str, Any] = {**COMMON, "buffer_size": 8, "learning_starts": 4, "batch_size": 4}
LAYERS = [8, 6]
FORMS = ("nodes", "residual", "flat", "squashed", "dispatch")
"""Forms that learners of Stable-Baselines3 train."""
SHORT = {"episode.rounds": 3}


WRAPPERS: dict[str, list[adapter.Wrapper]] = {"residual": [partial(Residual, policy=ceas)]}
"""The wrappers around the environments of each form."""


def envs(form: str = "nodes") -> adapter.GymnasiumVecEnv:
    """Returns two environments of `tiny` for a learner of this form, with episodes of 3 rounds."""
    wrappers = WRAPPERS.get(form, [])
    kind = CEASDispatchVectorEnv if form == "dispatch" else CEASVectorEnv
    return adapter.vec_env("tiny", 2, kind=kind, wrappers=wrappers, overrides=SHORT, seed=5)


def params(changes: Mapping[str, object] | None = None) -> Params:
    """Returns the parameters of these environments, with changes of the scenario by dotted key."""
    return parameters.build(config.load("tiny", {**SHORT, **(changes or {})}))


def fresh(form: str) -> BaseAlgorithm:
    """Returns an untrained learner of this form, with two environments."""
    batch = envs(form)
    # A new dictionary for each learner, because SAC adds to it.
    flat = {"net_arch": LAYERS}
    if form == "dispatch":
        return DQN("MlpPolicy", batch, policy_kwargs=flat, **OFF_POLICY)
    if form == "squashed":
        return SAC("MultiInputPolicy", batch, policy_kwargs=flat, **OFF_POLICY)
    if form == "flat":
        return PPO("MultiInputPolicy", batch, policy_kwargs=flat, **ON_POLICY)
    return PPO(NodePolicy, batch, policy_kwargs={"hidden": 8}, **ON_POLICY)


def learner(form: str, seed: int) -> BaseAlgorithm:
    """Returns a learner with normal random weights of standard deviation 0.3.

    All weights are drawn, so that a comparison shows if the export leaves any of them out.
    """
    made = fresh(form)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in made.policy.parameters():
            values.copy_(0.3 * torch.randn(values.shape, generator=generator))
    return made


def agent(form: str, seed: int = 0) -> Agent:
    """Returns the agent of a learner with random weights."""
    return export.agent(learner(form, seed))


def observation(nodes: int, seed: int) -> Observation:
    """Returns a random observation in [0, 1), of the shapes that a network of `nodes` shows."""
    random = np.random.default_rng(seed)
    shapes = ((nodes, len(NODE_FEATURES)), (len(NETWORK_FEATURES),))
    return Observation(*(jnp.asarray(random.random(shape), jnp.float32) for shape in shapes))


def shown(form: str, seen: Observation) -> Any:
    """Returns what a learner of this form observes: values in [-1, 1], by part if it has parts."""
    if form == "dispatch":
        return np.asarray(summary(seen))
    parts = {"nodes": seen.nodes, "network": seen.network}
    if form == "residual":
        parts["base"] = compiled(ceas)(params(), seen, jax.random.key(0))
    return {name: np.asarray(part) for name, part in parts.items()}
