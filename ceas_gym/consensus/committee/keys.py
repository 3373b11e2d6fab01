"""The key of a round: every pair of parties shares its own, and no bit of it is used twice.

Only the hash key of a link is used for every tag of the link, as its one-time pads hide all about
it (see `authentication`).
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ceas_gym.consensus.committee import authentication
from ceas_gym.consensus.committee.authentication import Party
from ceas_gym.consensus.committee.settings import Committee

Link = tuple[int, int]
"""Two parties, the lower index first."""


class Slot(NamedTuple):
    """What both ends of a link know about one message from one of them to the other."""

    hash_key: int
    pad: int
    bits: int

    def tag(self, message: bytes) -> int:
        """Returns the tag of a message."""
        return authentication.tag(message, self.bits, self.hash_key, self.pad)


class KeyStore:
    """The key of all parties; each end of a link is held and used up by itself.

    Attributes:
        bits: Length t of a tag.

    Example:
        >>> store = KeyStore(bits=8)
        >>> store.deal(np.random.default_rng(0), [(0, 1)], tags=1)
        >>> store.affords(0, 1), store.slot(1, 0).bits, store.affords(0, 1), store.used(0, 1)
        (True, 8, False, 8)
    """

    def __init__(self, bits: int) -> None:
        """Holds no key yet."""
        self.bits = bits
        self._ends: dict[Link, tuple[Party, Party]] = {}
        self._used: dict[Link, int] = {}

    def deal(self, random: np.random.Generator, links: Iterable[Link], tags: int) -> None:
        """Gives links a fresh hash key, and pads for some tags.

        Args:
            random: Source of the key.
            links: Pairs of parties.
            tags: Pads of t bits for each; at least 0.
        """
        for one, other in links:
            link = _link(one, other)
            self._ends[link] = authentication.share(random, self.bits, self.bits * tags)
            self._used[link] = self.bits

    def left(self, one: int, other: int) -> int:
        """Returns the bits that two parties have left for pads; 0 if they have no link."""
        ends = self._ends.get(_link(one, other))
        return len(ends[0].pad) if ends else 0

    def used(self, one: int, other: int) -> int:
        """Returns the bits of pad that two parties have used so far."""
        return self._used.get(_link(one, other), self.bits) - self.bits

    def total(self) -> int:
        """Returns the bits of pad that all links have used so far."""
        return sum(used - self.bits for used in self._used.values())

    def affords(self, one: int, other: int) -> bool:
        """Returns whether two parties have key for one more tag. Both of them know."""
        return self.left(one, other) >= self.bits

    def slot(self, sender: int, receiver: int) -> Slot:
        """Returns what is needed for one message, and gives up its pad at both ends.

        Raises:
            ValueError: If the parties are short of key.
        """
        ends = self._ends[_link(sender, receiver)]
        return Slot(ends[0].hash_key, self.draw(sender, receiver, self.bits), self.bits)

    def draw(self, one: int, other: int, bits: int) -> int:
        """Returns the next bits that two parties share, as a number; they are gone then.

        Raises:
            ValueError: If the parties are short of key.
        """
        link = _link(one, other)
        first, second = (end.pad for end in self._ends[link])
        start = self._used[link]
        assert first.position == second.position == start, "A bit of key would be used twice."
        number, same = first.draw(bits), second.draw(bits)
        assert number == same, "The ends of a link hold different key."
        self._used[link] = start + bits
        return number


def full(committee: Committee, nodes: int, random: np.random.Generator, tags: int) -> KeyStore:
    """Returns key for all links of a committee and its nodes.

    Args:
        committee: Members are the parties 0 to c - 1, nodes those from c on.
        nodes: Number of nodes; at least 0.
        random: Source of the key.
        tags: Tags that each link has key for.
    """
    store = KeyStore(committee.tag_bits)
    parties = range(committee.members + nodes)
    links = [(one, other) for one in range(committee.members) for other in parties if one < other]
    store.deal(random, links, tags)
    return store


def _link(one: int, other: int) -> Link:
    return (one, other) if one < other else (other, one)
