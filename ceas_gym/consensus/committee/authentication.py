"""Authentication as both ends of a link execute it: a Wegman-Carter tag on every message.

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
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ceas_gym.consensus.committee import galois


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


def _blocks(message: bytes, bits: int) -> list[int]:
    number, mask = int.from_bytes(message, "little"), (1 << bits) - 1
    return [number >> place & mask for place in range(0, 8 * len(message), bits)]
