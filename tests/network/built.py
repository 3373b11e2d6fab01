"""Small networks altered by hand, and the records that tests of single stages start from."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from helpers.networks import altered as altered
from numpy.typing import ArrayLike

from ceas_gym.network import conditions, setup
from ceas_gym.network.setup import ROUNDS
from ceas_gym.physics import key
from ceas_gym.scenario import (
    GraphSettings,
    HardwareSettings,
    KeySettings,
    NetworkSettings,
    VerificationSettings,
)
from ceas_gym.types import Links, Memory, Network, Pace, Shot, Tags

MESSAGE_BITS = 64 + 8 * 32
"""A header, and eight numbers."""


def build(
    hardware: dict[str, Any] | None = None,
    key_settings: dict[str, Any] | None = None,
    verification: dict[str, Any] | None = None,
    pace: Pace = ROUNDS,
    **settings: Any,
) -> Network:
    """Returns the network of a scenario in which shots take two pairs and updates eight numbers."""
    budget = KeySettings(**(key_settings or {}))
    return setup.build(
        NetworkSettings(**settings),
        HardwareSettings(**(hardware or {})),
        budget,
        tags=Tags(bits=key.tag_bits(MESSAGE_BITS, budget.security_bits)),
        shot=Shot(qubits=2, data=(2,)),
        accepts_unauthenticated=False,
        verification=VerificationSettings(**(verification or {})),
        pace=pace,
    )


@cache
def _plain(x64: bool) -> Network:
    del x64  # part of the key: the arrays of the two precisions are not the same
    return build(key_settings={"lifetime_s": 20.0}, nodes=3, windows=4, oldest_windows=6)


def star(**changes: Any) -> Network:
    """Returns a star of three nodes whose fields are replaced.

    It has four windows and six ages of pairs, and five ages of key.
    """
    return altered(_plain(bool(jax.config.read("jax_enable_x64"))), **changes)


def graph(*edges: Sequence[Any], hub: str = "hub", relays: Sequence[str] = ()) -> GraphSettings:
    """Returns a graph of fibres, each `(one, other, length_km)` or with its channels last."""
    return GraphSettings.model_validate({"hub": hub, "relays": relays, "edges": list(edges)})


def chains(*lengths_km: Sequence[float]) -> GraphSettings:
    """Returns a graph of chains, each of a node and relays of its own, by the hops' lengths."""
    edges, relays = [], []
    for node, lengths in enumerate(lengths_km):
        inner = [f"relay {node}.{hop}" for hop in range(len(lengths) - 1)]
        stops = ["hub", *inner, f"node {node}"]
        edges += list(zip(stops[:-1], stops[1:], lengths, strict=True))
        relays += inner
    return graph(*edges, relays=relays)


def replicas(
    success: ArrayLike,
    decay_rate: ArrayLike,
    ages: int,
    memories: int,
    letters: int = 3,
    **changes: Any,
) -> Network:
    """Returns nodes without noise or key that make one attempt a window on each hop.

    Args:
        success: Of an attempt, shape (nodes, hops); negative beyond the end of a route.
        decay_rate: Of each node's memory, per window. The hub's is perfect; but where there are
            relays, both ends of every hop decay at the node's rate.
        ages: Windows after which any pair is discarded.
        memories: Of each node, and of each hop.
        letters: One is enough where nobody asks for a fidelity.
        changes: Other fields.
    """
    success = np.asarray(success, np.float32)
    nodes, hops = success.shape
    is_hop, own = success >= 0, np.arange(1, nodes + 1)
    perfect = np.ones((letters, nodes), np.float32)
    rates = np.concatenate([[0], np.broadcast_to(decay_rate, nodes)]).astype(np.float32)
    ends = np.tile(own[:, None, None], (1, hops, 2)).astype(np.int32)
    if hops == 1:
        ends[..., 0] = 0
    return star(
        attempts_per_window=is_hop.astype(np.float32),
        modes=jnp.int32(1),
        success_probability=np.maximum(success, 0),
        is_hop=is_hop,
        edge=np.zeros((nodes, hops), np.int32),
        ends=ends,
        vertex=own.astype(np.int32),
        generation_contraction=np.ones((letters, nodes, hops), np.float32),
        swap_contraction=perfect,
        delivery_contraction=perfect,
        decay_rate=np.tile(rates, (letters, 1)),
        cutoff_fidelity=jnp.float32(0),
        latency=np.zeros(nodes, np.float32),
        memories_per_link=jnp.int32(memories),
        passes=np.ones((1, nodes), np.float32),
        tag_bits=jnp.float32(0),
        key_capacity_bits=jnp.float32(0),
        **{"edges": 1, "windows": 1, "ages": ages} | changes,
    )


def steady(network: Network) -> Links:
    """Returns rates and decay when every link is good and no coherence time has drifted."""
    return conditions.links(network, conditions.steady(network))


def lasting(lifetime: Sequence[int], new: float) -> Links:
    """Returns a star's links on which a new pair is above fidelity 1/2 up to the age `lifetime`.

    New pairs have the contraction `new` and shrink alike in all letters; of lifetime -1 they are
    below the fidelity at once.
    """
    ages = np.array(lifetime)
    contraction = np.where(ages < 0, 0.3, new)
    decay = np.where(ages < 0, 0.9, (1 / (3 * new)) ** (1 / (np.maximum(ages, 0) + 0.5)))
    fresh, kept = (jnp.asarray(np.tile(one, (1, 3, 1))) for one in (contraction, decay))
    return Links(
        success_probability=jnp.full((len(ages), 1), 0.1),
        fresh=fresh[..., None],
        link_decay=kept[..., None],
        decay=kept,
    )


def holding(
    pairs: ArrayLike, key: ArrayLike = 0.0, contraction: ArrayLike = 0.9, slots: int = 5
) -> Memory:
    """Returns a star's memory: pairs by age, and key two slots old.

    Args:
        pairs: Shape (nodes, ages).
        key: Bits that each node shares with the hub.
        contraction: Of the pairs, of shape (letters, nodes, ages) or what broadcasts to it.
        slots: Ages of key.
    """
    held = jnp.asarray(pairs, jnp.int32)
    letters = jnp.broadcast_to(jnp.asarray(contraction, float), (1, 3, *held.shape))
    bits = jnp.zeros((len(held), 1, slots)).at[:, 0, min(2, slots - 1)].set(jnp.asarray(key))
    return Memory(
        pairs=held,
        contraction=letters,
        links=jnp.zeros((len(held), 1, 0), jnp.int32),
        key_bits=bits,
    )
