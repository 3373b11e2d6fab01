"""Authentication as nodes and hub would execute it: a Wegman-Carter tag on every update.

It is the reference for what the simulation has as a certainty: an update of a node with key for a
tag is authenticated, a forged one is not. Each forgery that is tried passes with probability 2^-t
as long as its author has seen no tag of the round, and L 2^-t at most in any case, where an update
is L blocks of t bits. The hash key is used again, as the pad hides all about it: over a run, these
probabilities add up (Portmann).

Nothing here is meant to protect secrets: the key comes from a simulation's random numbers.

Sources:
    Wegman and Carter, JCSS 22, 265 (1981); Portmann, IEEE Trans. Inf. Theory 60, 4383 (2014),
    arXiv:1202.1229.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from ceas_gym.consensus.committee import galois

NODE_BYTES, ROUND_BYTES, LENGTH_BYTES = 2, 3, 3
HEADER_BYTES = NODE_BYTES + ROUND_BYTES + LENGTH_BYTES
WORD = np.dtype("<f4")

Update = Float[np.ndarray, " parameters"]


class Pad:
    """One-time key in the order in which two parties measured it; no bit is handed out twice.

    Attributes:
        position: Bits handed out so far; equal at both ends of a link.

    Example:
        >>> pad = Pad([1, 0, 1, 1])
        >>> pad.draw(3), len(pad)
        (5, 1)
    """

    def __init__(self, bits: Iterable[int] = ()) -> None:
        """Holds some bits, each 0 or 1."""
        self._bits: deque[bool] = deque()
        self.position = 0
        self.add(bits)

    def __len__(self) -> int:
        """Returns how many bits are left."""
        return len(self._bits)

    def add(self, bits: Iterable[int]) -> None:
        """Takes in new key, to be used after what is held."""
        self._bits.extend(bool(bit) for bit in bits)

    def draw(self, count: int) -> int:
        """Returns the oldest bits, the first of them as the lowest of a number; they are gone then.

        Raises:
            ValueError: If fewer are left; then none is handed out.
        """
        if not 0 <= count <= len(self):
            raise ValueError(
                f"Argument `count` must lie between 0 and the {len(self)} bits left, but is "
                f"{count}."
            )
        self.position += count
        return sum(self._bits.popleft() << place for place in range(count))


class Party(NamedTuple):
    """What one end of a link keeps secret."""

    hash_key: int
    """A point of GF(2^t), used again for every message."""
    pad: Pad


class TaggedMessage(NamedTuple):
    """What is sent, for everybody to read."""

    message: bytes
    tag: int


Channel = Callable[[list[TaggedMessage]], list[TaggedMessage]]
"""What the network makes of the messages of a round: it may add, alter, copy and drop any."""


def faithful(sent: list[TaggedMessage]) -> list[TaggedMessage]:
    """Delivers every message as it was sent, and no other."""
    return sent


def share(random: np.random.Generator, tag_bits: int, pad_bits: int) -> tuple[Party, Party]:
    """Returns the two ends of a link, which hold the same key.

    Args:
        random: Source of the key.
        tag_bits: Length t of a tag, and so of the hash key.
        pad_bits: Further bits, to be used once.
    """
    secret = random.integers(0, 2, tag_bits + pad_bits)
    one, other = Pad(secret), Pad(secret)
    return Party(one.draw(tag_bits), one), Party(other.draw(tag_bits), other)


def encode(node: int, round_number: int, update: ArrayLike) -> bytes:
    """Returns what a tag covers: node, round and length in 64 bits, and the update's 32-bit words.

    Equal updates of two nodes, or in two rounds, are different messages.

    Args:
        node: Index of the sender; below 2^16.
        round_number: Index of the round; below 2^24.
        update: Its numbers, which are rounded to 32 bits; fewer than 2^24.

    Raises:
        OverflowError: If one of them does not fit.

    Example:
        >>> encode(node=1, round_number=2, update=[1.0]).hex(" ", 4)
        '01000200 00010000 0000803f'
    """
    words = np.asarray(update, WORD)
    return _header(node, round_number, words.size) + words.tobytes()


def tag(message: bytes, bits: int, hash_key: int, pad: int) -> int:
    """Returns the tag of a message: its hash, hidden by a one-time pad.

    The blocks M_1 to M_L of t bits are hashed to M_1 k + M_2 k^2 + ... + M_L k^L over GF(2^t). Two
    messages of equal length differ by a given value at no more than L of the 2^t points k.

    Args:
        message: The bytes, whose last block is filled up with zeros.
        bits: Length t of the tag, as `physics.key.tag_bits` has it.
        hash_key: Point k, in [0, 2^t); may be used again.
        pad: Number in [0, 2^t) that is used once.

    Example:
        >>> tag(b"update", bits=8, hash_key=0x53, pad=0) ^ tag(b"update", 8, 0x53, pad=0xFF)
        255
    """
    return galois.evaluate(_blocks(message, bits), hash_key, galois.irreducible(bits)) ^ pad


def verify(message: bytes, claimed: int, bits: int, hash_key: int, pad: int) -> bool:
    """Returns whether a tag is that of the message; arguments as of `tag`."""
    return tag(message, bits, hash_key, pad) == claimed


def send(
    node: int, round_number: int, update: ArrayLike, party: Party, bits: int
) -> TaggedMessage | None:
    """Returns a node's message with a tag of t bits, or none if the node is short of key for it."""
    if len(party.pad) < bits:
        return None
    message = encode(node, round_number, update)
    return TaggedMessage(message, tag(message, bits, party.hash_key, party.pad.draw(bits)))


