"""What parties write to each other, as bytes: headers, vectors of words, updates, digests.

Whatever arrives may come from a bad party. What makes no sense reads as nothing.

Assumption. A digest stands for an update, since SHA-256 is taken to be collision-resistant: nobody
finds two updates with equal digests. It is the only computational assumption of the protocol; votes
that carry whole updates would need none, and as many tags, but much longer messages.

Source:
    FIPS 180-4 (SHA-256).
"""

import hashlib
from collections.abc import Mapping, Sequence

from ceas_gym.consensus.committee.agreement import UNDECIDED, Word

EXCHANGE_BYTES, PARTY_BYTES, ROUND_BYTES, LENGTH_BYTES = 1, 2, 3, 3
HEADER_BYTES = EXCHANGE_BYTES + PARTY_BYTES + ROUND_BYTES + LENGTH_BYTES
DIGEST_BYTES = hashlib.sha256().digest_size
NOTHING, A_DIGEST = 0xFF, 0xFE


def header(exchange: int, sender: int, round_number: int, length: int) -> bytes:
    """Returns the 72 bits that begin a message: no two messages of a run have the same.

    Args:
        exchange: Position of the exchange in its round; below 2^8.
        sender: Index of the party; below 2^16.
        round_number: Index of the round; below 2^24.
        length: Bytes that follow; below 2^24.

    Raises:
        OverflowError: If one of them does not fit.
    """
    fields = (
        (exchange, EXCHANGE_BYTES),
        (sender, PARTY_BYTES),
        (round_number, ROUND_BYTES),
        (length, LENGTH_BYTES),
    )
    return b"".join(value.to_bytes(size, "little") for value, size in fields)


def encode(exchange: int, sender: int, round_number: int, body: bytes) -> bytes:
    """Returns a whole message: the header and what it is about. Arguments as of `header`.

    Example:
        >>> encode(exchange=2, sender=1, round_number=3, body=b"hi").hex(" ")
        '02 01 00 03 00 00 02 00 00 68 69'
    """
    return header(exchange, sender, round_number, len(body)) + body


def sender_of(message: bytes) -> int:
    """Returns whom a message claims to be from."""
    return int.from_bytes(message[EXCHANGE_BYTES : EXCHANGE_BYTES + PARTY_BYTES], "little")


def body_of(message: bytes, exchange: int, round_number: int) -> bytes | None:
    """Returns what a message says, or nothing if it belongs to another exchange or round.

    Example:
        >>> body_of(encode(2, 1, 3, b"hi"), exchange=2, round_number=3)
        b'hi'
        >>> body_of(encode(2, 1, 3, b"hi"), exchange=2, round_number=4)
    """
    body = message[HEADER_BYTES:]
    # The sender is whoever it claims; the tag tells.
    due = header(exchange, sender_of(message), round_number, len(body))
    return body if message.startswith(due) else None


def digest(node: int, round_number: int, update: bytes) -> bytes:
    """Returns the digest of an update: 32 bytes, which also fix its node and round."""
    return hashlib.sha256(header(0, node, round_number, len(update)) + update).digest()


def encode_words(words: Sequence[Word]) -> bytes:
    """Returns what a member says of all nodes: one byte for each, and the digest where there's one.

    Example:
        >>> encode_words([None, 1, 0]).hex(" ")
        'ff 01 00'
    """
    return b"".join(_word(word) for word in words)


def decode_words(body: bytes, nodes: int) -> list[Word]:
    """Returns the words for all nodes; nothing at all if the message is garbled.

    Args:
        body: As from `encode_words`, or from a bad member.
        nodes: How many words are due.

    Example:
        >>> decode_words(encode_words([None, 1, bytes(32)]), nodes=3) == [None, 1, bytes(32)]
        True
        >>> decode_words(b"garbled", nodes=2)
        [None, None]
    """
    words: list[Word] = []
    while body:
        size = 1 + DIGEST_BYTES * (body[0] == A_DIGEST)
        one, body = body[:size], body[size:]
        if len(one) < size or UNDECIDED < one[0] < A_DIGEST:
            return [None] * nodes
        words.append(None if one[0] == NOTHING else one[1:] or one[0])
    return words if len(words) == nodes else [None] * nodes


def encode_updates(updates: Mapping[int, bytes]) -> bytes:
    """Returns updates by node as one message, for a member that lacks them."""
    return b"".join(
        node.to_bytes(PARTY_BYTES, "little") + update for node, update in updates.items()
    )


def decode_updates(body: bytes, size: int) -> dict[int, bytes]:
    """Returns updates by node; none if the message is garbled.

    Args:
        body: As from `encode_updates`, or from a bad member.
        size: Bytes of an update; at least 0.

    Example:
        >>> decode_updates(encode_updates({3: b"abcd", 1: b"efgh"}), size=4)
        {3: b'abcd', 1: b'efgh'}
    """
    step = PARTY_BYTES + size
    pieces = [body[start : start + step] for start in range(0, len(body), step)]
    if any(len(piece) != step for piece in pieces):
        return {}
    return {int.from_bytes(piece[:PARTY_BYTES], "little"): piece[PARTY_BYTES:] for piece in pieces}


def _word(word: Word) -> bytes:
    if word is None:
        return bytes([NOTHING])
    return bytes([word]) if isinstance(word, int) else bytes([A_DIGEST]) + word
