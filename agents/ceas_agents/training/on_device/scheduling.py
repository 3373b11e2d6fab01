"""The environment of `ceas_gym` for a learner on the device, with CEAS as a base or without."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from ceas_agents.policies import choice_network, networks, node_network
from ceas_agents.policies.choice_network import Shown
from ceas_agents.policies.node_network import Seen
from ceas_agents.training.on_device.environment import WATCHED, Environment, Outcome
from ceas_gym import dynamics, layouts
from ceas_gym.task import dispatch
from ceas_gym.types import Observation, Params, State


class Choosing(NamedTuple):
    """The state of an episode in which choices are played: a rule needs what the hub observes."""

    state: State
    observation: Observation


def reset(params: Params, key: Key[Array, ""]) -> tuple[State, Observation]:
    """Returns state and observation at the start of the episode of a random key.

    Args:
        params: The scenario with all its layouts.
        key: Decides the whole episode, including its layout.
    """
    state, timestep = dynamics.reset(params, key)
    return state, timestep.observation


def step(params: Params, state: State, action: Array) -> Outcome:
    """Returns what a round or, if `params.by_window`, a window results in.

    A model that has diverged has no loss; a reward that is no finite number counts as zero.

    Args:
        params: The scenario with all its layouts.
        state: The state before the step.
        action: In [-1, 1], of the shape that `task.actions.shape` returns.
    """
    after, timestep = dynamics.step(params, state, action)
    return Outcome(
        state=after,
        observation=timestep.observation,
        reward=jnp.where(jnp.isfinite(timestep.reward), timestep.reward, 0),
        terminated=timestep.terminated,
        truncated=jnp.bool_(False),
        metrics={name: timestep.metrics[name] for name in WATCHED},
    )


def observe(params: Params, state: State, observation: Observation) -> Seen:
    """Returns what the network sees of an observation.

    Args:
        params: The scenario with all its layouts.
        state: Only its layout is used.
        observation: What the hub knows, every entry in [0, 1].
    """
    return node_network.see(layouts.of(params, state), observation)


def observe_ceas(params: Params, state: State, observation: Observation) -> Seen:
    """Returns what the network sees that adds to the action of CEAS; arguments as for `observe`."""
    own = layouts.of(params, state)
    base = networks.base(own, observation, jax.random.key(0))
    return node_network.see(own, observation, base)


def reset_choices(params: Params, key: Key[Array, ""]) -> tuple[Choosing, Observation]:
    """Returns state and observation at the start of an episode; arguments as for `reset`."""
    state, observation = reset(params, key)
    return Choosing(state, observation), observation


def step_choices(params: Params, before: Choosing, choice: Int[Array, ""]) -> Outcome:
    """Returns what a step results in, in which a choice of `ceas_gym.task.dispatch` is played.

    Args:
        params: The scenario with all its layouts.
        before: State and observation before the step.
        choice: Number of the choice.
    """
    own = layouts.of(params, before.state)
    action = dispatch.action(own, before.observation, choice)
    outcome = step(params, before.state, action)
    return outcome._replace(state=Choosing(outcome.state, outcome.observation))


def observe_choices(params: Params, before: Choosing, observation: Observation) -> Shown:
    """Returns the features and the allowed choices; arguments as for `observe`."""
    own = layouts.of(params, before.state)
    return choice_network.see(own, observation, observation)


ENVIRONMENTS: dict[str, Environment] = {
    "nodes": Environment(reset, step, observe),
    "residual": Environment(reset, step, observe_ceas),
    "dispatch": Environment(reset_choices, step_choices, observe_choices),
}
"""By the name of the policy that is trained, which is also the form of the agent."""
