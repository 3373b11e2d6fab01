"""What a barrier would be worth by the hub's own estimate, against what it then is."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from network import built

from ceas_gym.network import barrier, storage
from ceas_gym.task import readiness

NODES = 3
spend = jax.jit(barrier.spend)


def of_signal(signal: Any) -> Any:
    """Returns the information of a shot of two qubits; see `physics.information`."""
    return signal**2 / (signal + 2 * (1 - signal) / 4)


def _ratios(random: np.random.Generator) -> Iterator[float]:
    # Of the estimate to what is delivered; all pairs are spent, and every node is ready.
    network = built.star(tag_bits=1.0)
    links, none = built.steady(network), storage.no_fates(jnp.zeros(NODES, jnp.int32))
    for _ in range(20):
        contraction = random.uniform(0.6, 0.96, (1, NODES, 6))
        pairs = 2 * random.integers(1, 9, (NODES, 6))
        memory = built.holding(pairs, [9.0] * NODES, np.repeat(contraction, 3, axis=0))
        params: Any = SimpleNamespace(network=network)
        found = readiness.assess(params, links, storage.begin(network, memory))
        _, delivery, ledger = spend(network, links, memory, none, jax.random.key(0))
        assert ledger.spent.tolist() == pairs.sum(axis=1).tolist()
        assert found.ready.all()
        yield from np.asarray(found.information / (delivery.shots * of_signal(delivery.signal)))


def test_mean_fidelity_gives_a_little_more_than_the_pairs_themselves() -> None:
    """Of pairs that are drawn without replacement, the mean of products is below that of means.

    That is Maclaurin's inequality, in which pairs of equal fidelity make both sides equal. Pairs of
    the default cut-off, 0.7, to 0.97 lose little.
    """
    with jax.enable_x64(True):
        ratios = [*_ratios(np.random.default_rng(0))]
    assert min(ratios) > 1
    assert max(ratios) < 1.01


def case(quorum: int, floor: float = 1e9) -> Any:
    """Returns the parameters that the worth depends on."""
    consensus = SimpleNamespace(
        votes_needed=jnp.int32(quorum - 1), tolerated=1, largest_share=0.999
    )
    return SimpleNamespace(consensus=consensus, learning=SimpleNamespace(batch_floor=floor))


@pytest.mark.parametrize(
    ("information", "ready", "floor", "shots"),
    [
        # Equal nodes: their sum.
        ([100.0, 100.0, 100.0], [1, 1, 1], 1e9, 300),
        # An idle node costs: (10 + 10 + 0)^2 / 3.
        ([100.0, 100.0, 0.0], [1, 1, 1], 1e9, 400 / 3),
        ([100.0, 100.0, 900.0], [1, 1, 0], 1e9, 200),
        # The noise of the batch is as much as that of a hundred shots.
        ([100.0, 100.0, 100.0], [1, 1, 1], 100.0, 150),
        ([100.0, 100.0, 100.0], [1, 0, 0], 1e9, 0),
    ],
)
def test_worth_of_a_barrier(
    information: list[float], ready: list[int], floor: float, shots: float
) -> None:
    found = readiness.worth(case(2, floor), jnp.array(information), jnp.array(ready, bool))
    assert float(found) == pytest.approx(shots / (shots + 300), rel=1e-5)
