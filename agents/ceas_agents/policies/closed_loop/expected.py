"""What a schedule expects to have reached, for a policy that does not look at what was heralded."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from ceas_agents.policies.closed_loop import serving
from ceas_agents.policies.closed_loop.prospects import Prospects
from ceas_gym.types import Network


def holdings(
    network: Network,
    emptied: Prospects,
    served: Bool[Array, " nodes"],
    length: Int[Array, ""],
    waited: Int[Array, ""],
) -> Prospects:
    """Returns the prospects before a window, if every earlier one made its mean number of pairs.

    Args:
        network: Channels, and routes that share fibres.
        emptied: From `prospects.emptied`: what there was at the last barrier.
        served: Nodes that get channel-time.
        length: Windows from one barrier to the next, by plan; at least 1.
        waited: Number of the window that comes, from 1.
    """

    def window(before: Array, found: Prospects) -> Prospects:
        horizon = jnp.maximum(length - 1 - before, 0)
        given = serving.shares(network, found, served, horizon)
        made = (given.for_key + given.for_data) * found.pairs
        data = jnp.maximum(made - found.missing, 0)
        # A pair that is worth so much at this barrier is worth as much at the same one later on.
        brought = data * found.worth[horizon]
        return found._replace(
            held=found.held + brought,
            room=jnp.maximum(found.room - data, 0),
            missing=jnp.maximum(found.missing - made, 0),
        )

    return jax.lax.fori_loop(0, waited - 1, window, emptied)
