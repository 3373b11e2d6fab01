"""The messages of nodes and one hub, with a real tag on every update: what the round assumes."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from ceas_gym.consensus.committee.authentication import Party, TaggedMessage, tag

NODE_BYTES, ROUND_BYTES, LENGTH_BYTES = 2, 3, 3


HEADER_BYTES = NODE_BYTES + ROUND_BYTES + LENGTH_BYTES


WORD = np.dtype("<f4")
"""Form of a number in a message: 32 bits, single precision."""


Update = Float[np.ndarray, " parameters"]


Channel = Callable[[list[TaggedMessage]], list[TaggedMessage]]
"""Delivers the messages of a round; it may add, alter, copy and drop messages."""


def faithful(sent: list[TaggedMessage]) -> list[TaggedMessage]:
    """Returns the messages as they were sent: the channel without an attack."""
    return sent


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
        >>> from ceas_gym.consensus.committee.authentication import share
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


def _is_due(message: bytes, node: int, round_number: int, parameters: int) -> bool:
    fits = len(message) == HEADER_BYTES + WORD.itemsize * parameters
    return fits and message.startswith(_header(node, round_number, parameters))