def receive(
    round_number: int,
    parameters: int,
    sends: Bool[np.ndarray, " nodes"],
    hub: Sequence[Party],
    bits: int,
    arrived: Iterable[TaggedMessage],
) -> dict[int, Update]:
    """Returns the updates that the hub takes to be authentic, by node.

    Of each node the hub takes the first message of this round that carries its tag. It has a pad
    for a node exactly where the node has one, and gives it up whether or not a message arrives, so
    that no pad is left for a later forgery and both ends stay in step.

    Args:
        round_number: The hub's own count.
        parameters: Numbers in an update; a longer or shorter message is refused.
        sends: Whether a node has shots to report, by the hub's estimate.
        hub: The hub's end of each node's link.
        bits: Length t of a tag.
        arrived: What arrived, from whomsoever.
    """
    able = [node for node in np.flatnonzero(sends).tolist() if len(hub[node].pad) >= bits]
    pads = {node: hub[node].pad.draw(bits) for node in able}
    accepted: dict[int, Update] = {}
    for message, claimed in arrived:
        node = int.from_bytes(message[:NODE_BYTES], "little")
        if (
            node in pads
            and node not in accepted
            and _is_due(message, node, round_number, parameters)
            and verify(message, claimed, bits, hub[node].hash_key, pads[node])
        ):
            accepted[node] = np.frombuffer(message, WORD, offset=HEADER_BYTES)
    return accepted


def authenticate(
    round_number: int,
    updates: Float[np.ndarray, "nodes parameters"],
    sends: Bool[np.ndarray, " nodes"],
    nodes: Sequence[Party],
    hub: Sequence[Party],
    bits: int,
    channel: Channel = faithful,
) -> dict[int, Update]:
    """Executes the authentication of one round, from the nodes' updates to those the hub accepts.

    Args:
        round_number: Counted by nodes and hub alike.
        updates: Of all nodes.
        sends: Whether a node has shots to report, by the hub's estimate.
        nodes: The nodes' ends of their links. Their pads, and the hub's, lose the bits used.
        hub: The hub's ends.
        bits: Length t of a tag.
        channel: The network between them, or who controls it.

    Returns:
        The accepted updates by node, in 32 bits.

    Example:
        >>> random = np.random.default_rng(0)
        >>> rich, poor = share(random, 68, pad_bits=68), share(random, 68, pad_bits=67)
        >>> ends = zip(rich, poor, strict=True)
        >>> updates, sends = np.array([[0.5], [0.25]]), np.array([True, True])
        >>> authenticate(0, updates, sends, *ends, bits=68)
        {0: array([0.5], dtype=float32)}
    """
    written = [
        send(node, round_number, updates[node], nodes[node], bits)
        for node in np.flatnonzero(sends).tolist()
    ]
    arrived = channel([one for one in written if one is not None])
    return receive(round_number, updates.shape[1], sends, hub, bits, arrived)


def _header(node: int, round_number: int, length: int) -> bytes:
    fields = ((node, NODE_BYTES), (round_number, ROUND_BYTES), (length, LENGTH_BYTES))
    return b"".join(int(value).to_bytes(size, "little") for value, size in fields)


def _blocks(message: bytes, bits: int) -> list[int]:
    number, mask = int.from_bytes(message, "little"), (1 << bits) - 1
    return [number >> place & mask for place in range(0, 8 * len(message), bits)]


def _is_due(message: bytes, node: int, round_number: int, parameters: int) -> bool:
    fits = len(message) == HEADER_BYTES + WORD.itemsize * parameters
    return fits and message.startswith(_header(node, round_number, parameters))
