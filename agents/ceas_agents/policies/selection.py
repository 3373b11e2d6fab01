"""Dispatching: in each round, a policy selects which of several scheduling rules makes the action.

A scheduling rule is a policy of this list, not an aggregation rule.
"""

from functools import partial

import jax
from jaxtyping import Array, Float, Int, Key

from ceas_agents.policies.base import Policy
from ceas_agents.policies.ceas import focused
from ceas_agents.policies.registry import POLICIES
from ceas_gym.types import Observation, Params

SHARES = (0.55, 0.6, 2 / 3, 0.75, 0.9)
"""Shares of the nodes that `focused` serves in its variants."""
# Trained agents know a rule by its index, so new rules go to the end.
RULES: dict[str, Policy] = {
    **{f"focused on {share:.0%}": partial(focused, share=share) for share in SHARES},
    **{name: POLICIES[name] for name in ("ceas", "proportional_fair", "max_weight", "uniform")},
}
"""The rules that can be selected; none of them depends on its random key."""


def play(
    rule: Int[Array, ""], params: Params, observation: Observation, key: Key[Array, ""]
) -> Float[Array, "windows nodes"]:
    """Returns the action of one of the `RULES`.

    Args:
        rule: Its index, in [0, len(RULES)).
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        key: Passed on to the rule.

    Returns:
        Requests in [-1, 1].
    """
    return jax.lax.switch(
        rule, [partial(policy, params, observation, key) for policy in RULES.values()]
    )
