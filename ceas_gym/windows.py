"""The generation windows of a step: heralding, key and storage."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ceas_gym.jax_utils import packing
from ceas_gym.network import arrival, generation, storage
from ceas_gym.types import Gathered, Links, Params


def windows(
    params: Params,
    links: Links,
    gathered: Gathered,
    schedule: Float[Array, "windows nodes"],
    key: Key[Array, ""],
) -> Gathered:
    """Returns what the network holds after all windows of a step, as calls of `window` would.

    Args:
        params: The scenario.
        links: Rates and decay in this step.
        gathered: What the network held before.
        schedule: Share of a channel that each node gets, in [0, 1].
        key: Random key of the round, from which each of its windows has a key of its own.
    """
    # Heralding does not depend on what is stored, so all windows are drawn in one pass.
    numbers = gathered.window + jnp.arange(schedule.shape[0])
    window_keys = jax.vmap(partial(jax.random.fold_in, key))(numbers)
    made = jax.vmap(partial(generate, params, links))(schedule, window_keys)

    def one(held: Gathered, new: tuple[Array, Array]) -> tuple[Gathered, None]:
        return gather(params, links, held, *new), None

    return jax.lax.scan(one, gathered, made)[0]


def window(
    params: Params,
    links: Links,
    gathered: Gathered,
    shares: Float[Array, " nodes"],
    key: Key[Array, ""],
) -> Gathered:
    """Returns what the network holds after one more window.

    Args:
        params: The scenario.
        links: Rates and decay in this step.
        gathered: What the network held before the window.
        shares: Share of a channel that each node gets, in [0, 1].
        key: Random key that decides which attempts succeed.
    """
    return gather(params, links, gathered, *generate(params, links, shares, key))


def generate(
    params: Params, links: Links, shares: Float[Array, " nodes"], key: Key[Array, ""]
) -> tuple[Int[Array, "nodes hops"], Int[Array, "nodes hops"]]:
    """Returns the attempts of a window and the pairs heralded; arguments as for `window`."""
    tried = generation.attempts(params.network, shares)
    return tried, generation.herald(links, tried, key)


def gather(
    params: Params,
    links: Links,
    gathered: Gathered,
    tried: Int[Array, "nodes hops"],
    heralded: Int[Array, "nodes hops"],
) -> Gathered:
    """Returns `gathered` after one more window with these attempts and heralded pairs."""
    network = params.network
    # Where a step is a window, the barrier may fire at its end.
    windows_left = jnp.int32(0) if params.by_window else network.windows - 1 - gathered.window
    memory, fates = storage.window(network, links, gathered.memory, heralded, windows_left)
    after = Gathered(
        memory=memory,
        ledger=jax.tree.map(jnp.add, gathered.ledger, fates),
        tried=gathered.tried + tried,
        heralded=gathered.heralded + heralded,
        window=gathered.window + 1,
        executed=gathered.executed,
    )
    return arrival.execute(network, packing.of_types(after, gathered))
