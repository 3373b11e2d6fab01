"""The key of a round: the two parties of every link share their own, and no bit is used twice.

The exception is the hash key of a link, which serves all tags of the link, because the one-time
pads hide it (see `authentication`).
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
    """The key with which both ends of a link compute the tag of one message.

    Attributes:
        hash_key: Hash key of the link, in [0, 2^t).
        pad: One-time pad of the message, in [0, 2^t).
        bits: Length t of a tag in bits.
    """

    hash_key: int
    pad: int
    bits: int

    def tag(self, message: bytes) -> int:
        """Returns the tag of a message, in [0, 2^t).

        Source:
            Wegman and Carter, JCSS 22, 265 (1981); see `authentication.tag`.
        """
        return authentication.tag(message, self.bits, self.hash_key, self.pad)


class KeyStore:
    """The key of all parties. Each end of a link has its own copy and uses it up on its own.

    Attributes:
        bits: Length t of a tag in bits.

    Example:
        >>> store = KeyStore(bits=8)
        >>> store.deal(np.random.default_rng(0), [(0, 1)], tags=1)
        >>> store.affords(0, 1), store.slot(1, 0).bits, store.affords(0, 1), store.used(0, 1)
        (True, 8, False, 8)
    """

    def __init__(self, bits: int) -> None:
        """Makes a store without links.

        Args:
            bits: Length t of a tag in bits; at least 1.
        """
        self.bits = bits
        self._ends: dict[Link, tuple[Party, Party]] = {}
        self._used: dict[Link, int] = {}

    def deal(self, random: np.random.Generator, links: Iterable[Link], tags: int) -> None:
        """Gives each link a fresh hash key and fresh pads, in place of any key that it had.

        The new key of a link is t (1 + tags) long, in bits.

        Args:
            random: Random numbers from which the key is drawn.
            links: Links, each as the indices of its two parties in either order.
            tags: Number of pads of t bits for each link; at least 0.
        """
        for one, other in links:
            link = _link(one, other)
            self._ends[link] = authentication.share(random, self.bits, self.bits * tags)
            self._used[link] = self.bits

    def left(self, one: int, other: int) -> int:
        """Returns the length of pad that two parties have left, in bits; 0 without a link.

        Args:
            one: Index of a party, in [0, c + N).
            other: Index of another party, in [0, c + N); the order does not matter.
        """
        ends = self._ends.get(_link(one, other))
        return len(ends[0].pad) if ends else 0

    def used(self, one: int, other: int) -> int:
        """Returns the length of pad that two parties have used, in bits; 0 without a link.

        Args:
            one: Index of a party, in [0, c + N).
            other: Index of another party, in [0, c + N); the order does not matter.
        """
        return self._used.get(_link(one, other), self.bits) - self.bits

    def total(self) -> int:
        """Returns the length of pad that all links together have used so far, in bits.

        Hash keys are not included.
        """
        return sum(used - self.bits for used in self._used.values())

    def affords(self, one: int, other: int, tags: int = 1) -> bool:
        """Returns whether two parties have pad left for some more tags, t bits for each.

        Args:
            one: Index of a party, in [0, c + N).
            other: Index of another party, in [0, c + N); the order does not matter.
            tags: Number of tags; at least 0.
        """
        return self.left(one, other) >= self.bits * tags

    def slot(self, sender: int, receiver: int) -> Slot:
        """Returns the key for the tag of one message, and removes its t bits of pad at both ends.

        Args:
            sender: Index of a party, in [0, c + N).
            receiver: Index of another party, in [0, c + N).

        Raises:
            ValueError: If the parties have fewer than t bits of pad left.
            KeyError: If they have no link.
        """
        ends = self._ends[_link(sender, receiver)]
        return Slot(ends[0].hash_key, self.draw(sender, receiver, self.bits), self.bits)

    def draw(self, one: int, other: int, bits: int) -> int:
        """Returns the next bits of pad as a number in [0, 2^bits), and removes them at both ends.

        Args:
            one: Index of a party, in [0, c + N).
            other: Index of another party, in [0, c + N); the order does not matter.
            bits: Number of bits; at least 0.

        Raises:
            ValueError: If the parties have fewer bits of pad left.
            KeyError: If they have no link.
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
    """Returns key for the links of any two members, and of each member and each node.

    Args:
        committee: Settings of the committee. Members are the parties in [0, c).
        nodes: Number N of nodes, which are the parties in [c, c + N); at least 0.
        random: Random numbers from which the key is drawn.
        tags: Number of pads of t bits on each link; at least 0.

    Example:
        >>> store = full(Committee(members=2, tag_bits=8), 1, np.random.default_rng(0), tags=3)
        >>> store.left(0, 1), store.left(0, 2), store.left(2, 3)
        (24, 24, 0)
    """
    store = KeyStore(committee.tag_bits)
    parties = range(committee.members + nodes)
    links = [(one, other) for one in range(committee.members) for other in parties if one < other]
    store.deal(random, links, tags)
    return store


def taking_part(store: KeyStore, committee: Committee, nodes: int) -> tuple[int, ...]:
    """Returns the nodes whose links to all members hold key for two more tags, in ascending order.

    Args:
        store: Key of all links.
        committee: Settings of the committee. Members are the parties in [0, c).
        nodes: Number N of nodes, which are the parties in [c, c + N); at least 0.

    Returns:
        Indices of nodes, counted from 0; in [0, N).

    Example:
        >>> committee = Committee(members=2, tag_bits=8)
        >>> store = full(committee, 2, np.random.default_rng(0), tags=2)
        >>> _ = store.slot(1, 2)
        >>> taking_part(store, committee, nodes=2)
        (1,)
    """
    c = committee.members
    return tuple(k for k in range(nodes) if all(store.affords(m, c + k, tags=2) for m in range(c)))


def _link(one: int, other: int) -> Link:
    return (one, other) if one < other else (other, one)
