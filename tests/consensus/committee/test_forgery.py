"""Forgery by guessed tags and substituted updates, and the fast path, in which none passes."""

from collections import Counter
from collections.abc import Callable
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from network import built
from numpy.typing import NDArray
from reference import hub_messages
from scipy.stats import binomtest

from ceas_gym.consensus.committee import authentication, galois
from ceas_gym.consensus.committee.authentication import TaggedMessage
from ceas_gym.network import barrier, storage
from ceas_gym.physics import key
from ceas_gym.types import Memory, Network

SMALL = [(16, 2, 4, 4), (24, 4, 6, 4), (24, 6, 8, 3)]
"""Bits of a message, bits of security, bits of a tag, number of blocks; every key can be tried."""
spend = jax.jit(barrier.spend)


def flipped(message: bytes, difference: int) -> bytes:
    number = int.from_bytes(message, "little") ^ difference
    return number.to_bytes(len(message), "little")


# --- Forgery ---


@pytest.mark.parametrize("hash_key", [0, 1, 9])
def test_pad_makes_every_tag_equally_likely(hash_key: int) -> None:
    tags = [authentication.tag(b"update", 4, hash_key, pad) for pad in range(16)]
    assert sorted(tags) == list(range(16))


def test_hashes_of_two_messages_differ_by_no_value_at_more_keys_than_there_are_blocks() -> None:
    # Messages of two blocks of four bits. Only the bits in which two messages differ matter.
    worst = 0
    for difference in range(1, 256):
        messages = b"\x5a", flipped(b"\x5a", difference)
        shifts = Counter(
            authentication.tag(messages[0], 4, k, 0) ^ authentication.tag(messages[1], 4, k, 0)
            for k in range(16)
        )
        worst = max(worst, *shifts.values())
    assert worst == 2


def rooted(roots: list[int], bits: int) -> list[int]:
    """Returns the coefficients of (k - r_1) ... (k - r_L), the constant first."""
    coefficients, modulus = [1], galois.irreducible(bits)
    for root in roots:
        scaled = [galois.multiply(root, one, modulus) for one in coefficients]
        coefficients = [a ^ b for a, b in zip([*scaled, 0], [0, *coefficients], strict=True)]
    return coefficients


def joined(blocks: list[int], bits: int) -> int:
    return sum(block << bits * place for place, block in enumerate(blocks))


@pytest.mark.parametrize(("message_bits", "security_bits", "bits", "blocks"), SMALL)
def test_best_substitution_reaches_its_bound(
    message_bits: int, security_bits: int, bits: int, blocks: int
) -> None:
    # The attacker has seen one message and its tag. It takes a polynomial with as many roots as
    # possible, adds its constant term to the tag, and its other coefficients to the message.
    shift, *difference = rooted(list(range(1, blocks + 1)), bits)
    message = b"update"[: message_bits // 8]
    other = flipped(message, joined(difference, bits))
    passed = 0
    for hash_key in range(2**bits):
        tag = authentication.tag(message, bits, hash_key, pad=5)
        passed += hub_messages.verify(other, tag ^ shift, bits, hash_key, pad=5)
    assert passed == blocks
    assert Fraction(passed, 2**bits) <= Fraction(1, 2**security_bits)


def accepted_forgeries(
    bits: int, attempts: int, forge: Callable[[TaggedMessage, np.random.Generator], TaggedMessage]
) -> int:
    """Returns how many attempts pass, each on a fresh link whose only message is replaced."""
    random, update, sends = np.random.default_rng(bits), np.array([[0.25]]), np.array([True])
    passed = 0
    for number in range(attempts):
        node, hub = authentication.share(random, bits, pad_bits=bits)
        accepted = hub_messages.authenticate(
            number, update, sends, [node], [hub], bits, lambda sent: [forge(sent[0], random)]
        )
        passed += 0 in accepted and accepted[0].tobytes() != np.float32(0.25).tobytes()
    return passed


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_guessed_tag_passes_once_in_2_to_its_length(bits: int) -> None:
    def guess(sent: TaggedMessage, random: np.random.Generator) -> TaggedMessage:
        return TaggedMessage(flipped(sent.message, 1 << 95), int(random.integers(2**bits)))

    attempts = 3000
    passed = accepted_forgeries(bits, attempts, guess)
    assert passed
    assert binomtest(passed, attempts, 0.5**bits).pvalue > 1e-3


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_substituted_update_passes_as_often_as_its_difference_has_roots(bits: int) -> None:
    # In a message of 96 bits the attacker can change only whole blocks of the update. It adds
    # k^(first + 1) times a polynomial with roots 1, 2, ..., so that 0 is a root too, and keeps the
    # tag.
    first = -(-64 // bits)
    own = 96 // bits - first
    difference = joined(rooted(list(range(1, own)), bits), bits) << bits * first

    def substitute(sent: TaggedMessage, random: np.random.Generator) -> TaggedMessage:
        del random
        return TaggedMessage(flipped(sent.message, difference), sent.tag)

    attempts = 3000
    passed = accepted_forgeries(bits, attempts, substitute)
    assert passed
    assert binomtest(passed, attempts, own / 2**bits).pvalue > 1e-3
    assert own <= 96 // bits


# --- The fast path ---


def delivered(network: Network, memory: Memory, pairs: NDArray[np.int64]) -> tuple[Memory, Array]:
    """Returns the memory after the simulation's barrier, and which nodes are authenticated."""
    young = pairs[:, None] * np.eye(1, network.memories.ages, dtype=int)
    memory = built.holding(young, memory.key_bits.sum(axis=(1, 2)))
    zero = jnp.zeros(len(pairs), jnp.int32)
    ledger = storage.no_fates(zero)
    links = built.steady(network)
    memory, delivery, _ = spend(network, links, memory, ledger, jax.random.key(0))
    return memory, delivery.authenticated


def test_fast_path_authenticates_the_same_nodes_whatever_is_forged() -> None:
    random, bits = np.random.default_rng(0), key.tag_bits(64 + 3 * 32, 32)
    network = built.star(tag_bits=float(bits), key_expires=False)
    held = np.array([1.25, 2.75, 3.0]) * bits
    nodes, hub = zip(*[authentication.share(random, bits, int(k)) for k in held], strict=True)
    memory, seen, outcomes = built.holding([[0] * 6] * 3, held), [], []

    def attack(sent: list[TaggedMessage]) -> list[TaggedMessage]:
        # Replayed messages, guessed tags and changed updates arrive before the true messages.
        guesses = [TaggedMessage(one.message, int(random.integers(2**bits))) for one in sent]
        altered = [TaggedMessage(flipped(one.message, 1 << 90), one.tag) for one in sent]
        forged = [*seen, *guesses, *altered]
        seen.extend(sent)
        return forged + sent

    # A shot takes two pairs, so node 1 has no shot in the second round, nor node 2 in the third.
    for number, pairs in enumerate(np.array([[4, 3, 2], [4, 1, 3], [2, 3, 0], [4, 4, 4]])):
        memory, authenticated = delivered(network, memory, pairs)
        updates = random.normal(size=(3, 3))
        accepted = hub_messages.authenticate(number, updates, pairs >= 2, nodes, hub, bits, attack)
        assert sorted(accepted) == np.flatnonzero(authenticated).tolist()
        for node, update in accepted.items():
            assert update.tolist() == updates[node].astype(np.float32).tolist()
        assert [len(end.pad) for end in hub] == np.floor(memory.key_bits.sum(axis=(1, 2))).tolist()
        outcomes.append(sorted(accepted))
    assert outcomes == [[0, 1, 2], [2], [1], [2]]
