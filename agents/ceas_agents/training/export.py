"""Turns a model of Stable-Baselines3 into an agent that needs neither it nor torch."""

from collections.abc import Callable, Iterable
from typing import Any

import jax.numpy as jnp
from gymnasium import spaces
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.torch_layers import CombinedExtractor
from torch import Tensor, nn

from ceas_agents.policies.checkpoints import Agent
from ceas_agents.policies.networks import OF_TEAMS, TODAY, Features, Layer, Layers
from ceas_agents.training.network import NodePolicy
from ceas_agents.wrappers.action_repeat import BASE
from ceas_gym.task.dispatch import LEVELS, RULES

PARTS = {"nodes", "network"}
"""Parts of the observation, which the forms `flat` and `squashed` see as one vector."""


def agent(model: BaseAlgorithm) -> Agent:
    """Returns the deterministic policy that a learner has trained.

    Args:
        model: PPO with a `NodePolicy`, whose base action, if it observes one, is that of CEAS; PPO
            or SAC with Stable-Baselines3's own `MultiInputPolicy`; or DQN or, with ReLU, PPO
            trained on `CEASDispatch-v1`, whose agent makes allowed choices only.

    Returns:
        The form of the network, and a copy of its layers, with weights of shape (inputs, outputs).

    Raises:
        ValueError: If the model is of another type, or has another network or observation.

    Source:
        Schulman et al., Proximal policy optimization, arXiv:1707.06347; Haarnoja et al., Soft
        actor-critic, ICML 2018, arXiv:1801.01290; Mnih et al., Nature 518, 529 (2015), for DQN.
    """
    normalizer = model.get_vec_normalize_env()
    _require(normalizer is None or not normalizer.norm_obs, "see observations as they are")
    for learner, read in READERS.items():
        if isinstance(model, learner):
            return read(model)._replace(features=_features(model.observation_space))
    known = ", ".join(learner.__name__ for learner in READERS)
    raise ValueError(f"Argument `model` must be one of {known}, but is a {type(model).__name__}.")


def _features(seen: spaces.Space[Any]) -> Features:
    # A summary has the features of the network, then the means of those of the nodes.
    nodes = seen["nodes"].shape if isinstance(seen, spaces.Dict) else seen.shape
    of_network = 0 if isinstance(seen, spaces.Dict) else len(TODAY.network)
    width = (nodes or (0,))[-1] - of_network
    return OF_TEAMS if width == len(OF_TEAMS.nodes) else TODAY


def _ppo(model: PPO) -> Agent:
    policy: Any = model.policy
    if isinstance(policy, NodePolicy):
        return _per_node(policy)
    if isinstance(model.action_space, spaces.Discrete):
        return _choices(model, [*policy.mlp_extractor.policy_net, policy.action_net])
    _require_whole(model)
    _require(not policy.squash_output, "clip its actions, not squash them")
    return Agent("flat", _layers([*policy.mlp_extractor.policy_net, policy.action_net], nn.Tanh))


def _per_node(policy: NodePolicy) -> Agent:
    assert isinstance(policy.observation_space, spaces.Dict)
    actor = policy.mlp_extractor.actor
    layers = (actor.first, actor.second, actor.third, actor.last)
    form = "residual" if BASE in policy.observation_space.spaces else "nodes"
    return Agent(form, tuple(_layer(linear) for linear in layers))


def _sac(model: SAC) -> Agent:
    _require_whole(model)
    return Agent("squashed", _layers([*model.actor.latent_pi, model.actor.mu], nn.ReLU))


def _dqn(model: DQN) -> Agent:
    return _choices(model, model.q_net.q_net)


def _choices(model: BaseAlgorithm, modules: Iterable[nn.Module]) -> Agent:
    # What PPO finds most probable is chosen as what DQN values most.
    _require(isinstance(model.observation_space, spaces.Box), "learn on `CEASDispatch-v1`")
    of_rounds = len(RULES) * LEVELS
    is_known = getattr(model.action_space, "n", None) in (of_rounds, 2 * of_rounds)
    _require(is_known, f"pick among {of_rounds} choices or, for windows, {2 * of_rounds}")
    return Agent("dispatch", _layers(modules, nn.ReLU))


READERS: dict[type[BaseAlgorithm], Callable[[Any], Agent]] = {PPO: _ppo, SAC: _sac, DQN: _dqn}


def _layers(modules: Iterable[nn.Module], activation: type[nn.Module]) -> Layers:
    linear, between = (list(modules)[first::2] for first in (0, 1))
    is_plain = all(type(module) is nn.Linear for module in linear)
    is_known = all(type(module) is activation for module in between)
    name = activation.__name__
    _require(is_plain and is_known, f"have a network of linear layers with {name} between them")
    return tuple(_layer(module) for module in linear)


def _layer(linear: Any) -> Layer:  # noqa: ANN401 - a linear layer, whatever torch calls it
    return Layer(_array(linear.weight.T), _array(linear.bias))


def _array(values: Tensor) -> jnp.ndarray:
    # A copy, because training changes the weights in place.
    return jnp.array(values.detach().cpu().numpy())


def _require_whole(model: BaseAlgorithm) -> None:
    seen = getattr(model.observation_space, "spaces", {})
    _require(set(seen) == PARTS, f"observe {' and '.join(sorted(PARTS))}")
    extractor = getattr(model.policy, "features_extractor_class", None)
    _require(extractor is CombinedExtractor, "see the observation through a CombinedExtractor")


def _require(condition: bool, must: str) -> None:
    if not condition:
        raise ValueError(f"Argument `model` must {must}.")
