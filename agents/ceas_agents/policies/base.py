"""What a policy is: a function (params, observation, key) -> action."""

from collections.abc import Callable

from jax.tree_util import Partial
from jaxtyping import Array, Float, Key

from ceas_gym.types import Observation, Params

Policy = Callable[[Params, Observation, Key[Array, ""]], Float[Array, "windows nodes"]]


def as_pytree(policy: Policy) -> Partial:
    """Returns the policy as an argument of compiled functions: what it has learned is not fixed."""
    return policy if isinstance(policy, Partial) else Partial(policy)
