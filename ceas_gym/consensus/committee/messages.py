"""Encodes what parties send as bytes: headers, instructions, vectors of words, updates, digests.

A message may come from a Byzantine party. A body that cannot be decoded is read as if it were
empty: as `None` for every node, or as no instructions or updates.

Assumption. In votes a digest replaces the update. SHA-256 is assumed to be collision-resistant:
nobody finds two updates with equal digests. This is the only computational assumption of the
protocol. Votes with whole updates would need no such assumption and as many tags, but much longer
messages.

Source:
    FIPS 180-4 (SHA-256).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ceas_gym.consensus.committee.agreement import UNDECIDED, Word

EXCHANGE_BYTES, PARTY_BYTES, ROUND_BYTES, LENGTH_BYTES, COUNT_BYTES = 1, 2, 3, 3, 1
HEADER_BYTES = EXCHANGE_BYTES + PARTY_BYTES + ROUND_BYTES + LENGTH_BYTES
DIGEST_BYTES = hashlib.sha256().digest_size
NUMBER = np.dtype("<f4")
"""How a number of a model or of an update is encoded: in single precision."""
NOTHING, A_DIGEST = 0xFF, 0xFE
"""First byte of the code of `None`, and of a digest; a bit or `UNDECIDED` is its own code."""


class Instructions(NamedTuple):
    """What each member sends each node in the first exchange of a round."""

    model: bytes
    """The model of the last round, as numbers in the form of `NUMBER`."""
    outcomes: bytes = b""
    """The corrections: outcomes of the Bell measurements by which the member teleported data to the
    node, two bits each."""


def header(exchange: int, sender: int, round_number: int, length: int) -> bytes:
    """Returns the header of a message, 9 bytes.

    No two messages that the protocol asks a sender to send to the same receiver have equal headers.

    Args:
        exchange: Position of the exchange in its round, in [0, 2^8).
        sender: Index of the party, in [0, 2^16).
        round_number: Index of the round, in [0, 2^24).
        length: Length of the body in bytes, in [0, 2^24).

    Raises:
        OverflowError: If an argument is out of its range.
    """
    fields = (
        (exchange, EXCHANGE_BYTES),
        (sender, PARTY_BYTES),
        (round_number, ROUND_BYTES),
        (length, LENGTH_BYTES),
    )
    return b"".join(value.to_bytes(size, "little") for value, size in fields)


def encode(exchange: int, sender: int, round_number: int, body: bytes) -> bytes:
    """Returns a whole message: the header, then the body.

    Args:
        exchange: Position of the exchange in its round, in [0, 2^8).
        sender: Index of the party, in [0, 2^16).
        round_number: Index of the round, in [0, 2^24).
        body: Fewer than 2^24 bytes.

    Raises:
        OverflowError: If an argument is out of its range.

    Example:
        >>> encode(exchange=2, sender=1, round_number=3, body=b"hi").hex(" ")
        '02 01 00 03 00 00 02 00 00 68 69'
    """
    return header(exchange, sender, round_number, len(body)) + body


def sender_of(message: bytes) -> int:
    """Returns the sender that a message claims, in [0, 2^16); only its tag proves the claim.

    Args:
        message: Any bytes; those missing from the header count as 0.

    Example:
        >>> sender_of(encode(exchange=2, sender=1, round_number=3, body=b"hi"))
        1
    """
    return int.from_bytes(message[EXCHANGE_BYTES : EXCHANGE_BYTES + PARTY_BYTES], "little")


def body_of(message: bytes, exchange: int, round_number: int) -> bytes | None:
    """Returns the body of a message, or None if it belongs to another exchange or round.

    Args:
        message: Any bytes. It is also refused if its length is not the one in its header.
        exchange: Position of the exchange in its round, in [0, 2^8).
        round_number: Index of the round, in [0, 2^24).

    Example:
        >>> body_of(encode(2, 1, 3, b"hi"), exchange=2, round_number=3)
        b'hi'
        >>> body_of(encode(2, 1, 3, b"hi"), exchange=2, round_number=4)
    """
    body = message[HEADER_BYTES:]
    # The claimed sender is not checked here, because the tag proves it.
    due = header(exchange, sender_of(message), round_number, len(body))
    return body if message.startswith(due) else None


def digest(node: int, round_number: int, update: bytes) -> bytes:
    """Returns the digest of an update, 32 bytes; it depends on the node and the round, too.

    Args:
        node: Index of the node, in [0, 2^16).
        round_number: Index of the round, in [0, 2^24).
        update: Fewer than 2^24 bytes.

    Raises:
        OverflowError: If an argument is out of its range.

    Source:
        FIPS 180-4 (SHA-256).

    Example:
        >>> digest(node=0, round_number=0, update=b"update").hex()[:8]
        '15f96bed'
    """
    return hashlib.sha256(header(0, node, round_number, len(update)) + update).digest()


def encode_instructions(instructions: Instructions) -> bytes:
    """Returns instructions as one body: the model, then the outcomes.

    Args:
        instructions: All models have the same number of bytes; there may be no outcomes.
    """
    return instructions.model + instructions.outcomes


def decode_instructions(body: bytes, size: int) -> Instructions | None:
    """Returns instructions, or None if the body is too short for a model.

    Args:
        body: Made by `encode_instructions`, or any bytes from a Byzantine member.
        size: Length of a model in bytes; at least 0.

    Example:
        >>> decode_instructions(encode_instructions(Instructions(b"abcd", b"e")), size=4)
        Instructions(model=b'abcd', outcomes=b'e')
        >>> decode_instructions(b"abc", size=4)
    """
    return Instructions(body[:size], body[size:]) if len(body) >= size else None


def encode_words(words: Sequence[Word]) -> bytes:
    """Returns a member's words for all nodes as bytes.

    Each word takes one byte, and 32 more if it is a digest.

    Args:
        words: One word for each node: None, an integer in [0, 2], or a digest of 32 bytes.

    Example:
        >>> encode_words([None, 1, 0]).hex(" ")
        'ff 01 00'
    """
    return b"".join(_word(word) for word in words)


def decode_words(body: bytes, nodes: int) -> list[Word]:
    """Returns the words for all nodes; None for each of them if the body cannot be decoded.

    Args:
        body: Made by `encode_words`, or any bytes from a Byzantine member.
        nodes: Number N of nodes, and so of words; at least 0.

    Returns:
        N words, each of them None, an integer in [0, 2], or a digest of 32 bytes.

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
    """Returns some nodes' updates as one body, which is sent to a member that lacks them.

    Args:
        updates: Updates by node, in [0, 2^16); all of them have the same number of bytes.
    """
    return b"".join(
        node.to_bytes(PARTY_BYTES, "little") + update for node, update in updates.items()
    )


def decode_updates(body: bytes, size: int) -> dict[int, bytes]:
    """Returns updates by node, in [0, 2^16); none if the body cannot be decoded.

    Args:
        body: Made by `encode_updates`, or any bytes from a Byzantine member.
        size: Length of an update in bytes; at least 0.

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
