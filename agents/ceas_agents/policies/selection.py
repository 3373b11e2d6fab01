"""Dispatching: a policy that picks, round by round, which of several rules makes the schedule."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ceas_agents.policies.base import Policy
from ceas_agents.policies.ceas import focused
from ceas_agents.policies.registry import POLICIES
from ceas_gym.types import Observation, Params

SHARES = (0.55, 0.6, 2 / 3, 0.75, 0.9)
"""Of the nodes, that `focused` may serve."""
# Trained agents know a rule by its place: new ones go to the end.
RULES: dict[str, Policy] = {
    **{f"focused on {share:.0%}": partial(focused, share=share) for share in SHARES},
    **{name: POLICIES[name] for name in ("ceas", "proportional_fair", "max_weight", "uniform")},
}
"""What can be picked; none of them depends on its random key."""


def summary(observation: Observation) -> Float[Array, "*batch features"]:
    """Returns what the choice is made by: the network's features and the nodes' means.

    So it does not matter in which order the nodes come, or how many there are.

    Args:
        observation: What the hub knows, of one environment or of a batch.
    """
    return jnp.concatenate([observation.network, observation.nodes.mean(axis=-2)], axis=-1)


def play(
    rule: Int[Array, ""], params: Params, observation: Observation, key: Key[Array, ""]
) -> Float[Array, "windows nodes"]:
    """Returns the action of one of the `RULES`.

    Args:
        rule: Its place among them.
        params: The scenario.
        observation: What the hub knows.
        key: Handed on to the rule.
    """
    return jax.lax.switch(
        rule, [partial(policy, params, observation, key) for policy in RULES.values()]
    )
