"""The hub's part of a round: receive, weigh, reject, aggregate, commit, remember."""

from collections.abc import Callable
from dataclasses import replace

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ceas_gym.consensus.weights import certificate, top_share
from ceas_gym.physics import information
from ceas_gym.types import (
    Cache,
    Consensus,
    Delivery,
    Params,
    Received,
    Report,
    Verdict,
    Workers,
)

ROUNDING = 1e-6
"""Tolerance for a share that is summed in 32 bits."""
NEVER = 2**30 - 1
"""Age of a cached update that does not exist yet, in rounds: far more than is ever used."""
OLDEST = 2**31 - 2
"""Greatest age, beyond which 32-bit integers would overflow."""
Unauthenticated = Callable[[Consensus, Workers, Cache, Delivery, Array], Received]


def drop(
    consensus: Consensus, workers: Workers, held: Cache, delivery: Delivery, measured: Array
) -> Received:
    """Returns the updates of this round, of which only those with a valid tag are counted."""
    del consensus, held
    counted = delivery.authenticated
    return Received(
        updates=workers.momentum,
        information=measured,
        counted=counted,
        forged=jnp.zeros_like(counted),
    )


def cache(
    consensus: Consensus, workers: Workers, held: Cache, delivery: Delivery, measured: Array
) -> Received:
    """Returns this round's updates, and of nodes without a tag the last one accepted, if recent.

    Such an update is at most `cache_age` rounds old; otherwise the node is not counted.
    """
    fresh = delivery.authenticated
    usable = fresh | (held.age < consensus.cache_age)
    updates = jnp.where(fresh[:, None], workers.momentum, held.updates)
    known = jnp.where(fresh, measured, held.information)
    return Received(
        updates=updates, information=known, counted=usable, forged=jnp.zeros_like(fresh)
    )


def accept(
    consensus: Consensus, workers: Workers, held: Cache, delivery: Delivery, measured: Array
) -> Received:
    """Returns the updates of all nodes with shots; the coalition may replace untagged ones."""
    del consensus, held
    counted = delivery.shots > 0
    return Received(
        updates=workers.momentum,
        information=measured,
        counted=counted,
        forged=counted & ~delivery.authenticated,
    )


UNAUTHENTICATED: dict[str, Unauthenticated] = {"drop": drop, "cache": cache, "accept": accept}


def idle(nodes: int, parameters: Float[Array, " parameters"]) -> Workers:
    """Returns the workers before their first round: momentum zero."""
    return Workers(jnp.zeros((nodes, *parameters.shape), parameters.dtype))


def empty(nodes: int, parameters: Float[Array, " parameters"]) -> Cache:
    """Returns the cache before any update was accepted: zero information, age `NEVER` in rounds."""
    return Cache(
        updates=jnp.zeros((nodes, *parameters.shape), parameters.dtype),
        information=jnp.zeros(nodes, parameters.dtype),
        age=jnp.full(nodes, NEVER, jnp.int32),
    )


def blend(consensus: Consensus, workers: Workers, gradients: Array, delivery: Delivery) -> Workers:
    """Returns the workers with momentum m <- mu m + (1 - mu) g; unchanged where a node had no shot.

    Args:
        consensus: The factor mu, in [0, 1).
        workers: The momentum m before the round.
        gradients: The measured gradients g, shape (nodes, parameters).
        delivery: Shots of each node.

    Source:
        Karimireddy, He and Jaggi, ICML 2021, arXiv:2012.10333, who show that rules that forget the
        past fail against attacks coupled over time, and that momentum prevents it.
    """
    fresh = consensus.momentum * workers.momentum + (1 - consensus.momentum) * gradients
    return Workers(jnp.where(delivery.shots[:, None] > 0, fresh, workers.momentum))


def measured_information(delivery: Delivery, qubits: int) -> Float[Array, " nodes"]:
    """Returns the Fisher information behind each update, in shots of perfect signal.

    It rests on the hub's estimate of the pairs that it distributed, not on anything that a node
    claims: the shots times `information.depolarized_qfi_factor` of the signal.

    Args:
        delivery: Shots of each node, and the signal by the hub's estimate, in [0, 1].
        qubits: Pairs that one shot takes, one for each qubit.

    Source:
        Braunstein and Caves, PRL 72, 3439 (1994).
    """
    return delivery.shots * information.depolarized_qfi_factor(delivery.signal, 2**qubits)


def receive(
    consensus: Consensus,
    workers: Workers,
    held: Cache,
    delivery: Delivery,
    measured: Float[Array, " nodes"],
) -> Received:
    """Returns the updates that the hub would hold if all nodes were honest.

    Args:
        consensus: What becomes of unauthenticated updates (`UNAUTHENTICATED`).
        workers: The nodes' updates of this round.
        held: The hub's cache.
        delivery: Which nodes sent an update, and which of them with a tag.
        measured: Information behind the updates, in shots of perfect signal.
    """
    return consensus.unauthenticated_updates(consensus, workers, held, delivery, measured)


