"""Purification at the barrier: two pairs are measured against each other to leave a better one.

A node that takes part couples pairs of equal age. A successful attempt keeps one pair, which has
aged by the latency of the outcomes; a failed attempt destroys both.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_gym.jax_utils import randomness
from ceas_gym.network import counts, teams
from ceas_gym.physics import bell
from ceas_gym.registry import resolve
from ceas_gym.types import Links, Memory, Network


class Offer(NamedTuple):
    """The pairs that a node can spend, in classes of equal state; stored pairs by age come last."""

    pairs: Int[Array, "nodes classes"]
    contraction: Float[Array, "truth_and_estimate xyz nodes classes"]


Purification = Callable[[Network, Links, Memory, Array, Key[Array, ""]], Offer]
"""(network, links, memory, nodes that take part, random key) -> the pairs that can be spent."""


def none(
    network: Network,
    links: Links,
    memory: Memory,
    taking_part: Bool[Array, " nodes"],
    key: Key[Array, ""],
) -> Offer:
    """Returns the stored pairs by age, shape (nodes, ages), as they are: no purification."""
    del network, links, taking_part, key
    return Offer(memory.pairs, memory.contraction)


def dejmps(
    network: Network,
    links: Links,
    memory: Memory,
    taking_part: Bool[Array, " nodes"],
    key: Key[Array, ""],
) -> Offer:
    """Returns the pairs after DEJMPS on those below a fidelity, two of equal age, where it helps.

    A node that could then not expect enough pairs for a shot does not purify. The probability of
    success and the mean state of the survivors are exact, because pairs of one age have one mean
    state, and the protocol is linear in each of its two pairs.

    Args:
        network: `purification_fidelity`, noise of gate and readout, and latency.
        links: Decay, for the latency of the outcomes.
        memory: Pairs at the barrier.
        taking_part: Nodes that may purify.
        key: Random key.

    Returns:
        The purified pairs by age, then the stored pairs by age; shape (nodes, 2 ages).

    Source:
        Deutsch et al., PRL 77, 2818 (1996).
    """
    pair = bell.from_letters(jnp.moveaxis(memory.contraction, 1, -1))
    noise = (network.operations.gate_contraction, network.operations.readout)
    probability, better = bell.purify(pair, pair, "dejmps", *noise)
    wait = links.decay[..., None] ** network.routes.latency[:, None]
    purified = jnp.moveaxis(bell.to_letters(better), -1, 1) * wait
    before, after = counts.fidelity(memory.contraction[-1]), counts.fidelity(purified[-1])
    helps = (before < network.operations.purification_fidelity) & (after > before)
    couples = jnp.where(helps & taking_part[:, None], memory.pairs // 2, 0)
    left = memory.pairs.sum(axis=1) - counts.total(couples, 2 - probability[-1])
    least = jnp.broadcast_to(teams.ends(network), left.shape)
    couples = jnp.where((left >= least)[:, None], couples, 0)
    successes = randomness.binomial(key, couples, probability[0]).astype(memory.pairs.dtype)
    return Offer(
        jnp.concatenate([successes, memory.pairs - 2 * couples], axis=1),
        jnp.concatenate([purified, memory.contraction], axis=-1),
    )


PURIFICATIONS: dict[str, Purification] = {"none": none, "dejmps": dejmps}


def get(name: str) -> Purification:
    """Returns the purification of that name, or the user's own `module:function`.

    It is a function (network, links, memory, taking_part, key) -> `Offer`, in which pairs have the
    shape (nodes, classes).

    Raises:
        ValueError: If the name is unknown.

    Example:
        >>> get("dejmps") is dejmps
        True
    """
    return resolve("purification", name, PURIFICATIONS)
