"""Agreement with signatures against all that one Byzantine member of three can do, and beyond."""

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
from consensus.committee import rounds
from scipy.stats import binomtest

from ceas_gym.consensus.committee import broadcast, keys, messages, signatures
from ceas_gym.consensus.committee.settings import Committee
from ceas_gym.consensus.committee.signatures import Chain, Notary

X, Y = (messages.encode_words([bytes([letter]) * 32]) for letter in b"xy")
THREE = Committee(members=3, byzantine=1, tag_bits=16, signatures="one_time_hash")
Known = dict[int, list[bytes]]


def genuine(signer: int, content: bytes, token: bytes) -> bool:
    """Returns whether a signature passes; none can be forged, as it contains signer and content."""
    return token == bytes([signer]) + content


def chain(origin: int, vector: bytes, *signers: int) -> Chain:
    unsigned = Chain(origin, vector, signers, ())
    tokens = tuple(bytes([signer]) + unsigned.content() for signer in signers)
    return unsigned._replace(tokens=tokens)


def subsets(chains: list[Chain]) -> Iterable[tuple[Chain, ...]]:
    for size in range(len(chains) + 1):
        yield from itertools.combinations(chains, size)


def heard(known: Known, chains: Iterable[Chain], exchange: int) -> tuple[Known, list[Chain]]:
    after = dict(known)
    return after, signatures.accept(after, chains, exchange, genuine)


def signed_on(fresh: list[Chain], signer: int) -> list[Chain]:
    return [chain(one.origin, one.vector, *one.signers, signer) for one in fresh]


Vectors = tuple[tuple[object, ...], ...]


def vectors(known: Known) -> Vectors:
    return tuple(tuple(broadcast.vector_of(known.get(who, []), 1)) for who in range(3))


def ends(bad_first: tuple[tuple[Chain, ...], ...], held: tuple[bytes, bytes]) -> list[set[Vectors]]:
    """Returns what honest members 0 and 1 can each end with, given what member 2 first tells them.

    Member 2 is Byzantine. In the second exchange it tells each of them anything, independently.
    """
    own = [chain(0, held[0], 0), chain(1, held[1], 1)]
    first = [heard({m: [held[m]]}, [own[1 - m], *bad_first[m]], 1) for m in (0, 1)]
    relayed = [signed_on(first[m][1], m) for m in (0, 1)]
    # Member 2 can add its signature to what honest members signed, but cannot sign for them.
    seen = [chain(one.origin, one.vector, *one.signers, 2) for one in own]
    lies = list(subsets([*seen, *relayed[0], *relayed[1]]))
    return [
        {vectors(heard(first[m][0], [*relayed[1 - m], *lie], 2)[0]) for lie in lies} for m in (0, 1)
    ]


def test_one_bad_member_of_three_breaks_nothing() -> None:
    lies = list(subsets([chain(2, X, 2), chain(2, Y, 2), chain(0, Y, 0, 2), chain(2, Y, 2, 2)]))
    found: set[Vectors] = set()
    for bad_first in itertools.product(lies, repeat=2):
        for held in ((X, X), (X, Y)):
            one, other = ends(bad_first, held)
            # Both end the same, whatever member 2 tells them in the second exchange.
            assert one == other
            (end,) = one
            assert end[:2] == tuple(tuple(messages.decode_words(vector, 1)) for vector in held)
            found.add(end)
    # Three outcomes for the Byzantine vector (X, Y or None) times two for the honest vectors.
    assert len(found) == 6


def test_one_exchange_is_not_enough() -> None:
    # Member 2 sends two vectors. Members 0 and 1 learn of both only by the second exchange.
    known = [heard({}, [chain(2, vector, 2)], 1)[0] for vector in (X, Y)]
    assert known[0] != known[1]
    known = [heard(known[m], [chain(2, (Y, X)[m], 2, 1 - m)], 2)[0] for m in (0, 1)]
    assert sorted(known[0][2]) == sorted(known[1][2]) == [X, Y]


