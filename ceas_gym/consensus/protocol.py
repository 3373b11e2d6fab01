"""The hub's part of a round, line by line: receive, weigh, reject, aggregate, commit, remember."""

from collections.abc import Callable
from dataclasses import replace

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.weights import certificate, top_share
from ceas_gym.physics import information
from ceas_gym.types import Cache, Consensus, Delivery, Params, Received, Report, Verdict, Workers

ROUNDING = 1e-6
"""Of a share that is summed up in 32 bits."""
NEVER = 2**30 - 1
"""Age in the first round of an update that there is not: far more than is ever used."""
OLDEST = 2**31 - 2
"""At which 32 bits stop counting."""
Unauthenticated = Callable[[Consensus, Workers, Cache, Delivery, Array], Received]


def drop(
    consensus: Consensus, workers: Workers, held: Cache, delivery: Delivery, measured: Array
) -> Received:
    """Counts the authenticated nodes only."""
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
    """Uses the last accepted update of a node without a tag, up to a maximal age."""
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
    """Counts all nodes that sent anything; the adversary may replace what carries no tag."""
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
    """Returns the workers before their first round."""
    return Workers(jnp.zeros((nodes, *parameters.shape), parameters.dtype))


def empty(nodes: int, parameters: Float[Array, " parameters"]) -> Cache:
    """Returns the cache before any update was accepted."""
    return Cache(
        updates=jnp.zeros((nodes, *parameters.shape), parameters.dtype),
        information=jnp.zeros(nodes, parameters.dtype),
        age=jnp.full(nodes, NEVER, jnp.int32),
    )


def blend(consensus: Consensus, workers: Workers, gradients: Array, delivery: Delivery) -> Workers:
    """Returns the workers with their momentum m <- mu m + (1 - mu) g, where they measured any g.

    Source:
        Karimireddy, He and Jaggi, ICML 2021, arXiv:2012.10333: without it every rule fails.
    """
    fresh = consensus.momentum * workers.momentum + (1 - consensus.momentum) * gradients
    return Workers(jnp.where(delivery.shots[:, None] > 0, fresh, workers.momentum))


def measured_information(delivery: Delivery, qubits: int) -> Float[Array, " nodes"]:
    """Returns the Fisher information behind each update, in shots of perfect signal.

    It is the hub's measure, from its estimate of the pairs that it handed out; nothing that a node
    says enters.

    Args:
        delivery: Shots of each node, and the signal that the hub reckons with.
        qubits: Pairs that one shot takes.
    """
    return delivery.shots * information.depolarized_qfi_factor(delivery.signal, 2**qubits)


def receive(
    consensus: Consensus,
    workers: Workers,
    held: Cache,
    delivery: Delivery,
    measured: Float[Array, " nodes"],
) -> Received:
    """Returns what the hub would hold of honest nodes: what it does with those without a tag.

    Args:
        consensus: What it does.
        workers: Their updates of this round.
        held: The hub's cache.
        delivery: Who sent anything, and who with a tag.
        measured: Information behind the updates (`measured_information`).
    """
    return consensus.unauthenticated_updates(consensus, workers, held, delivery, measured)


def weigh(params: Params, received: Received) -> Float[Array, " nodes"]:
    """Returns the weights of the counted nodes, capped, before any update is looked at."""
    consensus, counted = params.consensus, received.counted
    raw = consensus.weighting(received.information, counted, params.learning.batch_floor)
    return consensus.cap(consensus, raw, counted, _variances(params, received))


def reject_non_finite(
    received: Received, weights: Float[Array, " nodes"]
) -> tuple[Received, Float[Array, " nodes"]]:
    """Returns what is left, and its weights, without the updates that hold no finite numbers."""
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
    """Returns the one update that the rule makes of all."""
    return consensus.rule(received.updates, weights, consensus.tolerated)


def commit(
    params: Params,
    received: Received,
    weights: Float[Array, " nodes"],
    update: Float[Array, " parameters"],
) -> Verdict:
    """Returns the verdict on a round.

    The hub acts only with a quorum: more than twice as many counted nodes as it must tolerate (four
    times with bucketing), and no more weight on the heaviest of them than `largest_share`.

    Args:
        params: Protocol, and the noise figures of the learning.
        received: What the rule was given.
        weights: The same.
        update: What it made of it.
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
    """Returns the cache with the updates that nodes made and the hub accepted in this round."""
    fresh = received.counted & (delivery.shots > 0) & ~received.forged
    return Cache(
        updates=jnp.where(fresh[:, None], received.updates, held.updates),
        information=jnp.where(fresh, measured, held.information),
        age=jnp.where(fresh, 0, jnp.minimum(held.age, OLDEST) + 1),
    )


def report(delivery: Delivery, received: Received, verdict: Verdict) -> Report:
    """Returns what the hub remembers of the round, for its next observation."""
    return Report(
        shots=delivery.shots,
        signal=delivery.signal,
        weights=verdict.weights,
        share=verdict.share,
        committed=verdict.committed,
        authenticated=delivery.authenticated.mean(dtype=verdict.weights.dtype),
        counted=received.counted.mean(dtype=verdict.weights.dtype),
    )


def no_report(nodes: int) -> Report:
    """Returns the report before any round."""
    nothing, zero = jnp.zeros(nodes, jnp.float32), jnp.float32(0)
    return Report(
        shots=jnp.zeros(nodes, jnp.int32),
        signal=nothing,
        weights=nothing,
        share=zero,
        committed=jnp.bool_(False),
        authenticated=zero,
        counted=zero,
    )


def _variances(params: Params, received: Received) -> Float[Array, " nodes"]:
    # Squared noise of one round, shots' and minibatch's, for estimates freed of their contraction.
    # The updates are not divided by it, so their own noise is smaller: the bound is safe.
    shot = 1 / jnp.maximum(received.information, 1e-9)
    return params.learning.noise_scale * (shot + 1 / params.learning.batch_floor)
