"""The hub's filter, given what happened window by window."""

import jax
from jaxtyping import Array

from ceas_gym.network import conditions
from ceas_gym.types import Conditions, Network


def advance(
    network: Network, now: Conditions, tried: Array, heralded: Array, *rest: Array
) -> Conditions:
    """Returns the conditions of the next round."""
    return conditions.advance(network, now, tried.sum(axis=0), heralded.sum(axis=0), *rest)


compiled = jax.jit(advance)
