"""The type of a policy: a function (params, observation, random key) -> action."""

from collections.abc import Callable

from jax.tree_util import Partial
from jaxtyping import Array, Float, Key

from ceas_gym.types import Observation, Params

Policy = Callable[[Params, Observation, Key[Array, ""]], Float[Array, "..."]]
"""The action has numbers in [-1, 1]: a request for each window and node; or, where a step is a
window, one for each node and a last number, which above zero fires the barrier (`task.actions`)."""


def as_pytree(policy: Policy) -> Partial:
    """Returns the policy as a pytree, so that a compiled function takes it as an argument.

    Learned weights are then not constants of the program, so other weights of the same shapes need
    no recompilation.

    Args:
        policy: Any policy; a `Partial` is returned as it is.
    """
    return policy if isinstance(policy, Partial) else Partial(policy)
