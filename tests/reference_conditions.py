"""Changing links and memories in the slow reference, and what the hub makes of what it sees."""

from typing import Any

import numpy as np
from reference_pairs import Array, Storage
from scipy.stats import binom

from ceas_gym.scenario import Scenario
from ceas_gym.types import Conditions, Network


def storage(scenario: Scenario, network: Network, conditions: Conditions) -> Storage:
    """Returns the memories of the round: a coherence time that drifts up slows the decay."""
    rates = tuple(network.decay_rate / np.exp(drift) for drift in conditions.drift)
    return Storage(scenario.hardware.memory, rates)


def chances(network: Network, conditions: Conditions) -> Array:
    """Returns the probability of success of an attempt, for each node's hops."""
    rates = network.weather.rate[conditions.link]
    return network.success_probability * rates[network.edge]


def advance(
    network: Network,
    conditions: Conditions,
    tried: Array,
    heralded: Array,
    next_round: int,
    luck: Any,
) -> Conditions:
    """Returns the conditions of the next round; the hub learns from what was heralded."""
    weather = network.weather
    edges = range(network.edges)
    moved = [move(weather.transition[conditions.link[e]], luck.moves[e]) for e in edges]
    belief = [learn(network, conditions.belief[e], e, tried, heralded) for e in edges]
    drift: Array = conditions.drift
    if network.drifts:
        kept, spread = weather.persistence, weather.spread
        truth = kept * drift[0] + spread * np.sqrt(1 - kept**2) * luck.shocks
        calibrated = next_round % weather.calibration_rounds == 0
        drift = np.stack([truth, truth if calibrated else drift[1]])
    return Conditions(np.array(moved, np.int64), np.array(belief), drift)  # pyright: ignore[reportArgumentType]


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
        if network.is_hop[k, hop] and network.edge[k, hop] == edge:
            likely = network.success_probability[k, hop] * network.weather.rate
            belief *= binom.pmf(heralded[window, k, hop], tried[window, k, hop], likely)
            belief /= belief.sum()
    return np.array([belief @ column for column in network.weather.transition.T])
