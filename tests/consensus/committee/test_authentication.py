"""Executed authentication: the tag, the one-time pad, and a whole round."""

from fractions import Fraction
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from reference import hub_messages
from reference.hub_messages import Channel

from ceas_gym.consensus import hubs
from ceas_gym.consensus.committee import authentication, galois
from ceas_gym.consensus.committee.authentication import Pad, Party, TaggedMessage
from ceas_gym.physics import key

Update = NDArray[np.float32]
SHEET = [
    (1024, 40, 45, 23),
    (1024, 64, 68, 16),
    (1920, 64, 69, 28),
    (8192, 64, 71, 116),
    (65536, 64, 74, 886),
    (3200, 80, 86, 38),
    (1_000_000, 128, 141, 7093),
]
"""Bits of a message, bits of security, bits of a tag, number of blocks."""
SMALL = [(16, 2, 4, 4), (24, 4, 6, 4), (24, 6, 8, 3)]
"""The same for tags so short that a test can try every key."""
LONG = 40
"""Length of a tag in bits; one of a thousand guesses passes with probability below 1e-8."""
few = settings(derandomize=True, deadline=None, max_examples=40)


def raised(point: int, exponent: int, bits: int) -> int:
    modulus = galois.irreducible(bits)
    return reduce(lambda power, _: galois.multiply(power, point, modulus), range(exponent), 1)


def flipped(message: bytes, difference: int) -> bytes:
    number = int.from_bytes(message, "little") ^ difference
    return number.to_bytes(len(message), "little")


# --- The tag ---