def weigh(params: Params, received: Received) -> Float[Array, " nodes"]:
    """Returns the capped weights of the counted nodes, in [0, 1] with sum 1; no update is used."""
    consensus, counted = params.consensus, received.counted
    raw = consensus.weighting(received.information, counted, params.learning.batch_floor)
    return consensus.cap(consensus, raw, counted, _variances(params, received))


def reject_non_finite(
    received: Received, weights: Float[Array, " nodes"]
) -> tuple[Received, Float[Array, " nodes"]]:
    """Returns the received updates without those that are not finite, and their weights, sum 1."""
    finite = jnp.isfinite(received.updates).all(axis=1)
    kept = jnp.where(finite, weights, 0)
    counted = received.counted & finite
    clean = replace(
        received,
        updates=jnp.where(counted[:, None], received.updates, 0),
        counted=counted,
        forged=received.forged & finite,
    )
    return clean, kept / jnp.maximum(kept.sum(), 1e-30)


def aggregate(
    consensus: Consensus, received: Received, weights: Float[Array, " nodes"]
) -> Float[Array, " parameters"]:
    """Returns the aggregate that the rule makes of the received updates."""
    return consensus.rule(received.updates, weights, consensus.tolerated)


def commit(
    params: Params,
    received: Received,
    weights: Float[Array, " nodes"],
    update: Float[Array, " parameters"],
) -> Verdict:
    """Returns the verdict on a round.

    The hub commits only with a quorum, more than twice as many counted nodes as it must tolerate
    (four times with bucketing), and only if the heaviest of them carry at most `largest_share`.

    Args:
        params: The protocol, and the noise scale of the gradients.
        received: The updates that the rule aggregated.
        weights: Their weights, with sum 1.
        update: The aggregate.
    """
    consensus = params.consensus
    share = top_share(weights, consensus.tolerated)
    quorum = consensus.votes_needed * consensus.tolerated < received.counted.sum()
    return Verdict(
        update=update,
        committed=quorum & (share <= consensus.largest_share + ROUNDING),
        weights=weights,
        share=share,
        certificate=certificate(weights, share, _variances(params, received)),
    )


def remember(
    held: Cache, received: Received, delivery: Delivery, measured: Float[Array, " nodes"]
) -> Cache:
    """Returns the cache with the updates accepted in this round; others grow one round older."""
    fresh = received.counted & (delivery.shots > 0) & ~received.forged
    return Cache(
        updates=jnp.where(fresh[:, None], received.updates, held.updates),
        information=jnp.where(fresh, measured, held.information),
        age=jnp.where(fresh, 0, jnp.minimum(held.age, OLDEST) + 1),
    )


def quorum(consensus: Consensus) -> Int[Array, ""]:
    """Returns the least number of counted nodes with which the hub commits, at equal weights.

    Args:
        consensus: What the rule tolerates and the protocol requires.

    Returns:
        A number of nodes, at least 1; it may exceed the nodes that there are.
    """
    votes = consensus.votes_needed * consensus.tolerated + 1
    for_share = jnp.ceil(consensus.tolerated / consensus.largest_share - 1e-6)
    return jnp.maximum(votes, for_share.astype(votes.dtype))


def report(
    delivery: Delivery, received: Received, verdict: Verdict, late: Float[Array, ""]
) -> Report:
    """Returns what the hub remembers of the round, for its next observations.

    Args:
        delivery: Shots, signal and tags of the round.
        received: Updates that the hub counted.
        verdict: Weights of these, and whether the hub committed.
        late: Windows that the agreement takes from the next round; at least 0.
    """
    return Report(
        shots=delivery.shots,
        signal=delivery.signal,
        weights=verdict.weights,
        share=verdict.share,
        committed=verdict.committed,
        authenticated=delivery.authenticated.mean(dtype=verdict.weights.dtype),
        counted=received.counted.mean(dtype=verdict.weights.dtype),
        late=late,
    )


def no_report(nodes: int) -> Report:
    """Returns the report before any round: zeros, shape (nodes,) for each node's entries."""
    nothing, zero = jnp.zeros(nodes, jnp.float32), jnp.float32(0)
    return Report(
        shots=jnp.zeros(nodes, jnp.int32),
        signal=nothing,
        weights=nothing,
        share=zero,
        committed=jnp.bool_(False),
        authenticated=zero,
        counted=zero,
        late=zero,
    )


def _variances(params: Params, received: Received) -> Float[Array, " nodes"]:
    # Expected squared norm of an update's noise, from shots and minibatch, if the update were
    # divided by its contraction. It is not divided, so its noise is smaller and the bound holds.
    shot = 1 / jnp.maximum(received.information, 1e-9)
    return params.learning.noise_scale * (shot + 1 / params.learning.batch_floor)
