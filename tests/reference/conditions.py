"""Changing links and memories in the slow reference, and what the hub makes of what it sees."""

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
    """Returns the memories of the round: a coherence time that drifts up slows the decay."""
    rates = tuple(network.memories.decay_rate / np.exp(drift) for drift in conditions.drift)
    return Storage(scenario.hardware.memory, rates)


def trust(network: Network, tests: Evidence) -> Array:
    """Returns each node's factor on the estimate of new pairs."""
    if not network.verifies:
        return np.ones(len(network.routes.vertex))
    doubt = float(network.verification.doubt)
    passed, made, promised = sums(tests)
    return np.array([trusted(*each, doubt) for each in zip(passed, made, promised, strict=True)])


def trusted(passed: float, made: float, promised: float, doubt: float) -> float:
    """Returns the least contraction that the tests allow, over what was promised of them."""
    if made == 0:
        return 0.0
    share = passed / made

    def surprise(q: float) -> float:
        return made * float(rel_entr(share, q) + rel_entr(1 - share, 1 - q)) - doubt

    least: Any = brentq(surprise, 1e-300, share, xtol=1e-15) if share > 0 else 0.0
    return min(max((2 * least - 1) * made / promised, 0.0), 1.0)


def sums(tests: Evidence) -> tuple[Array, Array, Array]:
    """Returns the three sums."""
    return tests.passed, tests.made, tests.promised


def remember(network: Network, conditions: Conditions, nodes: list[Node]) -> Conditions:
    """Returns the conditions with what the tests of authenticated nodes taught."""
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
    """Returns by how much, in the calibration, agreement exceeds disagreement."""
    most = float(network.key.contraction)
    seen = float(1 - 2 * np.mean(errors(network, estimated)))
    return min(seen / node.trust, most) if node.trust > 0 else most


def chances(network: Network, conditions: Conditions) -> Array:
    """Returns the probability of success of an attempt, for each node's hops."""
    rates = network.condition_model.rate[conditions.link]
    return network.generation.success_probability * rates[network.routes.edge]


def advance(
    network: Network,
    conditions: Conditions,
    tried: Array,
    heralded: Array,
    next_round: int,
    luck: Any,
) -> Conditions:
    """Returns the conditions of the next round; the hub learns from what was heralded."""
    model = network.condition_model
    edges = range(network.routes.edges)
    moved = [move(model.transition[conditions.link[e]], luck.moves[e]) for e in edges]
    belief = [learn(network, conditions.belief[e], e, tried, heralded) for e in edges]
    drift: Array = conditions.drift
    if network.drifts:
        kept, spread = model.persistence, model.spread
        truth = kept * drift[0] + spread * np.sqrt(1 - kept**2) * luck.shocks
        calibrated = next_round % model.calibration_rounds == 0
        drift = np.stack([truth, truth if calibrated else drift[1]])
    link: Any = np.array(moved, np.int64)
    believed: Any = np.array(belief)
    return Conditions(link=link, belief=believed, drift=drift, tests=conditions.tests)


def move(probabilities: Array, luck: float) -> int:
    """Returns the first condition up to which the probabilities exceed the luck."""
    total = 0.0
    for condition, probability in enumerate(probabilities[:-1]):
        total += probability
        if luck < total:
            return condition
    return len(probabilities) - 1


def learn(network: Network, prior: Array, edge: int, tried: Array, heralded: Array) -> Array:
    """Returns the belief of the next round by Bayes' rule, one window and route after another."""
    belief = np.array(prior)
    for window, k, hop in np.ndindex(tried.shape):
        if network.routes.is_hop[k, hop] and network.routes.edge[k, hop] == edge:
            likely = network.generation.success_probability[k, hop] * network.condition_model.rate
            belief *= binom.pmf(heralded[window, k, hop], tried[window, k, hop], likely)
            belief /= belief.sum()
    return np.array([belief @ column for column in network.condition_model.transition.T])
