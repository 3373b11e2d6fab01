"""The generation windows of a round: heralding, key and storage."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ceas_gym.jax_utils import packing
from ceas_gym.network import generation, storage
from ceas_gym.types import Gathered, Links, Memory, Params


def windows(
    params: Params,
    links: Links,
    memory: Memory,
    schedule: Float[Array, "windows nodes"],
    key: Key[Array, ""],
) -> Gathered:
    """Returns what the network holds after all windows of a round, as calls of `window` would.

    Args:
        params: The scenario.
        links: Rates and decay in this round.
        memory: Pairs and key that the last barrier left.
        schedule: Share of a channel that each node gets, in [0, 1].
        key: Random key, which is split into one for each window.
    """
    # Heralding does not depend on what is stored, so all windows are drawn in one pass.
    window_keys = jax.random.split(key, params.network.windows)
    made = jax.vmap(partial(generate, params, links))(schedule, window_keys)
    before = storage.begin(params.network, memory)
    return jax.lax.scan(lambda held, new: (gather(params, links, held, *new), None), before, made)[
        0
    ]


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
        links: Rates and decay in this round.
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
    windows_left = network.windows - 1 - gathered.window
    memory, fates = storage.window(network, links, gathered.memory, heralded, windows_left)
    after = Gathered(
        memory=memory,
        ledger=jax.tree.map(jnp.add, gathered.ledger, fates),
        tried=gathered.tried + tried,
        heralded=gathered.heralded + heralded,
        window=gathered.window + 1,
    )
    return packing.of_types(after, gathered)
