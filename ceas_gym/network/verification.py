"""Verification: the hub tests pairs of every node, and corrects its calibration by the results.

The hub draws some of the stored pairs at random, and for each of them one of X, Y and Z. Both ends
measure it, and the pair passes if the outcomes agree as those of a perfect pair would. With
contractions c of the pair and the contraction r by the readout of both halves, the probability is

    (1 + r mean(c)) / 2,

which is (1 + 2 F) / 3 for any Bell-diagonal pair of fidelity F and perfect readout. Pairs come from
the hub or from a midpoint that it runs. Then no node can pass more often, because this is the
Helstrom bound on what it can learn of the hub's outcome; it can only fail on purpose. Results count
only if the node's message is authenticated.

From the tests the hub computes a lower bound on a node's contraction (`lower_bound`). Divided by
the contraction that the calibration predicts for the same pairs, it is the node's trust, a factor
in [0, 1] on the estimated contraction of the first link of its route. So the cut-off, key, weights
and forecasts all use the bound. Stored pairs keep the trust of the round in which they were made,
so for a pair left from an earlier round the calibrated value is known only up to the change of
trust since then.

If a node's bound is so low that its pairs seem to be below the cut-off, or yield no key for a tag,
none of its later tests count, and it stays excluded. With few tests this happens to honest nodes
too: from fifty remembered tests of which none failed, the bound on the fidelity is 0.91.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax.scipy.special import xlog1py
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_gym.jax_utils import randomness
from ceas_gym.network import ages, counts
from ceas_gym.types import Conditions, Evidence, Ledger, Links, Memory, Network

HALVINGS = 50
"""Steps of the bisection by which a bound is found."""


def none(network: Network) -> Evidence:
    """Returns the evidence where nothing is tested: arrays of shape (0,)."""
    nothing = jnp.zeros(0, network.memories.decay_rate.dtype)
    return Evidence(passed=nothing, made=nothing, promised=nothing)


def commission(network: Network, links: Links, key: Key[Array, ""]) -> Evidence:
    """Returns the evidence of the tests before the first round, on new pairs at a window's end.

    Args:
        network: Routes, readout, and the number of pairs that are tested.
        links: Links of the first round, with the calibration fully trusted.
        key: Random key.
    """
    if not network.verifies:
        return none(network)
    route = (
        jnp.where(network.routes.is_hop, links.fresh, 1).prod(axis=-1)
        * network.operations.swap_contraction
    )
    truth, promised = _as_read(network, route)
    made = jnp.full_like(truth, network.verification.commissioning_pairs)
    passed = randomness.binomial(key, made, (1 + truth) / 2)
    return Evidence(passed=passed.astype(made.dtype), made=made, promised=made * promised)


def test(
    network: Network,
    evidence: Evidence,
    fakes: Bool[Array, " nodes"],
    memory: Memory,
    ledger: Ledger,
    key: Key[Array, ""],
) -> tuple[Memory, Ledger, Evidence]:
    """Returns the memory without the tested pairs, the ledger with them, and their results.

    Args:
        network: Readout, and the number of pairs that are tested.
        evidence: Earlier results, on which the estimate of the stored pairs rests.
        fakes: Nodes that report a failure of every pair.
        memory: Pairs at the barrier.
        ledger: The round's ledger so far.
        key: Random key.

    Source:
        That a node can't pass more often: Helstrom, Quantum Detection and Estimation Theory (1976).
    """
    if not network.verifies:
        return memory, ledger, evidence
    memory = ages.widened(network, memory)
    draw_key, pass_key = jax.random.split(key)
    luck = jax.random.uniform(draw_key, fakes.shape, memory.contraction.dtype)
    tested = draw(memory.pairs, network.verification.pairs, luck)
    truth, estimated = _as_read(network, memory.contraction)
    passed = randomness.binomial(pass_key, tested, (1 + truth) / 2).sum(axis=1)
    made = tested.sum(axis=1)
    outcome = Evidence(
        passed=jnp.where(fakes, 0, passed).astype(estimated.dtype),
        made=made.astype(estimated.dtype),
        promised=counts.total(tested, _promised(network, evidence, estimated)),
    )
    left = ages.narrowed(network, replace(memory, pairs=memory.pairs - tested))
    return left, replace(ledger, tested=made), outcome


def draw(
    pairs: Int[Array, "nodes ages"], number: Int[Array, ""], luck: Float[Array, " nodes"]
) -> Int[Array, "nodes ages"]:
    """Returns how many pairs of each age are drawn; every pair has the same probability.

    Systematic sampling: with a node's N pairs in order of age, the pairs i at which i m / N + luck
    passes a whole number are drawn, m = min(number, N) of them. The arithmetic uses integers, so it
    is exact.

    Args:
        pairs: Stored pairs by age.
        number: Pairs to draw of each node; at least 0.
        luck: A uniform random number in [0, 1) for each node.

    Source:
        Madow and Madow, Annals of Mathematical Statistics 15, 1 (1944).

    Example:
        >>> draw(jnp.array([[4, 0, 2]]), jnp.array(3), jnp.array([0.5])).tolist()
        [[2, 0, 1]]
    """
    stored = pairs.sum(axis=1, keepdims=True)
    offset = jnp.minimum((luck[:, None] * stored).astype(pairs.dtype), stored - 1)
    places = jnp.cumsum(pairs, axis=1) * jnp.minimum(number, stored) + offset
    passed = places // jnp.maximum(stored, 1)
    return jnp.where(stored > 0, jnp.diff(passed, axis=1, prepend=0), 0).astype(pairs.dtype)


def remember(
    network: Network,
    conditions: Conditions,
    outcome: Evidence,
    authenticated: Bool[Array, " nodes"],
) -> Conditions:
    """Returns the conditions with the round's tests added to the evidence.

    Only tests of authenticated nodes count. When new tests of a node are added, the weight of its
    older tests is multiplied by `persistence`, in [0, 1].

    Args:
        network: The persistence of tests.
        conditions: Conditions of the round.
        outcome: Results of the round's tests.
        authenticated: Nodes whose message came with a valid tag.
    """
    if not network.verifies:
        return conditions
    counted = authenticated & (outcome.made > 0)
    kept = jnp.where(counted, network.verification.persistence, 1)
    tests = jax.tree.map(
        lambda before, new: kept * before + jnp.where(counted, new, 0), conditions.tests, outcome
    )
    return replace(conditions, tests=tests)


def correct(
    network: Network, evidence: Evidence, fresh: Float[Array, "truth_and_estimate xyz nodes hops"]
) -> Float[Array, "truth_and_estimate xyz nodes hops"]:
    """Returns the contraction of new pairs in which the estimate is multiplied by the node's trust.

    The contraction of a route is the product over its hops, so the first hop takes the factor.

    Args:
        network: The confidence of the bound.
        evidence: Results of the tests.
        fresh: Contraction of new pairs, in [-1, 1].
    """
    if evidence.made.shape[0] == 0:
        return fresh
    return fresh.at[-1, :, :, 0].multiply(trust(network, evidence))


def trust(network: Network, evidence: Evidence) -> Float[Array, " nodes"]:
    """Returns the share of the calibrated contraction that the tests confirm; in [0, 1].

    It is the lower bound on the mean contraction of the tested pairs, divided by the value that the
    calibration predicts for them, and zero for a node without a test.
    """
    bound = lower_bound(evidence.passed, evidence.made, network.verification.doubt)
    shown = jnp.maximum(2 * bound - 1, 0) * evidence.made
    promised = jnp.where(evidence.promised > 0, evidence.promised, 1)
    return jnp.where(evidence.promised > 0, jnp.minimum(shown / promised, 1), 0)


def lower_bound(
    passed: Float[Array, " nodes"], made: Float[Array, " nodes"], doubt: Float[Array, ""]
) -> Float[Array, " nodes"]:
    r"""Returns a lower confidence bound on the mean probability of passing.

    It is the least q <= p of Chernoff and Hoeffding, p the observed share, with

        made KL(p | q) <= doubt, KL(p | q) = p ln(p / q) + (1 - p) ln((1 - p) / (1 - q)).

    It exceeds the truth with a probability of at most exp(-doubt), also where tests X_i count with
    weights w_i <= 1. Then E exp(s w X) <= (E exp(s X))^w by Jensen's inequality. Because
    ln(1 - p + p e^s) is concave in p, the moment generating function of the weighted sum is at most
    that of W = sum w independent tests with the weighted mean probability, so Chernoff's bound
    holds. The bound is for a single round, not for all rounds of an episode at once, and for tests
    whose number does not depend on their outcomes.

    Args:
        passed: Total weight of the tests passed; at least 0.
        made: Total weight of all tests; at least `passed`.
        doubt: Natural logarithm of one over the probability of error; at least 0.

    Returns:
        The bound, in [0, p]; 0 where no test was made.

    Source:
        Hoeffding, J. Am. Stat. Assoc. 58, 13 (1963), theorem 1; for weights, our own derivation.

    Example:
        >>> bound = lower_bound(jnp.array([48.0]), jnp.array([50.0]), jnp.log(20.0))
        >>> print(bound.round(3))
        [0.855]
    """
    share = passed / jnp.where(made > 0, made, 1)

    def halve(_: int, interval: tuple[Array, Array]) -> tuple[Array, Array]:
        # Bisects p - q, because floating-point numbers q near p are too coarse.
        least, most = interval
        middle = (least + most) / 2
        likely = made * _divergence(share, middle) <= doubt
        return jnp.where(likely, middle, least), jnp.where(likely, most, middle)

    start = (jnp.zeros_like(share), share)
    return share - jax.lax.fori_loop(0, HALVINGS, halve, start)[1]


def _divergence(share: Array, below: Array) -> Array:
    # KL(p | p - below). Where p is 0 or 1, one of its terms vanishes.
    of_passing = xlog1py(share, below / (share - below))
    return of_passing + xlog1py(1 - share, -below / (1 - share + below))


def _as_read(
    network: Network, contraction: Float[Array, "truth_and_estimate xyz ..."]
) -> Float[Array, "truth_and_estimate ..."]:
    return network.key.contraction * contraction.mean(axis=1)


def _promised(
    network: Network, evidence: Evidence, estimated: Float[Array, "nodes ages"]
) -> Float[Array, "nodes ages"]:
    # Divides the trust out of the estimate. Without trust the calibrated value is unknown, and the
    # largest possible value is used.
    trusted = trust(network, evidence)[:, None]
    calibrated = jnp.where(trusted > 0, estimated / jnp.where(trusted > 0, trusted, 1), 1)
    return jnp.minimum(calibrated, network.key.contraction)
