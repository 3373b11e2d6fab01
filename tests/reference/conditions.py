"""Changing links and memories in the reference, and the hub's estimates of them."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import rel_entr
from scipy.stats import binom

from ceas_gym.scenario import Scenario
from ceas_gym.types import Conditions, Evidence, Network
from reference.network import Node, errors
from reference.pairs import Array, Storage


def storage(scenario: Scenario, network: Network, conditions: Conditions) -> Storage:
    """Returns the noise of the memories in this round, with decay rates per window.

    The drift is the logarithm of a factor on the coherence times, which divides the rates.
    """
    rates = tuple(network.memories.decay_rate / np.exp(drift) for drift in conditions.drift)
    return Storage(scenario.hardware.memory, rates)


def trust(network: Network, tests: Evidence) -> Array:
    """Returns the factor in [0, 1] on the hub's estimate of new pairs, shape (nodes,)."""
    if not network.verifies:
        return np.ones(len(network.routes.vertex))
    doubt = float(network.verification.doubt)
    passed, made, promised = sums(tests)
    return np.array([trusted(*each, doubt) for each in zip(passed, made, promised, strict=True)])


def trusted(passed: float, made: float, promised: float, doubt: float) -> float:
    """Returns the least contraction that agrees with the tests, relative to the promised one.

    Args:
        passed: Weight of the tests that passed, in [0, made].
        made: Weight of all tests, at least 0.
        promised: Weighted sum of the contractions by the calibration, in (0, made].
        doubt: Logarithm of the inverse error probability of the bound, in nats; at least 0.

    Returns:
        A factor in [0, 1]; 0 without tests.

    Source:
        Hoeffding, J. Am. Stat. Assoc. 58, 13 (1963), theorem 1; for weights, our own derivation.
    """
    if made == 0:
        return 0.0
    share = passed / made

    def surprise(q: float) -> float:
        return made * float(rel_entr(share, q) + rel_entr(1 - share, 1 - q)) - doubt

    least: Any = brentq(surprise, 1e-300, share, xtol=1e-15) if share > 0 else 0.0
    return min(max((2 * least - 1) * made / promised, 0.0), 1.0)


def sums(tests: Evidence) -> tuple[Array, Array, Array]:
    """Returns the sums over the tests: passed, made and promised, each of shape (nodes,)."""
    return tests.passed, tests.made, tests.promised


def remember(network: Network, conditions: Conditions, nodes: list[Node]) -> Conditions:
    """Returns the conditions after the tests of authenticated nodes, in pairs, are added."""
    if not network.verifies:
        return conditions
    after: Array = np.array(sums(conditions.tests))
    for k, node in enumerate(nodes):
        if node.authenticated and node.tested:
            promised = [promise(network, node, pair.views[-1]) for pair in node.tested]
            new: Array = np.array([node.passed, len(node.tested), sum(promised)])
            after[:, k] = network.verification.persistence * after[:, k] + new
    passed, made, promised = after
    tests = Evidence(passed=passed, made=made, promised=promised)
    return replace(conditions, tests=tests)


def promise(network: Network, node: Node, estimated: Array) -> float:
    """Returns the mean contraction over X, Y and Z that the calibration predicts, in [-1, 1].

    The factor of trust is removed from the estimate; the noise of the readout is included.
    """
    most = float(network.key.contraction)
    seen = float(1 - 2 * np.mean(errors(network, estimated)))
    return min(seen / node.trust, most) if node.trust > 0 else most


def chances(network: Network, conditions: Conditions) -> Array:
    """Returns the probability of success of an attempt, in [0, 1], shape (nodes, hops)."""
    rates = network.condition_model.rate[conditions.link]
    return network.generation.success_probability * rates[network.routes.edge]


def advance(
    network: Network,
    conditions: Conditions,
    tried: Array,
    heralded: Array,
    clock: range,
    luck: Any,
    *,
    fires: bool = True,
) -> Conditions:
    """Returns the conditions of the next step, and the hub's estimates after its heralds.

    Args:
        network: The network.
        conditions: Of this step, in which some tests are added already.
        tried: Attempts, shape (windows, nodes, hops).
        heralded: Successful attempts, shape (windows, nodes, hops).
        clock: Ends of the step's windows: 1 for the end of the first window of the episode.
        luck: Decides how conditions and coherence times change.
        fires: Whether the step fires the barrier.

    Source:
        Forward recursion of a hidden Markov model: Rabiner, Proc. IEEE 77, 257 (1989). The drift
        is an Ornstein-Uhlenbeck process, sampled after every step: Phys. Rev. 36, 823 (1930).
    """
    model = network.condition_model
    edges = range(network.routes.edges)
    transition = model.transition[int(fires)]
    moved = [move(transition[conditions.link[e]], luck.moves[e]) for e in edges]
    known = [learn(network, conditions.belief[e], e, tried, heralded) for e in edges]
    belief = [[float(each @ column) for column in transition.T] for each in known]
    drift: Array = conditions.drift
    if network.drifts:
        kept, spread = model.persistence[int(fires)], model.spread
        truth = kept * drift[0] + spread * np.sqrt(1 - kept**2) * luck.shocks
        calibrated = any(windows % model.calibration_windows == 0 for windows in clock)
        drift = np.stack([truth, truth if calibrated else drift[1]])
    link: Any = np.array(moved, np.int64)
    believed: Any = np.array(belief)
    return Conditions(link=link, belief=believed, drift=drift, tests=conditions.tests)


def move(probabilities: Array, luck: float) -> int:
    """Returns the index of a condition, drawn by inversion of the cumulative probabilities.

    Args:
        probabilities: Of each condition, in [0, 1]; they sum to one.
        luck: A uniform number in [0, 1).
    """
    total = 0.0
    for condition, probability in enumerate(probabilities[:-1]):
        total += probability
        if luck < total:
            return condition
    return len(probabilities) - 1


def learn(network: Network, prior: Array, edge: int, tried: Array, heralded: Array) -> Array:
    """Returns the hub's belief about an edge in this step, shape (conditions,), in [0, 1].

    Bayes' rule is applied to the heralds of every window and route.

    Args:
        network: The network.
        prior: Belief before the step, shape (conditions,), in [0, 1].
        edge: Index of the fibre edge.
        tried: Attempts, shape (windows, nodes, hops).
        heralded: Successful attempts, shape (windows, nodes, hops).

    Source:
        Forward recursion of a hidden Markov model: Rabiner, Proc. IEEE 77, 257 (1989).
    """
    belief = np.array(prior)
    for window, k, hop in np.ndindex(tried.shape):
        if network.routes.is_hop[k, hop] and network.routes.edge[k, hop] == edge:
            likely = network.generation.success_probability[k, hop] * network.condition_model.rate
            belief *= binom.pmf(heralded[window, k, hop], tried[window, k, hop], likely)
            belief /= belief.sum()
    return belief
