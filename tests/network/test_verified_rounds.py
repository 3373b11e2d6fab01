"""Rounds of a network whose pairs are tested: what is kept in balance, and what is free."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from network import built

from ceas_gym.network import barrier, conditions, storage, verification
from ceas_gym.types import Network


@jax.jit
def play(network: Network, seed: int = 0) -> tuple[Any, ...]:
    """One round of a star whose windows each bring the same pairs."""
    now = conditions.start(network, jax.random.key(seed))
    links = conditions.links(network, now)
    heralded = jnp.full((network.windows, 3, 1), 9, jnp.int32)
    stored, ledger = storage.store(network, links, storage.empty(network), heralded)
    left, ledger, outcome = verification.test(
        network, now.tests, jnp.zeros(3, bool), stored, ledger, jax.random.key(seed)
    )
    memory, delivery, ledger = barrier.spend(network, links, left, ledger, jax.random.key(seed))
    return now, memory, delivery, ledger, outcome


SMALL = {"nodes": 3, "windows": 4, "oldest_windows": 6, "lengths_km": (1.0, 2.0, 3.0)}
KEY = {"security_bits": 2}


@pytest.mark.parametrize("pairs", [1, 7, 1000])
def test_pairs_are_conserved(pairs: int) -> None:
    network = built.build({}, KEY, {"pairs": pairs}, **SMALL)
    _, memory, _, ledger, _ = play(network)
    fates = [ledger.spent, ledger.keyed, ledger.expired, ledger.blocked, ledger.sacrificed]
    total = np.sum([*fates, ledger.tested, memory.pairs.sum(axis=1)], axis=0)
    assert total.tolist() == ledger.generated.tolist()
    assert ledger.tested.sum() > 0


def test_books_of_a_doubted_node_are_lower_everywhere() -> None:
    network = built.build({}, KEY, {"pairs": 3, "commissioning_pairs": 500}, **SMALL)
    blind = built.build({}, KEY, **SMALL)
    now, memory, delivery, _, _ = play(network)
    _, _, plain, _, _ = play(blind)
    trusted = np.asarray(verification.trust(network, now.tests))
    assert (trusted < 1).all()
    truth, estimated = memory.contraction[..., :4]
    np.testing.assert_allclose(estimated, truth * trusted[:, None], rtol=1e-6)
    assert (delivery.signal < plain.signal).all()


def test_where_nothing_is_tested_nothing_is_there() -> None:
    network = built.build({}, KEY, **SMALL)
    now, memory, _, ledger, outcome = play(network)
    assert not network.verifies
    assert memory.contraction.shape[0] == 1
    assert [leaf.shape for leaf in jax.tree.leaves(now.tests)] == [(0,)] * 3
    assert outcome.made.shape == (0,)
    assert ledger.tested.tolist() == [0, 0, 0]
    again = verification.remember(network, now, outcome, jnp.ones(3, bool))
    assert jax.tree.structure(again) == jax.tree.structure(now)
    traced = str(jax.make_jaxpr(partial(conditions.links, network))(now))
    assert "while" not in traced
