"""Spending on arrival: shots are executed window by window; only tags wait for the barrier."""

from dataclasses import replace
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.comparison import Array
from network import built

from ceas_gym.network import arrival, barrier, forecast, storage
from ceas_gym.physics import register
from ceas_gym.scenario import NetworkSettings, Scenario
from ceas_gym.types import Gathered, Network

execute, spend = jax.jit(arrival.execute), jax.jit(barrier.spend)
TYPES = register.pauli_types(2)
WINDOWS = ([[3, 0, 2], [0, 1, 0], [0, 0, 0]], [[0, 4, 1], [1, 0, 0], [2, 0, 0]])
"""Pairs by age of three nodes in two windows; the second node has an odd pair in the first."""


@pytest.fixture
def network() -> Network:
    return replace(built.build(nodes=3, windows=4, oldest_windows=3), spends_on_arrival=True)


def holding(network: Network, gathered: Gathered, pairs: Array, contraction: Array) -> Gathered:
    """Returns what the network holds after these pairs were added."""
    held = gathered.memory.pairs + jnp.asarray(pairs, jnp.int32)
    memory = replace(gathered.memory, pairs=held, contraction=jnp.asarray(contraction[None]))
    return replace(gathered, memory=memory)


def of_all_assignments(pairs: list[Array]) -> tuple[Array, float]:
    """Returns the mean contraction of each type of Pauli word, and the signal, of two-qubit shots.

    Args:
        pairs: Contractions of X, Y and Z of each single pair, noise of teleportation included.
    """
    both = list(permutations(pairs, 2))
    letters = [[axis for axis in range(3) for _ in range(kind[axis])] for kind in TYPES]
    words = [
        np.mean([np.prod([pair[k] for k, pair in zip(word, two, strict=False)]) for two in both])
        for word in letters
    ]
    process = np.mean([(1 + one.sum()) / 4 * (1 + two.sum()) / 4 for one, two in both])
    return np.array(words), float((16 * process - 1) / 15)


def test_shots_of_two_windows_are_those_of_every_assignment(network: Network) -> None:
    random = np.random.default_rng(0)
    gathered = storage.begin(network, storage.empty(network))
    noise = np.asarray(network.operations.delivery_contraction)
    shots, words, signal = np.zeros(3, int), np.zeros((3, len(TYPES))), np.zeros(3)
    left = np.zeros((3, 3), int)
    for new in WINDOWS:
        contraction = random.uniform(0.6, 1, (3, 3, 3)).astype(np.float32)
        gathered = execute(network, holding(network, gathered, np.array(new), contraction))
        for k, counts in enumerate(left + np.array(new)):
            ages = np.repeat(np.arange(3), counts)
            # The freshest pairs are spent first, and an odd one is left.
            used, left[k] = ages[: len(ages) // 2 * 2], np.zeros(3, int)
            left[k, ages[len(used) :]] = 1
            if len(used):
                pairs = [contraction[:, k, age] * noise[:, k] for age in used]
                word, known = of_all_assignments(pairs)
                shots[k] += len(used) // 2
                words[k] += len(used) // 2 * word
                signal[k] += len(used) // 2 * known
    executed = gathered.executed
    assert executed is not None
    assert executed.shots.tolist() == shots.tolist() == [5, 1, 1]
    np.testing.assert_allclose(executed.contraction, words / shots[:, None], rtol=1e-5)
    np.testing.assert_allclose(executed.signal, signal / shots, rtol=1e-5)
    assert gathered.ledger.spent.tolist() == (2 * shots).tolist()
    assert gathered.memory.pairs.tolist() == left.tolist()


def test_a_node_needs_its_tags_at_the_barrier_but_no_pairs(network: Network) -> None:
    gathered = storage.begin(network, storage.empty(network))
    gathered = execute(
        network, holding(network, gathered, np.array(WINDOWS[0]), np.ones((3, 3, 3)))
    )
    enough = jnp.array([0.0, 1.0, 1.0]) * network.key.round_bits
    memory = replace(gathered.memory, key_bits=jnp.zeros((3, 1, 5)).at[:, 0, 0].set(enough))
    links, key = forecast.nominal(network), jax.random.key(0)
    after, delivery, ledger = spend(network, links, memory, gathered.ledger, key, gathered.executed)
    # The first node has executed two shots for nothing; the other two never had pairs for one.
    assert gathered.executed is not None
    assert gathered.executed.shots.tolist() == [2, 0, 0]
    assert delivery.shots.tolist() == [0, 0, 0]
    assert not delivery.authenticated.any()
    assert ledger.spent.tolist() == [4, 0, 0]
    assert after.key_bits.sum(axis=(1, 2)).tolist() == pytest.approx(enough.tolist())
    richer = replace(memory, key_bits=memory.key_bits.at[0, 0, 0].set(network.key.round_bits))
    after, delivery, _ = spend(network, links, richer, gathered.ledger, key, gathered.executed)
    assert delivery.shots.tolist() == [2, 0, 0]
    assert delivery.authenticated.tolist() == [True, False, False]
    assert float(after.key_bits[0].sum()) == pytest.approx(0, abs=1e-3)


def test_what_is_done_at_the_barrier_does_not_go_with_it() -> None:
    with pytest.raises(ValueError, match="purification = dejmps: pairs are purified at the barr"):
        NetworkSettings(spend="on_arrival", purification="dejmps")
    tested = {"network": {"spend": "on_arrival"}, "consensus": {"verification": {"pairs": 3}}}
    with pytest.raises(ValueError, match=r"verification.pairs = 3: pairs are tested at the barr"):
        Scenario.model_validate(tested)
