"""The shipped policies by name, and a check whether other policies fit a scenario."""

from functools import partial

import jax
import jax.numpy as jnp

from ceas_agents.policies import heuristics
from ceas_agents.policies.base import Policy, as_pytree
from ceas_agents.policies.baselines import max_rate, random, round_robin, static_subset, uniform
from ceas_agents.policies.ceas import ceas, focused
from ceas_gym.registry import calling
from ceas_gym.task.observations import NETWORK_FEATURES, NODE_FEATURES
from ceas_gym.types import Observation, Params

POLICIES: dict[str, Policy] = {
    "ceas": ceas,
    "focused": focused,
    "uniform": uniform,
    "round_robin": round_robin,
    "random": random,
    "static_subset": static_subset,
    "max_rate": max_rate,
    "max_weight": heuristics.max_weight,
    "freshest_first": heuristics.freshest_first,
    "earliest_deadline_first": heuristics.earliest_deadline_first,
    "proportional_fair": heuristics.proportional_fair,
}


def check(policy: Policy, params: Params) -> None:
    """Checks that a policy that is not shipped fits the scenario, without computing anything.

    Args:
        policy: Called with abstract values; it must return an action of shape (windows, nodes).
        params: The scenario.

    Raises:
        ValueError: If the layers of a learned policy do not fit, or a function of the user's own
            raises an error or returns no action.
    """
    if policy in POLICIES.values():
        return
    windows, nodes = params.network.windows, params.network.nodes
    observation = Observation(
        jnp.zeros((nodes, len(NODE_FEATURES))), jnp.zeros(len(NETWORK_FEATURES))
    )
    call = partial(jax.eval_shape, policy, params, observation, jax.random.key(0))
    if jax.tree.leaves(as_pytree(policy)):
        call()
        return
    name = getattr(policy, "__name__", type(policy).__name__)
    with calling("function", name, getattr(policy, "__module__", "")):
        found = call()
    shape = getattr(found, "shape", None)
    if shape != (windows, nodes):
        returned = f"a {type(found).__name__}" if shape is None else f"one of shape {shape}"
        raise ValueError(
            f"function {name!r} must return an array of shape ({windows}, {nodes}), "
            f"but returned {returned}"
        )
