"""Signatures from one-time keys, which convince whomever they are shown to.

A tag convinces its addressee only, as the addressee could have made it. One-time universal hashing
gives a signature: for each message the signer draws a fresh hash function and hides hash and
function by a one-time pad, of which each verifier holds a share. The signer is bound once the
verifiers have swapped their shares.

What is modelled, and not executed: the signatures are ideal. A notary keeps a list of what was
signed. It is assumed that

- a signature that was made is valid for all honest verifiers, however often it is passed on (the
  b + 1 exchanges here). Published schemes achieve it among three parties, and among more by having
  every verifier take part; they fail with a probability of the order of a forgery's;
- a forged signature passes with probability 2^-t each time another one is tried, and then for all
  verifiers;
- each signature takes 3 t bits of the key that the signer shares with each verifier: t for the hash
  function's seed, and 2 t to hide the polynomial that defines it and the hash (384 bits with
  t = 128). The messages that carry signatures, and the swapped shares with them, go under tags.

Sources:
    Yin et al., Natl. Sci. Rev. 10, nwac228 (2023), arXiv:2107.14089: one-time universal hashing,
    whose 384 bits are these; arXiv:2403.11441 and arXiv:2502.05515: Byzantine agreement by such
    signatures.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ceas_gym.consensus.committee.counts import SHARES
from ceas_gym.consensus.committee.keys import KeyStore
from ceas_gym.consensus.committee.messages import LENGTH_BYTES, PARTY_BYTES

COUNT_BYTES = 1


class Chain(NamedTuple):
    """A message that members have signed one after the other."""

    origin: int
    """The member whose vector it is."""
    vector: bytes
    signers: tuple[int, ...]
    """The origin first."""
    tokens: tuple[bytes, ...]
    """Their signatures, of t bits each."""

    def content(self) -> bytes:
        """Returns what is signed: the vector and whose it is."""
        return self.origin.to_bytes(PARTY_BYTES, "little") + self.vector


@dataclass
class Notary:
    """The ideal signatures of one round; see the assumptions above.

    Attributes:
        keys: Key of all links, of which each signature uses up some.
        members: Number c of members.
        random: Makes signatures, and decides which forged ones pass.
        made: Signatures that were made, and forged ones that passed.
        refused: Forged ones that did not pass.
        signed: How many each member has made; 2 c at most, as key is due for no more.
    """

    keys: KeyStore
    members: int
    random: np.random.Generator
    made: dict[tuple[int, bytes], bytes] = field(default_factory=dict[tuple[int, bytes], bytes])
    refused: set[tuple[int, bytes, bytes]] = field(default_factory=set[tuple[int, bytes, bytes]])
    signed: dict[int, int] = field(default_factory=dict[int, int])

    def sign(self, signer: int, content: bytes) -> bytes | None:
        """Returns a member's signature, or none if it is short of key or has signed too often."""
        if (signer, content) in self.made:
            return self.made[signer, content]
        others = [one for one in range(self.members) if one != signer]
        bits = SHARES * self.keys.bits
        short = any(self.keys.left(signer, one) < bits for one in others)
        if short or self.signed.get(signer, 0) >= 2 * self.members:
            return None
        for one in others:
            self.keys.draw(signer, one, bits)
        self.signed[signer] = self.signed.get(signer, 0) + 1
        self.made[signer, content] = self.random.bytes(_token_bytes(self.keys.bits))
        return self.made[signer, content]

    def valid(self, signer: int, content: bytes, token: bytes) -> bool:
        """Returns whether a signature passes, for every honest member."""
        if self.made.get((signer, content)) == token:
            return True
        if (signer, content, token) in self.refused:
            return False
        passes = self.random.random() < 0.5**self.keys.bits
        if passes:
            self.made[signer, content] = token
        else:
            self.refused.add((signer, content, token))
        return passes


def encode(chains: Iterable[Chain]) -> bytes:
    """Returns chains as one message.

    Example:
        >>> chain = Chain(0, b"vector", (0, 2), (b"ab", b"cd"))
        >>> decode(encode([chain]), bits=16) == [chain]
        True
        >>> decode(b"garbled", bits=16)
        []
    """
    return b"".join(_encoded(chain) for chain in chains)


def decode(body: bytes, bits: int) -> list[Chain]:
    """Returns the chains of a message; those up to where it is garbled.

    Args:
        body: As from `encode`, or from a bad member.
        bits: Length t of a signature.
    """
    chains: list[Chain] = []
    size = _token_bytes(bits)
    reader = _Reader(body)
    while reader.left():
        origin = reader.number(PARTY_BYTES)
        vector = reader.take(reader.number(LENGTH_BYTES))
        count = reader.number(COUNT_BYTES)
        signers = tuple(reader.number(PARTY_BYTES) for _ in range(count))
        tokens = tuple(reader.take(size) for _ in range(count))
        if reader.overrun:
            break
        chains.append(Chain(origin, vector, signers, tokens))
    return chains


def accept(
    known: dict[int, list[bytes]],
    chains: Iterable[Chain],
    exchange: int,
    valid: Callable[[int, bytes, bytes], bool],
) -> list[Chain]:
    """Takes in vectors that enough members have signed, and returns the chains that are new.

    In exchange k a chain counts if k different members have signed it, its origin first. Of a
    member two vectors are enough: they prove that it is bad.

    Args:
        known: Vectors by origin, which are added to.
        chains: What arrived.
        exchange: Number k of the exchange, from 1 on.
        valid: Whether a signature passes.

    Source:
        Dolev and Strong, SIAM J. Comput. 12, 656 (1983).
    """
    fresh: list[Chain] = []
    for chain in chains:
        held = known.get(chain.origin, [])
        if chain.vector in held or len(held) >= 2 or not _complete(chain, exchange):
            continue
        content = chain.content()
        signed = zip(chain.signers, chain.tokens, strict=True)
        if all(valid(signer, content, token) for signer, token in signed):
            known[chain.origin] = [*held, chain.vector]
            fresh.append(chain)
    return fresh


def _complete(chain: Chain, exchange: int) -> bool:
    distinct = len(set(chain.signers)) == len(chain.signers) == exchange
    return distinct and chain.signers[:1] == (chain.origin,)


def _encoded(chain: Chain) -> bytes:
    return b"".join(
        (
            chain.origin.to_bytes(PARTY_BYTES, "little"),
            len(chain.vector).to_bytes(LENGTH_BYTES, "little"),
            chain.vector,
            len(chain.signers).to_bytes(COUNT_BYTES, "little"),
            *(signer.to_bytes(PARTY_BYTES, "little") for signer in chain.signers),
            *chain.tokens,
        )
    )


def _token_bytes(bits: int) -> int:
    return -(-bits // 8)


@dataclass
class _Reader:
    body: bytes
    place: int = 0
    overrun: bool = False

    def left(self) -> bool:
        return self.place < len(self.body)

    def take(self, size: int) -> bytes:
        piece = self.body[self.place : self.place + size]
        self.overrun |= len(piece) < size
        self.place += size
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")
