"""Verification: the hub tests pairs of every node, and trusts its calibration as far as they pass.

The hub draws some of the stored pairs, and for each one a letter of X, Y and Z at random. Both ends
measure it, and the pair passes if the outcomes agree as those of a perfect pair would: with
contractions c and the readout r of both halves, in

    (1 + r mean(c)) / 2

of the cases, which is (1 + 2 F) / 3 for any Bell-diagonal pair of fidelity F read without error.
Pairs come from the hub or a midpoint that it runs. Then a node can do no better, for this is
Helstrom's bound on what it can tell of the hub's outcome: it can fake tests downwards only.
What it reports counts if its message is authenticated.

From the tests the hub has a lower bound on a node's contraction (`lower_bound`). Divided by what
the calibration promised for the same pairs it is the node's trust, a factor in [0, 1] on the
estimated contraction of the first link of its route. So cut-off, key, weights and forecasts all
reckon with the bound. Stored pairs keep the trust of the round in which they came: what the
calibration promised of one left from an earlier round is known only up to the change of trust since
then.

Where a node's bound is so low that its pairs seem to be below the cut-off, or yield no key for
a tag, no more of its tests count, and it stays excluded. That happens to honest nodes too where few
tests are made: of fifty that are remembered, none failed, the bound on the fidelity is 0.91.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax.scipy.special import xlog1py
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_gym.jax_utils import randomness
from ceas_gym.types import Conditions, Evidence, Ledger, Links, Memory, Network

HALVINGS = 50
"""Of the interval in which a bound is sought."""


def none(network: Network) -> Evidence:
    """Returns the evidence where nothing is tested."""
    nothing = jnp.zeros(0, network.memories.decay_rate.dtype)
    return Evidence(passed=nothing, made=nothing, promised=nothing)


def commission(network: Network, links: Links, key: Key[Array, ""]) -> Evidence:
    """Returns the evidence of the tests before the first round, on new pairs at a window's end.

    Args:
        network: How many are tested.
        links: As in the first round, with trust in the calibration.
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
    """Returns the memory without the tested pairs, the ledger with them, and how they did.

    Args:
        network: How many pairs are tested.
        evidence: On which the estimate of the stored pairs rests.
        fakes: Nodes that report a failure of every pair.
        memory: Pairs at the barrier.
        ledger: The round's ledger so far.
        key: Random key.
    """
    if not network.verifies:
        return memory, ledger, evidence
    draw_key, pass_key = jax.random.split(key)
    luck = jax.random.uniform(draw_key, fakes.shape, memory.contraction.dtype)
    tested = draw(memory.pairs, network.verification.pairs, luck)
    truth, estimated = _as_read(network, memory.contraction)
    passed = randomness.binomial(pass_key, tested, (1 + truth) / 2).sum(axis=1)
    made = tested.sum(axis=1)
    outcome = Evidence(
        passed=jnp.where(fakes, 0, passed).astype(estimated.dtype),
        made=made.astype(estimated.dtype),
        promised=(tested * _promised(network, evidence, estimated)).sum(axis=1),
    )
    return replace(memory, pairs=memory.pairs - tested), replace(ledger, tested=made), outcome


def draw(
    pairs: Int[Array, "nodes ages"], number: Int[Array, ""], luck: Float[Array, " nodes"]
) -> Int[Array, "nodes ages"]:
    """Returns the pairs that are drawn, by age: each one with the same probability.

    Systematic sampling: m = min(number, N) of a node's N pairs, in order of their age, are those
    at which i m / N + luck passes a whole number. The arithmetic is of whole numbers, and exact.

    Args:
        pairs: Stored, by age.
        number: How many are wanted of each node.
        luck: One uniform number in [0, 1) of each node.

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

    Older tests count less whenever new ones come, and only those of authenticated nodes do.

    Args:
        network: How long tests are remembered.
        conditions: Of the round.
        outcome: Of the round's tests.
        authenticated: Nodes whose message came with a valid tag.
    """
    if not network.verifies:
        return conditions
    counts = authenticated & (outcome.made > 0)
    kept = jnp.where(counts, network.verification.persistence, 1)
    tests = jax.tree.map(
        lambda before, new: kept * before + jnp.where(counts, new, 0), conditions.tests, outcome
    )
    return replace(conditions, tests=tests)


def correct(
    network: Network, evidence: Evidence, fresh: Float[Array, "truth_and_estimate xyz nodes hops"]
) -> Float[Array, "truth_and_estimate xyz nodes hops"]:
    """Returns the contraction of new pairs, the estimate times the trust in the node's route.

    The route's contraction is the product over its hops; the trust is on the first of them.
    """
    if evidence.made.shape[0] == 0:
        return fresh
    return fresh.at[-1, :, :, 0].multiply(trust(network, evidence))


def trust(network: Network, evidence: Evidence) -> Float[Array, " nodes"]:
    """Returns how much of the promised contraction the tests bear out; in [0, 1].

    It is the bound on the mean contraction of the tested pairs over what the calibration promised
    for them, and zero for a node without a test.
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

    With a probability of exp(-doubt) at most it exceeds the truth, also where tests X_i count by
    weights w_i <= 1: then E exp(s w X) <= (E exp(s X))^w by Jensen's inequality, and, since
    ln(1 - p + p e^s) is concave in p, the weighted sum has no larger moment generating function
    than W = sum w independent tests of the weighted mean probability, from which Chernoff's bound
    follows. It holds for any one round, not for all rounds of an episode at once, and
    for tests whose number does not depend on their outcomes.

    Args:
        passed: Weights of the tests passed.
        made: Weights of all tests; >= passed.
        doubt: Logarithm of one over the probability of error; >= 0.

    Returns:
        The bound, in [0, p]; 0 where no test was made.

    Source:
        Hoeffding, J. Am. Stat. Assoc. 58, 13 (1963), theorem 1.

    Example:
        >>> bound = lower_bound(jnp.array([48.0]), jnp.array([50.0]), jnp.log(20.0))
        >>> print(bound.round(3))
        [0.855]
    """
    share = passed / jnp.where(made > 0, made, 1)

    def halve(_: int, interval: tuple[Array, Array]) -> tuple[Array, Array]:
        # In terms of p - q, for q itself is too coarse where it is close to p.
        least, most = interval
        middle = (least + most) / 2
        likely = made * _divergence(share, middle) <= doubt
        return jnp.where(likely, middle, least), jnp.where(likely, most, middle)

    start = (jnp.zeros_like(share), share)
    return share - jax.lax.fori_loop(0, HALVINGS, halve, start)[1]


def _divergence(share: Array, below: Array) -> Array:
    # KL(p | p - below); where p is 0 or 1, one of its terms is none, however far below.
    of_passing = xlog1py(share, below / (share - below))
    return of_passing + xlog1py(1 - share, -below / (1 - share + below))


def _as_read(
    network: Network, contraction: Float[Array, "truth_and_estimate xyz ..."]
) -> Float[Array, "truth_and_estimate ..."]:
    return network.key.contraction * contraction.mean(axis=1)


def _promised(
    network: Network, evidence: Evidence, estimated: Float[Array, "nodes ages"]
) -> Float[Array, "nodes ages"]:
    # Without any trust the estimate tells nothing of the calibration: then it promised all that it
    # can.
    trusted = trust(network, evidence)[:, None]
    calibrated = jnp.where(trusted > 0, estimated / jnp.where(trusted > 0, trusted, 1), 1)
    return jnp.minimum(calibrated, network.key.contraction)