@pytest.mark.parametrize(("message_bits", "security_bits", "bits", "blocks"), SHEET + SMALL)
def test_tag_has_the_priced_length_and_that_buys_the_security(
    message_bits: int, security_bits: int, bits: int, blocks: int
) -> None:
    assert key.tag_bits(message_bits, security_bits) == bits
    allowed = Fraction(1, 2**security_bits)
    assert Fraction(blocks, 2**bits) <= allowed
    shorter = Fraction(-(-message_bits // (bits - 1)), 2 ** (bits - 1))
    assert shorter > allowed
    # Only the last block is not 0; it is multiplied by the highest power of the key.
    last = (1 << bits * (blocks - 1)).to_bytes(message_bits // 8, "little")
    assert authentication.tag(last, bits, 3, pad=0) == raised(3, blocks, bits)


def test_message_has_the_priced_length() -> None:
    message = hub_messages.encode(3, 7, np.zeros(11))
    assert 8 * len(message) == hubs.HEADER_BITS + hubs.WORD_BITS * 11


@pytest.mark.parametrize("bits", [5, 8, 45, 68])
def test_hash_is_that_of_powers_of_a_matrix(bits: int) -> None:
    # Multiplication by x shifts the bits; the highest is replaced by the rest of the modulus.
    random, modulus = np.random.default_rng(bits), galois.irreducible(bits)
    places = np.arange(bits)
    shift = np.eye(bits, k=-1, dtype=int)
    shift[:, -1] = [modulus >> place & 1 for place in range(bits)]
    point, message = random.integers(0, 2, bits), random.bytes(24)
    times = sum(bit * np.linalg.matrix_power(shift, i) for i, bit in enumerate(point)) % 2
    sent = np.unpackbits(np.frombuffer(message, np.uint8), bitorder="little").astype(int)
    hashed, power = np.zeros(bits, int), np.eye(bits, dtype=int)
    for block in np.split(np.pad(sent, (0, -len(sent) % bits)), -(-len(sent) // bits)):
        power = power @ times % 2
        hashed = (hashed + power @ block) % 2
    expected, hash_key = (sum(int(v[i]) << int(i) for i in places) for v in (hashed, point))
    assert authentication.tag(message, bits, hash_key, pad=0) == expected


def test_round_trip_and_every_single_bit_that_is_flipped() -> None:
    random = np.random.default_rng(0)
    message = hub_messages.encode(3, 7, random.normal(size=4))
    bits = key.tag_bits(8 * len(message), security_bits=32)
    hash_key, pad = 12345678901, 9876543210
    tag = authentication.tag(message, bits, hash_key, pad)
    assert hub_messages.verify(message, tag, bits, hash_key, pad)
    for place in range(8 * len(message)):
        other = flipped(message, 1 << place)
        assert not hub_messages.verify(other, tag, bits, hash_key, pad)
    for place in range(bits + 1):
        assert not hub_messages.verify(message, tag ^ 1 << place, bits, hash_key, pad)
        assert not hub_messages.verify(message, tag, bits, hash_key, pad ^ 1 << place)
        assert not hub_messages.verify(message, tag, bits, hash_key ^ 1 << place, pad)


def test_messages_differ_by_node_round_length_and_update() -> None:
    update = [0.5, -1.0]
    cases = [(0, 0, update), (1, 0, update), (0, 1, update), (0, 0, [0.5]), (0, 0, [0.5, 1.0])]
    assert len({hub_messages.encode(*case) for case in cases}) == len(cases)


@pytest.mark.parametrize(("node", "round_number"), [(2**16, 0), (0, 2**24), (-1, 0)])
def test_what_does_not_fit_the_header_is_refused(node: int, round_number: int) -> None:
    with pytest.raises(OverflowError):
        hub_messages.encode(node, round_number, [0.0])


# --- The pad ---


@few
@given(
    secret=st.lists(st.integers(0, 1), max_size=60),
    draws=st.lists(st.tuples(st.integers(0, 20), st.lists(st.integers(0, 1), max_size=9))),
)
def test_no_bit_is_handed_out_twice_and_none_is_left_out(
    secret: list[int], draws: list[tuple[int, list[int]]]
) -> None:
    pad, handed, all_bits = Pad(secret), [], list(secret)
    for count, new in draws:
        left = len(all_bits) - len(handed)
        if count > left:
            with pytest.raises(ValueError, match=f"the {left} bits left, but is {count}"):
                pad.draw(count)
        else:
            number = pad.draw(count)
            handed += [number >> place & 1 for place in range(count)]
        pad.add(new)
        all_bits += new
        assert pad.position == len(handed)
        assert len(pad) == len(all_bits) - len(handed)
    assert handed == all_bits[: len(handed)]


def test_negative_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="but is -1"):
        Pad([1, 1]).draw(-1)


def test_both_ends_hold_the_same_key_and_links_do_not() -> None:
    random = np.random.default_rng(0)
    node, hub = authentication.share(random, LONG, pad_bits=100)
    other, _ = authentication.share(random, LONG, pad_bits=100)
    assert node.hash_key == hub.hash_key != other.hash_key
    drawn = [party.pad.draw(100) for party in (node, hub, other)]
    assert drawn[0] == drawn[1] != drawn[2]


# --- A round ---


class Star:
    """A hub and nodes with key for a given number of tags each, and the number of rounds played."""

    def __init__(self, tags: list[int], bits: int = LONG, parameters: int = 3) -> None:
        self.random = np.random.default_rng(sum(tags))
        links = [authentication.share(self.random, bits, bits * count) for count in tags]
        self.nodes, self.hub = [node for node, _ in links], [hub for _, hub in links]
        self.bits, self.round = bits, 0
        self.updates = self.random.normal(size=(len(tags), parameters))
        self.sent: list[list[TaggedMessage]] = []

    def play(
        self, channel: Channel = hub_messages.faithful, sends: list[bool] | None = None
    ) -> dict[int, Update]:
        def recorded(sent: list[TaggedMessage]) -> list[TaggedMessage]:
            self.sent.append(sent)
            return channel(sent)

        who = np.array(sends or [True] * len(self.nodes))
        accepted = hub_messages.authenticate(
            self.round, self.updates, who, self.nodes, self.hub, self.bits, recorded
        )
        self.round += 1
        return accepted


def test_hub_accepts_what_was_sent_from_whoever_has_key_and_shots() -> None:
    star = Star([2, 0, 1, 2])
    accepted = [star.play(sends=[True, True, True, False]), star.play()]
    assert [sorted(one) for one in accepted] == [[0, 2], [0, 3]]
    for node, update in (accepted[0] | accepted[1]).items():
        assert update.tolist() == star.updates[node].astype(np.float32).tolist()
    assert [len(party.pad) for party in star.nodes] == [0, 0, 0, LONG]


@pytest.mark.parametrize("instead", [True, False])
def test_replay_is_refused(instead: bool) -> None:
    star = Star([2, 2])
    star.play()
    old = star.sent[0]
    star.updates = star.updates + 1
    accepted = star.play(lambda sent: sent[:1] + old if instead else old + sent)
    assert accepted[0].tolist() == star.updates[0].astype(np.float32).tolist()
    assert sorted(accepted) == ([0] if instead else [0, 1])


def test_old_tag_under_a_new_round_is_refused() -> None:
    star = Star([2])
    star.play()
    message, tag = star.sent[0][0]
    dated = hub_messages.encode(0, 1, star.updates[0])
    assert dated != message
    assert not star.play(lambda _: [TaggedMessage(dated, tag)])


def test_tag_of_another_node_is_refused() -> None:
    star = Star([2, 2])

    def speak_for_another(sent: list[TaggedMessage]) -> list[TaggedMessage]:
        own = sent[0]
        return [own, TaggedMessage(hub_messages.encode(1, 0, star.updates[1]), own.tag)]

    assert sorted(star.play(speak_for_another)) == [0]


def test_messages_of_strangers_and_of_another_length_are_refused() -> None:
    star = Star([1])

    def distort(sent: list[TaggedMessage]) -> list[TaggedMessage]:
        message, tag = sent[0]
        others = (b"", message[:5], message[:-4], message + bytes(4), b"\xff\xff" + message[2:])
        return [TaggedMessage(other, tag) for other in others]

    assert not star.play(distort)
    # The length is checked even if the tag is valid.
    node, hub = authentication.share(star.random, LONG, pad_bits=LONG)
    sent = hub_messages.send(0, 0, [1.0, 2.0], node, LONG)
    assert sent
    assert not hub_messages.receive(0, 3, np.array([True]), [hub], LONG, [sent])


def test_of_two_messages_with_true_tags_the_first_counts() -> None:
    # A Byzantine node knows its pad, and can make two valid tags with it.
    star = Star([1], parameters=1)

    def twice(sent: list[TaggedMessage]) -> list[TaggedMessage]:
        messages = [hub_messages.encode(0, 0, [value]) for value in (0.25, 0.75)]
        hash_key = star.nodes[0].hash_key
        blank = [authentication.tag(one, LONG, hash_key, 0) for one in (sent[0].message, *messages)]
        pad = sent[0].tag ^ blank[0]
        return [TaggedMessage(m, one ^ pad) for m, one in zip(messages, blank[1:], strict=True)]

    assert star.play(twice)[0].tolist() == [0.25]


def test_nothing_passes_for_a_node_without_key_or_shots() -> None:
    # With tags of one bit every second forgery would pass, but there is no pad to verify it with.
    star = Star([0, 1], bits=1)
    forged = [
        TaggedMessage(hub_messages.encode(node, 0, star.updates[node]), tag)
        for node in (0, 1)
        for tag in (0, 1)
    ]
    assert not star.play(lambda _: forged, sends=[True, False])


def test_lost_and_garbled_messages_leave_both_ends_in_step() -> None:
    star = Star([9, 9])
    channels: list[Channel] = [
        hub_messages.faithful,
        lambda sent: [],
        lambda sent: [TaggedMessage(message, tag ^ 1) for message, tag in sent],
    ]
    for number in range(9):
        accepted = star.play(channels[number % 3], sends=[True, number < 5])
        expected = [0, 1] if number < 5 else [0]
        assert sorted(accepted) == (expected if number % 3 == 0 else [])
    for node, hub, tags in zip(star.nodes, star.hub, (9, 5), strict=True):
        assert node.pad.position == hub.pad.position == LONG * (1 + tags)
        assert len(node.pad) == len(hub.pad) == LONG * (9 - tags)


@few
@given(st.lists(st.booleans(), max_size=8), st.integers(0, 2**30))
def test_no_key_bit_is_used_for_two_tags(plan: list[bool], seed: int) -> None:
    bits, random = 7, np.random.default_rng(seed)
    secret = random.integers(0, 2, 6 * bits)
    pads = [Pad(secret), Pad(secret)]
    node, hub = (Party(pad.draw(bits), pad) for pad in pads)
    used: list[int] = []

    def read(sent: list[TaggedMessage]) -> list[TaggedMessage]:
        # The hash key and the tag reveal the pad that was used.
        for message, tag in sent:
            pad = tag ^ authentication.tag(message, bits, node.hash_key, pad=0)
            used.extend(pad >> place & 1 for place in range(bits))
        return sent[: random.integers(2)]  # Some are lost.

    for number, sends in enumerate(plan):
        update, who = np.ones((1, 1)), np.array([sends])
        hub_messages.authenticate(number, update, who, [node], [hub], bits, read)
    tags = min(sum(plan), 5)
    assert used == secret[bits : bits * (1 + tags)].tolist()
    assert node.pad.position == hub.pad.position == bits * (1 + tags)
