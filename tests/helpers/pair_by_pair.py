"""Nodes of the scenario `micro`, pair by pair: how they age, are stored, and are spent."""

import itertools
from typing import Any

import numpy as np

from ceas_gym.types import Network

SUCCESS = float(np.float32(0.7))
"""The simulator has 32 bits of it."""
FIDELITY, CUTOFF, MEMORIES = 0.8, 0.6, 4


def rates_and_gates(network: Network) -> tuple[Any, Any]:
    """Returns the decay rate of each node's pairs, and what teleportation leaves of X, Y and Z."""
    hub, *nodes = np.asarray(network.memories.decay_rate[0], float)
    rates = hub + np.array(nodes)[np.asarray(network.routes.vertex) - 1]
    return rates, np.asarray(network.operations.delivery_contraction, float)


def contraction_at(age: int, rate: float) -> float:
    """Returns that of a pair at the end of a window, heralded at a random time of its first."""
    return (4 * FIDELITY - 1) / 3 * -np.expm1(-rate) / rate * np.exp(-rate * age)


def fidelity(contraction: float) -> float:
    """Returns that of a pair with the same contraction of X, Y and Z."""
    return (1 + 3 * contraction) / 4


def older(ages: list[int], rate: float, oldest: int) -> list[int]:
    """Returns the ages of the pairs that are still kept a window later."""
    grown = [age + 1 for age in ages if age + 1 < oldest]
    return [age for age in grown if fidelity(contraction_at(age, rate)) >= CUTOFF]


def window(ages: list[int], made: int, rate: float, oldest: int) -> list[int]:
    """Returns the ages of a node's pairs after a window in which these are made."""
    kept = older(ages, rate, oldest)
    return kept + [0] * min(made, MEMORIES - len(kept))


def spend(ages: list[int], rate: float, gates: Any) -> tuple[float, list[int]]:
    """Returns the information of a node's pairs, two a shot, in every order, and what is left."""
    shots, order = len(ages) // 2, sorted(ages)
    # Of X, Y and Z, the teleportation leaves different parts.
    arriving = [(1 + contraction_at(age, rate) * gates.sum()) / 4 for age in order[: 2 * shots]]
    if not shots:
        return 0.0, order
    process = float(np.mean([a * b for a, b in itertools.permutations(arriving, 2)]))
    signal = (16 * process - 1) / 15
    return shots * signal**2 / (signal + 2 * (1 - signal) / 4), order[2 * shots :]


def ages_of(row: Any) -> list[int]:
    """Returns the age of every pair of a node from their numbers by age."""
    return [age for age, number in enumerate(row) for _ in range(number)]
