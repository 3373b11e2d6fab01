"""The compiled barrier counts the updates, and uses up the key, of the executed committee."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from network import built
from reference import committee

from ceas_gym.consensus import hubs
from ceas_gym.consensus.committee import counts
from ceas_gym.consensus.committee.settings import Committee
from ceas_gym.network import barrier, storage
from ceas_gym.scenario import Scenario
from ceas_gym.types import MemberLink, Memory

NODES, BITS, ROUNDS = 3, 20, 24
ATTACKS = ("none", "leader_stall", "equivocation", "withheld_confirmation")
HELD = (0.0, BITS, 2 * BITS - 0.1, 2 * BITS, 2 * BITS, 2 * BITS, 3.3 * BITS)
"""Key that a node may share with a member, in bits; two tags are needed."""
COMMITTEES = {
    "four": {"members": 4, "byzantine": 1},
    "seven": {"members": 7, "byzantine": 2},
    "signed": {"members": 3, "byzantine": 1, "signatures": "one_time_hash"},
}
spend = jax.jit(barrier.spend)


def holding(random: np.random.Generator, members: int) -> Memory:
    """Returns a memory with pairs for some shots of most nodes, and any key."""
    memory = built.holding([[int(random.integers(0, 5)), 0, 0, 0, 0, 0] for _ in range(NODES)])
    # In half of the rounds every link has enough key.
    bits = random.choice(HELD[random.integers(0, 2) * 3 :], (NODES, members))
    key_bits = jnp.zeros((NODES, members, 5)).at[:, :, 1].set(jnp.asarray(bits))
    return replace(memory, key_bits=key_bits)


@pytest.mark.parametrize("name", COMMITTEES)
def test_random_rounds_equal_the_executed_protocol(name: str) -> None:
    asked = COMMITTEES[name]
    members = asked["members"]
    network = built.star(tag_bits=float(BITS), tags=2.0, key_members=members)
    links, random = built.steady(network), np.random.default_rng(members)
    ledger, seen = storage.no_fates(jnp.zeros(NODES, jnp.int32)), []
    for number in range(ROUNDS):
        memory = holding(random, members)
        left, delivery, _ = spend(network, links, memory, ledger, jax.random.key(0))
        held = np.asarray(memory.key_bits.sum(axis=2))
        sent = [list(held[k]) if delivery.shots[k] else [] for k in range(NODES)]
        outcome = committee.play(
            scenario(asked, ATTACKS[number % 4]), BITS, number, random.normal(size=(NODES, 2)), sent
        )
        counted = set(np.flatnonzero(delivery.authenticated))
        assert outcome.counted() == counted
        assert outcome.node_tags == 2 * members * len(counted)
        used = held.sum(axis=1) - np.asarray(left.key_bits.sum(axis=(1, 2)))
        expected = [2 * members * BITS * (k in counted) for k in range(NODES)]
        assert used == pytest.approx(np.array(expected), abs=1e-3)
        seen.append(len(counted))
    assert set(seen) == set(range(NODES + 1))


@pytest.mark.parametrize("name", COMMITTEES)
def test_agreements_end_as_late_as_the_executed_ones(name: str) -> None:
    asked = COMMITTEES[name] | {"timeout_windows": 0.5}
    delays = hubs.members(Committee(**asked), MemberLink(pairs=1.0, bits=1.0)).delay
    found = [committee.late_windows(scenario(asked, "leader_stall"), r) for r in range(len(delays))]
    assert delays.tolist() == found
    assert committee.late_windows(scenario(asked, "none"), 0) == 0


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_takes_more_key_than_is_charged(attack: str) -> None:
    asked = COMMITTEES["seven"]
    protocol = Committee(**asked, tag_bits=BITS)
    enough = [[2.0 * BITS] * 7] * NODES
    for number in range(7):
        outcome = committee.play(scenario(asked, attack), BITS, number, np.ones((NODES, 2)), enough)
        among = outcome.key_bits - BITS * outcome.node_tags
        agreement = counts.of_round(protocol, nodes=0).key_bits
        fetches = counts.most_fetches(protocol) * BITS * (attack == "equivocation")
        assert agreement <= among <= agreement + fetches


def scenario(asked: dict[str, Any], attack: str) -> Scenario:
    """Returns a scenario of which the committee and the attack are used."""
    given = {"consensus": {"committee": asked}, "attack": {"name": attack}}
    return Scenario.model_validate(given)
