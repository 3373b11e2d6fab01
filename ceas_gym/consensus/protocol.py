"""The hub's round: momentum, lapses, weights, attack, rule, quorum."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus import attacks, weights
from ceas_gym.physics import information
from ceas_gym.types import Coalition, Consensus, Delivery, Params, Received, Verdict, Workers

ROUNDING = 1e-6
"""Of a share that is summed up in 32 bits."""
NEVER = 2**30 - 1
"""Age in the first round of an update that there is not: far more than is ever used."""
OLDEST = 2**31 - 2
"""At which 32 bits stop counting."""
Lapse = Callable[[Consensus, Workers, Delivery, Array], Received]


def drop(consensus: Consensus, workers: Workers, delivery: Delivery, measured: Array) -> Received:
    """Counts the authenticated nodes only."""
    del consensus
    counted = delivery.authenticated
    return Received(workers.momentum, measured, counted, jnp.zeros_like(counted))


def cache(consensus: Consensus, workers: Workers, delivery: Delivery, measured: Array) -> Received:
    """Uses a lapsed node's last accepted update, up to a maximal age."""
    fresh = delivery.authenticated
    usable = fresh | (workers.accepted_age < consensus.cache_age)
    updates = jnp.where(fresh[:, None], workers.momentum, workers.accepted)
    held = jnp.where(fresh, measured, workers.accepted_information)
    return Received(updates, held, usable, jnp.zeros_like(fresh))


def accept(consensus: Consensus, workers: Workers, delivery: Delivery, measured: Array) -> Received:
    """Counts all nodes that sent anything; the adversary may replace what carries no tag."""
    del consensus
    counted = delivery.shots > 0
    return Received(workers.momentum, measured, counted, counted & ~delivery.authenticated)


LAPSES: dict[str, Lapse] = {"drop": drop, "cache": cache, "accept": accept}


def start(nodes: int, parameters: Float[Array, " parameters"]) -> Workers:
    """Returns the workers before their first round."""
    updates = jnp.zeros((nodes, *parameters.shape), parameters.dtype)
    never = jnp.full(nodes, NEVER, jnp.int32)
    return Workers(updates, updates, jnp.zeros(nodes, parameters.dtype), never)


def blend(consensus: Consensus, workers: Workers, gradients: Array, delivery: Delivery) -> Workers:
    """Returns the workers with their momentum m <- mu m + (1 - mu) g, where they measured any g.

    Source:
        Karimireddy, He and Jaggi, ICML 2021, arXiv:2012.10333: without it every rule fails.
    """
    fresh = consensus.momentum * workers.momentum + (1 - consensus.momentum) * gradients
    momentum = jnp.where(delivery.shots[:, None] > 0, fresh, workers.momentum)
    return Workers(momentum, workers.accepted, workers.accepted_information, workers.accepted_age)


def measured_information(delivery: Delivery, qubits: int) -> Float[Array, " nodes"]:
    """Returns the Fisher information behind each update, in shots of perfect signal.

    It is the hub's measure, from its books on the pairs that it handed out; nothing that a node
    says enters.

    Args:
        delivery: Shots of each node, and the signal that the hub reckons with.
        qubits: Pairs that one shot takes.
    """
    return delivery.shots * information.depolarized_qfi_factor(delivery.signal, 2**qubits)


def decide(
    params: Params, workers: Workers, delivery: Delivery, coalition: Coalition
) -> tuple[Workers, Received, Verdict]:
    """Returns the workers, what the hub received, and what it made of it.

    Weights are fixed before the updates are looked at, but for those of non-finite updates, which
    are rejected. The hub acts only with a quorum: more than twice as many counted nodes as it must
    tolerate (four times with bucketing), and no more weight on the heaviest of them than
    `largest_share`.

    Args:
        params: Protocol, coalition, and the noise figures of the learning.
        workers: With this round's momentum.
        delivery: What the network delivered.
        coalition: The Byzantine nodes.
    """
    consensus, adversary = params.consensus, params.adversary
    measured = measured_information(delivery, params.network.qubits)
    received = consensus.lapse(consensus, workers, delivery, measured)
    received = attacks.intercept(adversary, consensus, delivery, received, coalition)
    weight = _weigh(params, received)
    bad = (coalition.members & (delivery.shots > 0)) | received.forged
    sent = attacks.corrupt(adversary, consensus, received, weight, coalition, bad)
    received, sent, weight = _reject_non_finite(received, sent, weight)

    update = consensus.rule(sent, weight, consensus.tolerated)
    share = weights.top_share(weight, consensus.tolerated)
    quorum = consensus.votes_needed * consensus.tolerated < received.counted.sum()
    verdict = Verdict(
        update=update,
        committed=quorum & (share <= consensus.largest_share + ROUNDING),
        weights=weight,
        share=share,
        certificate=weights.certificate(weight, share, _variances(params, received)),
    )
    return _remember(workers, received, delivery, measured, sent), received, verdict


def _weigh(params: Params, received: Received) -> Float[Array, " nodes"]:
    consensus, counted = params.consensus, received.counted
    raw = consensus.weighting(received.information, counted, params.learning.batch_floor)
    return consensus.cap(consensus, raw, counted, _variances(params, received))


def _variances(params: Params, received: Received) -> Float[Array, " nodes"]:
    # Squared noise of one round, shots' and minibatch's, for estimates freed of their contraction.
    # The updates are not divided by it, so their own noise is smaller: the bound is safe.
    shot = 1 / jnp.maximum(received.information, 1e-9)
    return params.learning.noise_scale * (shot + 1 / params.learning.batch_floor)


def _reject_non_finite(
    received: Received, sent: Array, weight: Array
) -> tuple[Received, Array, Array]:
    finite = jnp.isfinite(sent).all(axis=1)
    weight = jnp.where(finite, weight, 0)
    weight = weight / jnp.maximum(weight.sum(), 1e-30)
    counted = received.counted & finite
    clean = jnp.where(counted[:, None], sent, 0)
    return Received(clean, received.information, counted, received.forged & finite), clean, weight


def _remember(
    workers: Workers, received: Received, delivery: Delivery, measured: Array, sent: Array
) -> Workers:
    fresh = received.counted & (delivery.shots > 0) & ~received.forged
    return Workers(
        momentum=workers.momentum,
        accepted=jnp.where(fresh[:, None], sent, workers.accepted),
        accepted_information=jnp.where(fresh, measured, workers.accepted_information),
        accepted_age=jnp.where(fresh, 0, jnp.minimum(workers.accepted_age, OLDEST) + 1),
    )
