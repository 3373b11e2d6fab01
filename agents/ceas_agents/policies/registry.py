"""The shipped policies by name, and a check whether other policies fit a scenario."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from ceas_agents.policies import baselines, heuristics
from ceas_agents.policies.base import Policy, as_pytree
from ceas_agents.policies.ceas import ceas, focused
from ceas_agents.policies.closed_loop import baselines as loop_baselines
from ceas_agents.policies.closed_loop import ceas as loop_ceas
from ceas_agents.policies.closed_loop import cutoffs, linear, whittle
from ceas_agents.policies.closed_loop import heuristics as loop_heuristics
from ceas_agents.policies.versions import Decision, Versions, joined
from ceas_gym import dynamics, layouts
from ceas_gym.jax_utils.fast_compile import once
from ceas_gym.registry import calling
from ceas_gym.task import actions
from ceas_gym.task.observations import NETWORK_FEATURES, node_features
from ceas_gym.types import Observation, Params

VERSIONS: dict[str, Versions] = {
    "ceas": Versions(ceas, loop_ceas.ceas),
    "focused": Versions(round=focused),
    "uniform": Versions(baselines.uniform, loop_baselines.uniform, window_teams=True),
    "round_robin": Versions(baselines.round_robin, loop_baselines.round_robin, window_teams=True),
    "random": Versions(baselines.random, loop_baselines.random, window_teams=True),
    "static_subset": Versions(
        baselines.static_subset, loop_baselines.static_subset, window_teams=True
    ),
    "subset_hold": Versions(window=loop_baselines.subset_hold, window_teams=True),
    "max_rate": Versions(baselines.max_rate, loop_baselines.max_rate, window_teams=True),
    "max_weight": Versions(heuristics.max_weight, loop_heuristics.max_weight),
    "freshest_first": Versions(heuristics.freshest_first, loop_heuristics.freshest_first),
    "earliest_deadline_first": Versions(
        heuristics.earliest_deadline_first, loop_heuristics.earliest_deadline_first
    ),
    "proportional_fair": Versions(heuristics.proportional_fair, loop_heuristics.proportional_fair),
    "adaptive_cutoff": Versions(window=cutoffs.adaptive_cutoff),
    "whittle": Versions(window=whittle.whittle),
    "linear_program": Versions(window=linear.linear_program),
}
"""The functions of each policy by what `episode.decision` is."""
POLICIES: dict[str, Policy] = {name: joined(name, each) for name, each in VERSIONS.items()}
"""Policies that act by the version for the scenario's decision."""


def version(policy: Policy, decision: Decision) -> Policy | None:
    """Returns the function by which a policy acts, or None if it has none for the decision.

    Args:
        policy: A policy that is not shipped stands for itself, whatever the decision.
        decision: What a step is.

    Example:
        >>> version(POLICIES["whittle"], "round") is None
        True
    """
    for name, shipped in POLICIES.items():
        if policy is shipped:
            return getattr(VERSIONS[name], decision)
    return policy


def check(policy: Policy, params: Params) -> None:
    """Checks that a policy fits the scenario; of a user's own, it computes the first action.

    Args:
        policy: Called with abstract values; it must return an action of the shape that
            `task.actions.shape` tells.
        params: The scenario.

    Raises:
        ValueError: If a shipped policy has no version for the scenario's decision, or an option is
            not one of that version; if the layers of a learned policy do not fit; or if a function
            of the user's own raises an error, returns no action, or numbers that are not finite.
    """
    expected, nodes = actions.shape(params), params.network.nodes
    observation = Observation(
        jnp.zeros((nodes, len(node_features(params.network)))), jnp.zeros(len(NETWORK_FEATURES))
    )
    call = partial(jax.eval_shape, policy, params, observation, jax.random.key(0))
    if is_shipped(policy) or jax.tree.leaves(as_pytree(policy)):
        call()
        return
    name = getattr(policy, "__name__", type(policy).__name__)
    with calling("function", name, getattr(policy, "__module__", "")):
        found = call()
    shape = getattr(found, "shape", None)
    if shape != expected:
        returned = f"a {type(found).__name__}" if shape is None else f"one of shape {shape}"
        raise ValueError(
            f"function {name!r} must return an array of shape {expected}, but returned {returned}"
        )
    if not bool(jnp.isfinite(_first_action(policy, params, jax.random.key(0))).all()):
        raise ValueError(
            f"function {name!r} must return finite numbers, but its first action has NaN or "
            "infinity; look at the weights that it loads"
        )


@partial(once, static_argnums=0)
def _first_action(policy: Policy, params: Params, key: Key[Array, ""]) -> Array:
    state, timestep = dynamics.reset(params, key)
    return policy(layouts.of(params, state), timestep.observation, key)


def is_shipped(policy: Policy) -> bool:
    """Returns whether a policy is a shipped one, with options or without.

    Args:
        policy: Any policy.
    """
    function = policy.func if isinstance(policy, partial) else policy
    return any(function is each for each in POLICIES.values())