@pytest.mark.parametrize(
    ("wrong", "exchange"),
    [
        (chain(2, X, 2), 2),
        (chain(2, X, 2, 2), 2),
        (chain(2, X, 1, 2), 2),
        (chain(2, X, 2, 1), 1),
        (chain(2, X), 0),
        (chain(2, X, 2)._replace(vector=Y), 1),
        (chain(2, X, 2)._replace(origin=1, signers=(1,)), 1),
    ],
)
def test_chain_counts_only_with_signatures_of_as_many_members_as_exchanges(
    wrong: Chain, exchange: int
) -> None:
    known: Known = {}
    assert not signatures.accept(known, [wrong], exchange, genuine)
    assert not known


def test_two_members_of_four_that_hold_a_value_are_too_few() -> None:
    assert broadcast.chosen([X, X, None, None], support=3) is None
    assert broadcast.chosen([X, X, X, None], support=3) == X


# --- Signatures ---


def notary(bits: int, seed: int = 0, tags: int = 40) -> Notary:
    random = np.random.default_rng(seed)
    store = keys.full(Committee(members=3, tag_bits=bits), 0, random, tags)
    return Notary(store, 3, random)


def test_signature_convinces_whoever_it_is_shown_to_and_costs_three_strings_a_verifier() -> None:
    board = notary(16)
    token = board.sign(0, b"x")
    assert token
    assert board.valid(0, b"x", token)
    assert not board.valid(1, b"x", token)
    assert not board.valid(0, b"y", token)
    assert board.sign(0, b"x") == token
    assert (board.keys.used(0, 1), board.keys.used(0, 2), board.keys.used(1, 2)) == (48, 48, 0)


def test_member_without_key_or_with_too_many_signatures_signs_nothing() -> None:
    assert notary(16, tags=2).sign(0, b"x") is None
    board = notary(16)
    made = [board.sign(0, bytes([number])) for number in range(8)]
    assert [token is not None for token in made] == [True] * 6 + [False] * 2


@pytest.mark.parametrize("bits", [3, 6])
def test_forged_signature_passes_once_in_2_to_its_length_and_then_for_all(bits: int) -> None:
    attempts, passed = 1000, 0
    for seed in range(attempts):
        board = notary(bits, seed, tags=0)
        passes = board.valid(0, b"x", b"?")
        assert board.valid(0, b"x", b"?") == passes
        passed += passes
    assert passed
    assert binomtest(passed, attempts, 0.5**bits).pvalue > 1e-3


def test_two_bad_members_of_three_split_nobody_but_agree_on_what_they_like() -> None:
    # Beyond the bound: with one honest member left, the two Byzantine ones decide what counts.
    outcome = rounds.play(THREE, "lie_about_digests", bad=[0, 1])
    assert outcome.counted() == {0, 1, 2}
    assert rounds.play(THREE, "silent", bad=[0, 1]).counted() == set()


def test_garbled_chains_are_read_as_far_as_they_go() -> None:
    one, other = chain(2, X, 2), chain(1, Y, 1)
    tokens = ((b"ab",), (b"cd",))
    chains = [a._replace(tokens=t) for a, t in zip((one, other), tokens, strict=True)]
    whole = signatures.encode(chains)
    assert signatures.decode(whole, 16) == chains
    for end in range(len(whole)):
        assert signatures.decode(whole[:end], 16) in ([], chains[:1])


def test_member_that_cannot_sign_its_vector_does_not_count_it() -> None:
    """Members 0 and 1 lack key for a signature; no member is Byzantine, and all agree."""
    held = rounds.store(THREE)
    while held.left(0, 1) >= signatures.SHARES * THREE.tag_bits:
        held.draw(0, 1, THREE.tag_bits)
    outcome = rounds.play(THREE, keys=held)
    assert outcome.signatures == 1
    assert outcome.counted() == set()
    assert rounds.numbers(outcome.models.values()) == [rounds.MODEL.tolist()] * 3


def test_a_forged_signature_that_passes_leaves_the_true_one_valid() -> None:
    three = Committee(members=3, byzantine=1, tag_bits=4, signatures="one_time_hash")
    notary = Notary(rounds.store(three), 3, np.random.default_rng(0))
    true = notary.sign(0, b"said")
    assert true is not None
    forged = [number.to_bytes(2, "big") for number in range(2000)]
    passed = [token for token in forged if notary.valid(0, b"said", token)]
    assert 60 < len(passed) < 200  # One in sixteen.
    assert all(notary.valid(0, b"said", token) for token in [true, *passed])
