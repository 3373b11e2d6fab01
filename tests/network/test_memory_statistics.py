"""Monte Carlo of memories against closed forms: occupancy under a cut-off, and a buffer in use.

Slot semantics. A window of the simulator is a slot of the laws. In a slot, in this order: stored
pairs grow older by one and decay; those past the cut-off are discarded; one attempt is made, also
by a memory that a discard has freed in this slot; a success is stored with age 0 if a memory is
free. A pair is counted at the slot's end, so that under the cut-off t* it is seen at the ages 0 to
t*. The nodes of a network share nothing, and are the replicas that give the standard error.
"""

from math import comb, exp
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.compiled import for_long
from network import built
from network.measured import agree, herald, links_of, means

from ceas_gym.network import counts, storage
from ceas_gym.physics import bell
from ceas_gym.types import Ledger, Memory, Network

NODES, SLOTS, BURN_IN, AGES = 256, 1000, 250, 64


# --- Memory with a cut-off ---


def with_cutoff(
    success: float, last_age: int, memories: int, new: float = 0.9, decay: float = 0.01
) -> Network:
    """Returns replicas whose pairs have contraction `new` at age 0 and end after `last_age`."""
    network = built.replicas(np.full((NODES, 1), success), decay, AGES, memories)
    kept = -np.expm1(-decay) / decay
    between = (new * np.exp(-decay * (last_age + 0.5)) * 3 + 1) / 4
    return built.altered(
        network,
        generation_contraction=network.generation.contraction * np.float32(new / kept),
        cutoff_fidelity=jnp.float32(between),
    )


def stock(memory: Memory, ledger: Ledger) -> tuple[jax.Array, jax.Array]:
    """The pairs by age, and the sum of their fidelities."""
    del ledger
    return memory.pairs, (memory.pairs * counts.fidelity(memory.contraction[0])).sum(axis=1)


@pytest.mark.parametrize(
    ("success", "last_age", "new", "decay", "active", "fidelity", "both", "fresh"),
    [
        (0.1, 10, 0.95, 0.02, 0.55, 0.895986818925, 0.492792750409, 0.05),
        (0.01, 50, 0.9, 0.005, 0.34, 0.847300034547, 0.288082011746, 0.006666666667),
        (0.3, 5, 0.98, 0.05, 0.72, 0.901002528501, 0.648721820521, 0.12),
    ],
)
def test_memory_with_cutoff_follows_khatri(
    success: float,
    last_age: int,
    new: float,
    decay: float,
    active: float,
    fidelity: float,
    both: float,
    fresh: float,
) -> None:
    """Availability, uniform age and mean fidelity of one memory (Khatri, Quantum 5, 537)."""
    network = with_cutoff(success, last_age, 1, new, decay)
    seen = means(network, 2 * SLOTS, BURN_IN, stock, 1)
    by_age, total = (np.asarray(mean, float) for mean in seen)
    held = by_age.sum(axis=1)
    agree(held, active, resolved=0.05 * active)
    agree(total, both, resolved=0.05 * both)
    # The mean over active memories is a ratio; the numerator less the ratio times the denominator
    # is zero on average.
    agree(total - fidelity * held, 0.0, resolved=1e-3)
    agree(by_age[:, 0], fresh, resolved=0.05 * fresh)
    agree(by_age[:, : last_age + 1], fresh, resolved=0.1 * fresh)
    assert not by_age[:, last_age + 1 :].any()


def occupancy(memory: Memory, ledger: Ledger) -> tuple[jax.Array, jax.Array]:
    """Whether a node holds 0, 1, 2 ... pairs, and the pairs that were blocked."""
    return jax.nn.one_hot(memory.pairs.sum(axis=1), 12), ledger.blocked


@pytest.mark.parametrize(
    ("success", "last_age", "memories", "mean", "empty", "full"),
    [
        (0.1, 9, 1, 0.526315789474, 0.473684210526, 0.526315789474),
        (0.1, 9, 2, 0.833333333333, 0.375, 0.208333333333),
        (0.1, 9, 3, 0.959302325581, 0.353197674419, 0.058139534884),
        (0.1, 9, 10, 1.0, 0.348678440100, 1e-10),
        (0.2, 7, 2, 1.157894736842, 0.210526315789, 0.368421052632),
        (0.2, 7, 4, 1.562913907285, 0.169536423841, 0.046357615894),
    ],
)
def test_occupancy_of_several_memories_is_a_truncated_binomial(
    success: float, last_age: int, memories: int, mean: float, empty: float, full: float
) -> None:
    """One attempt line for M memories; a node whose memory is full stores nothing more."""
    network = with_cutoff(success, last_age, memories)
    law, blocked = (np.asarray(one, float) for one in means(network, SLOTS, BURN_IN, occupancy, 2))
    agree(law @ np.arange(12), mean, resolved=0.03 * mean)
    agree(law[:, 0], empty, resolved=0.03)
    odds = success / (1 - success)
    weights = np.array([comb(last_age + 1, n) * odds**n for n in range(memories + 1)])
    assert weights[-1] / weights.sum() == pytest.approx(full, abs=1e-11)
    seen = min(memories, 4)
    agree(law[:, : seen + 1], weights[: seen + 1] / weights.sum(), resolved=0.03)
    assert not law[:, memories + 1 :].any()
    # An attempt is lost where all memories hold pairs that are not about to be discarded. By age,
    # the M pairs of a full memory are equally likely anywhere, and none of them is the last age.
    if memories < 4:
        staying = full * (last_age + 1 - memories) / (last_age + 1)
        agree(blocked, success * staying, resolved=0.2 * success * staying)


