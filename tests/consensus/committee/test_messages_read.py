"""Messages: undecodable ones are read as empty, and forged ones pass as rarely as stated."""

import numpy as np
import pytest
from consensus.committee import rounds
from consensus.committee.rounds import FOUR
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from ceas_gym.consensus.committee import behaviours, keys, messages
from ceas_gym.consensus.committee.agreement import Word
from ceas_gym.consensus.committee.network import Post
from ceas_gym.consensus.committee.settings import Committee

few = settings(derandomize=True, deadline=None, max_examples=100)
words = st.one_of(st.none(), st.integers(0, 2), st.binary(min_size=32, max_size=32))


@few
@given(st.lists(words, max_size=6))
def test_words_make_the_round_trip(said: list[Word]) -> None:
    assert messages.decode_words(messages.encode_words(said), len(said)) == said


@few
@given(st.binary(max_size=80), st.integers(0, 5))
def test_any_bytes_are_read_without_an_error(body: bytes, count: int) -> None:
    read = messages.decode_words(body, count)
    assert len(read) == count
    if any(word is not None for word in read):
        assert messages.encode_words(read) == body
    updates = messages.decode_updates(body, size=count)
    assert all(len(update) == count for update in updates.values())
    instructions = messages.decode_instructions(body, size=count)
    assert (instructions is None) == (len(body) < count)
    if instructions:
        assert len(instructions.model) == count
        assert messages.encode_instructions(instructions) == body


def test_digests_differ_by_node_round_and_update() -> None:
    cases = [(0, 0, b"one"), (1, 0, b"one"), (0, 1, b"one"), (0, 0, b"two"), (0, 0, b"")]
    assert len({messages.digest(*case) for case in cases}) == len(cases)


def test_headers_tell_exchange_sender_round_and_length() -> None:
    message = messages.encode(3, 2, 1, b"body")
    assert messages.sender_of(message) == 2
    for exchange, number in ((2, 1), (3, 0)):
        assert messages.body_of(message, exchange, number) is None
    assert messages.body_of(message + b"!", 3, 1) is None
    assert messages.body_of(message[:-1], 3, 1) is None
    assert messages.body_of(b"", 3, 1) is None


def forgeries(bits: int, attempts: int) -> int:
    """Returns how many forged messages pass, each on a fresh link, ahead of the true message."""
    random, passed = np.random.default_rng(bits), 0
    for number in range(attempts):
        store = keys.full(Committee(members=3, tag_bits=bits), 0, random, tags=1)
        post = Post(store, 3, number, frozenset({2}), behaviours.forge, random)
        arrived = post.exchange("other", {(0, 1): b"true"})
        passed += arrived[0, 1] != b"true"
    return passed


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_guessed_tag_of_a_letter_passes_once_in_2_to_its_length(bits: int) -> None:
    attempts = 1500
    passed = forgeries(bits, attempts)
    assert passed
    assert binomtest(passed, attempts, 0.5**bits).pvalue > 1e-3


def test_with_tags_of_one_bit_forged_votes_split_the_honest_members() -> None:
    # Agreement depends on the tags: with tags that are easily forged it fails.
    broken = 0
    for seed in range(12):
        weak = Committee(members=4, byzantine=1, tag_bits=1)
        outcome = rounds.play(weak, "forge", bad=[0], seed=seed)
        broken += any(
            vector[k] != rounds.digest(k) for vector in outcome.agreed.values() for k in range(3)
        )
    assert broken
    strong = rounds.play(FOUR, "forge", bad=[0])
    rounds.check(FOUR, strong, bad=[0])


def test_late_letters_and_those_of_whoever_was_missing_are_not_heard() -> None:
    store = rounds.store(FOUR)
    random = np.random.default_rng(0)
    post = Post(store, 4, 0, frozenset({0}), behaviours.delay, random)
    assert post.exchange("vote", {(0, 1): b"late", (2, 1): b"early"}, waits=True) == {
        (2, 1): b"early"
    }
    assert (post.absent, post.waited) == ({1: {0}}, [(0, "vote")])
    post.behaviour = behaviours.obey
    due = {(0, 1): b"again", (0, 2): b"first"}
    assert post.exchange("second", due, waits=True) == {(0, 2): b"first"}
    assert post.waited == [(0, "vote")]


def test_nothing_is_heard_that_is_not_due() -> None:
    store = rounds.store(FOUR)
    post = Post(store, 4, 0, frozenset({0}), behaviours.obey, np.random.default_rng(0))
    slot = store.slot(0, 1)
    message = messages.encode(0, 0, 0, b"uncalled for")

    def intrude(scene: object) -> list[behaviours.Envelope]:
        del scene
        return [behaviours.Envelope(1, behaviours.TaggedMessage(message, slot.tag(message)))]

    post.behaviour = intrude
    assert post.exchange("vote", {(2, 1): b"due"}) == {(2, 1): b"due"}
    # It is refused even if another message is due, because that one has another pad.
    post.number = 0
    assert post.exchange("vote", {(0, 1): b"due"}) == {}
