"""Changing conditions: links that degrade and fail, memories that drift, and the hub's estimate.

Every link is a Markov chain over the conditions good, degraded and down. It moves after every step:
once after a round; or, where a step is a window, once for each window that the step takes.
The condition multiplies the success probability. The hub sees only what is heralded; its belief is
the exact posterior. The logarithm of every memory's coherence time is an autoregressive process of
first order. The hub learns the true value at a calibration and uses it until the next one. The
decay while light and messages travel does not drift, because it is too small for that to matter.
Where pairs are tested, the hub corrects the calibration by the results (`network.verification`).
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax.scipy.special import xlog1py, xlogy
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_gym.network import verification
from ceas_gym.types import Conditions, Links, Network


def steady(network: Network) -> Conditions:
    """Returns the nominal conditions: every link good, every coherence time as in the scenario.

    No pair has been tested, and the calibration is right.
    """
    rate, conditions = network.memories.decay_rate, network.condition_model.start.shape[0]
    return Conditions(
        link=jnp.zeros(network.routes.edges, jnp.int32),
        belief=jnp.zeros((network.routes.edges, conditions), rate.dtype).at[:, 0].set(1),
        drift=jnp.zeros((1 + network.estimate_may_differ, rate.shape[1]), rate.dtype),
        tests=verification.none(network),
    )


def start(network: Network, key: Key[Array, ""]) -> Conditions:
    """Returns the conditions of the first round, drawn at random; memories are just calibrated.

    Where pairs are verified, the commissioning tests have been made.

    Args:
        network: Links, and how they change.
        key: Random key.
    """
    link_key, drift_key, test_key = jax.random.split(key, 3)
    model, nominal = network.condition_model, steady(network)
    chances = jnp.broadcast_to(model.start, nominal.belief.shape)
    drift = nominal.drift
    if network.drifts:
        logarithm = model.spread * jax.random.normal(drift_key, drift.shape[1:], drift.dtype)
        drift = jnp.broadcast_to(logarithm, drift.shape)
    drawn = replace(nominal, link=_draw(chances, link_key), belief=chances, drift=drift)
    tests = verification.commission(network, links(network, drawn), test_key)
    return replace(drawn, tests=tests)


def links(network: Network, conditions: Conditions) -> Links:
    """Returns success probabilities in [0, 1] and decay under the conditions.

    Pairs are heralded at a uniformly random time of their window. So a pair with decay rate r per
    window keeps on average (1 - exp(-r)) / r of its contraction until the end of that window, which
    is the mean of exp(-r t) over t in [0, 1].

    Args:
        network: Nominal success probabilities, contractions and decay rates.
        conditions: Condition of each link, drift of each memory, and results of tests.
    """
    rate = network.memories.decay_rate * jnp.exp(-conditions.drift)[:, None]
    of_link = rate[..., network.routes.ends].sum(axis=-1)
    of_pair = rate[..., :1] + rate[..., network.routes.vertex]
    kept = jnp.where(of_link > 0, -jnp.expm1(-of_link) / jnp.where(of_link > 0, of_link, 1), 1)
    condition = network.condition_model.rate[conditions.link]
    return Links(
        success_probability=network.generation.success_probability * condition[network.routes.edge],
        fresh=verification.correct(
            network, conditions.tests, network.generation.contraction * kept
        ),
        link_decay=jnp.exp(-of_link),
        decay=jnp.exp(-of_pair),
    )


def advance(
    network: Network,
    conditions: Conditions,
    tried: Int[Array, "nodes hops"],
    heralded: Int[Array, "nodes hops"],
    before: Int[Array, ""],
    after: Int[Array, ""],
    fires: Bool[Array, ""] | bool,
    key: Key[Array, ""],
) -> Conditions:
    """Returns the conditions of the next step, with the hub's belief updated by this step.

    The hub calibrates if the clock passes a multiple of `calibration_windows` in this step.

    Args:
        network: Links, and how they change.
        conditions: Conditions of this step.
        tried: Attempts made in all windows.
        heralded: Attempts that succeeded.
        before: The clock before the step, in windows; at least 0.
        after: The clock after it; at least `before`.
        fires: Whether the step fires the barrier, as every round does.
        key: Random key.

    Source:
        Forward recursion of a hidden Markov model: Rabiner, Proc. IEEE 77, 257 (1989). The drift
        is an Ornstein-Uhlenbeck process, sampled after every step: Phys. Rev. 36, 823 (1930).
    """
    link_key, drift_key = jax.random.split(key)
    model, kind = network.condition_model, jnp.asarray(fires, jnp.int32)
    transition, interval = model.transition[kind], model.calibration_windows
    posterior = _posterior(network, conditions.belief, tried, heralded)
    calibrates = after // interval > before // interval
    persistence = model.persistence[kind]
    return replace(
        conditions,
        link=_draw(transition[conditions.link], link_key),
        belief=posterior @ transition,
        drift=_drift(network, conditions.drift, persistence, calibrates, drift_key),
    )


def _posterior(
    network: Network, belief: Array, tried: Int[Array, "nodes hops"], heralded: Array
) -> Float[Array, "edges conditions"]:
    # Bayes' rule; the number of heralded pairs is binomial, and independent between routes. Jamming
    # can make attempts fail although their success probability is 1. A first pass leaves out such
    # failures, as in the limit of links that hardly ever fail; the second pass counts them. A pass
    # under which no condition is possible changes nothing.
    probability = network.generation.success_probability[..., None] * network.condition_model.rate
    successes, failures = heralded[..., None], (tried - heralded)[..., None]
    passed, failed = xlogy(successes, probability), xlog1py(failures, -probability)
    posterior = belief
    for evidence in (passed + jnp.where(probability < 1, failed, 0), passed + failed):
        known = jnp.where(network.routes.is_hop[..., None], evidence, 0).astype(belief.dtype)
        logarithm = jnp.log(belief).at[network.routes.edge].add(known)
        possible = (logarithm > -jnp.inf).any(axis=1, keepdims=True)
        posterior = jnp.where(possible, jax.nn.softmax(logarithm, axis=1), posterior)
    return posterior


def _draw(chances: Float[Array, "edges conditions"], key: Key[Array, ""]) -> Int[Array, " edges"]:
    luck = jax.random.uniform(key, chances.shape[:1], chances.dtype)
    passed = luck[:, None] >= jnp.cumsum(chances, axis=1)[:, :-1]
    return passed.sum(axis=1).astype(jnp.int32)


def _drift(
    network: Network, drift: Array, persistence: Array, calibrates: Array, key: Key[Array, ""]
) -> Float[Array, "truth_and_estimate vertices"]:
    if not network.drifts:
        return drift
    truth, estimate = drift
    shock = network.condition_model.spread * jnp.sqrt(1 - persistence**2)
    truth = persistence * truth + shock * jax.random.normal(key, truth.shape, truth.dtype)
    return jnp.stack([truth, jnp.where(calibrates, truth, estimate)])