# --- A buffer that is consumed and purified ---


class Buffer(NamedTuple):
    """A law's parameters; `generators` memories attempt at once, each with `success`."""

    success: float
    generators: int
    new: float
    decay: float
    requests: float
    purifies: float = 0.0


class Use(NamedTuple):
    """What happened in a slot, summed over slots."""

    served: Any
    fidelity: Any


@for_long
def used(network: Network, buffer: Buffer, key: jax.Array) -> Use:
    """Returns for each node how often a request would be served, and the fidelity it then got.

    Slot: the stored pair decays; a request comes with probability `requests`, and if it finds the
    pair it takes it and the slot ends. Otherwise all generators attempt. An empty buffer stores one
    new pair; one that was full purifies its pair with a new one, with probability `purifies`: a
    success leaves one pair, twirled to a Werner state as in the paper, and a failure none at all.
    """
    links = links_of(network)
    herald_key, luck_key = jax.random.split(key)
    heralded = herald(network, links, BURN_IN + SLOTS, herald_key)
    luck = jax.random.uniform(luck_key, (BURN_IN + SLOTS, 3, heralded.shape[1]))

    def step(memory: Memory, given: tuple[jax.Array, jax.Array]) -> tuple[Memory, Use]:
        new, (asks, tries, succeeds) = given
        was_full = memory.pairs.sum(axis=1) > 0
        served = (asks < buffer.requests) & was_full
        # Who is served does not attempt in this slot.
        new = jnp.where(served[:, None], 0, new)
        memory, ledger = storage.store(network, links, memory, new[None])
        taken = counts.take(memory.pairs, served.astype(jnp.int32), oldest_first=False)
        letters = memory.contraction[0]
        got = (taken * counts.fidelity(letters)).sum(axis=1)
        left = memory.pairs - taken

        purifies = was_full & (ledger.blocked > 0) & (tries < buffer.purifies)
        held = (left * letters).sum(axis=2).T
        chance, better = bell.purify(bell.from_letters(held), bell.werner(buffer.new), "dejmps")
        twirled = bell.contraction(better)[None, None, :, None]
        left = jnp.where((purifies & (succeeds >= chance))[:, None], 0, left)
        contraction = jnp.where(purifies[:, None], twirled, memory.contraction)
        after = Memory(
            pairs=left, contraction=contraction, links=memory.links, key_bits=memory.key_bits
        )
        return after, Use(served.astype(float), got)

    _, use = jax.lax.scan(step, storage.empty(network), (heralded, luck))
    return jax.tree.map(lambda one: one[BURN_IN:].mean(axis=0), use)


def use_of(buffer: Buffer, seed: int) -> tuple[np.ndarray, np.ndarray]:
    kept = -np.expm1(-buffer.decay) / buffer.decay
    network = built.replicas(np.full((NODES, 1), buffer.success), buffer.decay, 2 * AGES, 1)
    network = built.altered(
        network,
        modes=jnp.int32(buffer.generators),
        generation_contraction=network.generation.contraction * np.float32(buffer.new / kept),
    )
    served, fidelity = used(network, buffer, jax.random.key(seed))
    return np.asarray(served, float), np.asarray(fidelity, float)


def compare(buffer: Buffer, available: float, consumed: float, seed: int) -> None:
    served, fidelity = use_of(buffer, seed)
    agree(served / buffer.requests, available, resolved=0.02)
    agree(fidelity - consumed * served, 0.0, resolved=2e-3 * buffer.requests)


def contraction(fidelity: float) -> float:
    return (4 * fidelity - 1) / 3


@pytest.mark.parametrize(
    ("generators", "success", "new", "decay", "requests", "available", "consumed"),
    [
        (1, 0.3, 0.95, 0.02, 0.1, 0.75, 0.832356),
        (4, 0.1, 0.9, 0.05, 0.2, 0.632285, 0.767369),
        (2, 0.5, 0.99, 0.1, 0.5, 0.6, 0.861398),
    ],
)
def test_buffer_that_is_consumed(
    generators: int,
    success: float,
    new: float,
    decay: float,
    requests: float,
    available: float,
    consumed: float,
) -> None:
    """Availability and consumed fidelity of one good memory, arXiv:2502.20240, not purified."""
    generated = 1 - (1 - success) ** generators
    assert available == pytest.approx(1 / (1 + requests / generated), abs=1e-6)
    law = 0.25 + (new - 0.25) * requests / (exp(decay) - 1 + requests)
    assert consumed == pytest.approx(law, abs=1e-6)
    buffer = Buffer(success, generators, contraction(new), decay, requests)
    compare(buffer, available, consumed, seed=3)


@pytest.mark.parametrize(
    ("purifies", "available", "consumed"),
    [(0.0, 0.714286, 0.858992), (0.5, 0.691326, 0.885461), (1.0, 0.672165, 0.898469)],
)
def test_buffer_that_is_purified(purifies: float, available: float, consumed: float) -> None:
    """The same with two-to-one DEJMPS, at the parameters that the paper validates with."""
    buffer = Buffer(0.5, 2, contraction(0.9), 1 / 50, 0.3, purifies)
    compare(buffer, available, consumed, seed=4)
