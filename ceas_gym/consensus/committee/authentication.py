"""Authentication as nodes and hub would execute it: a Wegman-Carter tag on every update.

The simulation only assumes the result: an update from a node with enough key for a tag is
authenticated, and a forged update is not. Each attempted forgery passes with probability 2^-t if
its author has seen no tag of the round on that link, and with at most L 2^-t in any case, where a
message has L blocks of t bits. The hash key may be reused, because the pads hide it. Over a run,
the probabilities of all attempts add up (Portmann).

Do not protect real data with this module: its key comes from the random numbers of a simulation.

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
"""Form of a number in a message: 32 bits, single precision."""

Update = Float[np.ndarray, " parameters"]


class Pad:
    """One-time key, in the order in which two parties measured it. Every bit is used once.

    Attributes:
        position: Number of bits used so far, at least 0; equal at both ends of a link.

    Example:
        >>> pad = Pad([1, 0, 1, 1])
        >>> pad.draw(3), len(pad)
        (5, 1)
    """

    def __init__(self, bits: Iterable[int] = ()) -> None:
        """Makes a pad of any number of bits, each 0 or 1."""
        self._bits: deque[bool] = deque()
        self.position = 0
        self.add(bits)

    def __len__(self) -> int:
        """Returns how many bits are left; at least 0."""
        return len(self._bits)

    def add(self, bits: Iterable[int]) -> None:
        """Adds new bits, which are used after the older ones.

        Args:
            bits: Any number of bits, each 0 or 1.
        """
        self._bits.extend(bool(bit) for bit in bits)

    def draw(self, count: int) -> int:
        """Returns the oldest bits as a number in [0, 2^count), and removes them.

        The first bit is the least significant.

        Args:
            count: Number of bits, at least 0.

        Raises:
            ValueError: If fewer bits are left; then none is removed.
        """
        if not 0 <= count <= len(self):
            raise ValueError(
                f"Argument `count` must lie between 0 and the {len(self)} bits left, but is "
                f"{count}."
            )
        self.position += count
        return sum(self._bits.popleft() << place for place in range(count))


class Party(NamedTuple):
    """The secrets of one end of a link."""

    hash_key: int
    """A point of GF(2^t), in [0, 2^t), used for every message."""
    pad: Pad


class TaggedMessage(NamedTuple):
    """A message and its tag. Both are sent in the clear: anybody can read them."""

    message: bytes
    tag: int
    """In [0, 2^t)."""


Channel = Callable[[list[TaggedMessage]], list[TaggedMessage]]
"""Delivers the messages of a round; it may add, alter, copy and drop messages."""


def faithful(sent: list[TaggedMessage]) -> list[TaggedMessage]:
    """Returns the messages as they were sent: the channel without an attack."""
    return sent


def share(random: np.random.Generator, tag_bits: int, pad_bits: int) -> tuple[Party, Party]:
    """Returns the two ends of a link, which hold the same key.

    Args:
        random: Random numbers from which the key is drawn.
        tag_bits: Length of a tag, and so of the hash key, in bits; at least 1.
        pad_bits: Length of the one-time pad, in bits; at least 0.
    """
    secret = random.integers(0, 2, tag_bits + pad_bits)
    one, other = Pad(secret), Pad(secret)
    return Party(one.draw(tag_bits), one), Party(other.draw(tag_bits), other)


def encode(node: int, round_number: int, update: ArrayLike) -> bytes:
    """Returns the message that a tag covers: node, round and length in 64 bits, then the update.

    Equal updates of two nodes, or in two rounds, are different messages.

    Args:
        node: Index of the sender, in [0, 2^16).
        round_number: Index of the round, in [0, 2^24).
        update: Fewer than 2^24 numbers, each of which is rounded to 32 bits.

    Raises:
        OverflowError: If node, round or length is out of range.

    Example:
        >>> encode(node=1, round_number=2, update=[1.0]).hex(" ", 4)
        '01000200 00010000 0000803f'
    """
    words = np.asarray(update, WORD)
    return _header(node, round_number, words.size) + words.tobytes()


def tag(message: bytes, bits: int, hash_key: int, pad: int) -> int:
    """Returns the tag of a message: its hash, plus a one-time pad that hides the hash.

    The blocks M_1 to M_L of t bits are hashed to M_1 k + M_2 k^2 + ... + M_L k^L over GF(2^t). The
    hashes of two different messages of equal length differ by a given value for at most L of the
    2^t points k, because a polynomial of degree L has at most L roots. Messages of different length
    are different polynomials too, because their headers contain the length.

    Args:
        message: The bytes, whose last block is filled up with zeros.
        bits: Length t of the tag, as `physics.key.tag_bits` has it.
        hash_key: Point k, in [0, 2^t); may be used again.
        pad: Number in [0, 2^t) that is used once.

    Returns:
        A number in [0, 2^t).

    Source:
        Wegman and Carter, JCSS 22, 265 (1981); the hash is a polynomial in the key over GF(2^t).

    Example:
        >>> tag(b"update", bits=8, hash_key=0x53, pad=0) ^ tag(b"update", 8, 0x53, pad=0xFF)
        255
    """
    return galois.evaluate(_blocks(message, bits), hash_key, galois.irreducible(bits)) ^ pad


def verify(message: bytes, claimed: int, bits: int, hash_key: int, pad: int) -> bool:
    """Returns whether a claimed tag is that of the message.

    Args:
        message: The bytes that arrived.
        claimed: The tag that arrived; valid only if in [0, 2^t).
        bits: Length t of the tag, in bits.
        hash_key: Point k, in [0, 2^t).
        pad: The number in [0, 2^t) that the sender used for this message.
    """
    return tag(message, bits, hash_key, pad) == claimed


def send(
    node: int, round_number: int, update: ArrayLike, party: Party, bits: int
) -> TaggedMessage | None:
    """Returns a node's message with its tag, or None if the node has too little key for it.

    Args:
        node: Index of the sender, in [0, 2^16).
        round_number: Index of the round, in [0, 2^24).
        update: The numbers to send, shape (parameters,).
        party: The node's end of its link, which loses the bits used.
        bits: Length of a tag, in bits.

    Raises:
        OverflowError: If node, round or length is out of range.
    """
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
    """Returns the updates that the hub accepts as authentic, by node.

    The hub accepts the first message of this round that carries a node's valid tag. It has a pad
    for a node exactly if the node has one, and uses it up even if no message arrives. So no pad is
    left for a later forgery, and both ends have used the same bits.

    Args:
        round_number: Index of the round as the hub counts it, in [0, 2^24).
        parameters: Numbers in an update; a longer or shorter message is rejected.
        sends: Whether a node has shots to report, by the hub's estimate.
        hub: The hub's end of each node's link.
        bits: Length of a tag, in bits.
        arrived: All messages that arrived, whoever sent them.

    Returns:
        The accepted updates by node, in single precision, each of shape (parameters,).
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
    """Returns the updates that the hub accepts after executing the authentication of a round.

    Args:
        round_number: Index of the round, in [0, 2^24), for nodes and hub.
        updates: Updates of all nodes, of any real values.
        sends: Whether a node has shots to report, by the hub's estimate.
        nodes: The nodes' ends of their links. Their pads, and the hub's, lose the bits used.
        hub: The hub's ends.
        bits: Length of a tag, in bits.
        channel: The network between them, or an attacker who controls it.

    Returns:
        The accepted updates by node, in single precision, each of shape (parameters,).

    Source:
        Wegman and Carter, JCSS 22, 265 (1981); Portmann, IEEE Trans. Inf. Theory 60, 4383 (2014),
        arXiv:1202.1229.

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
