"""Signatures from one-time keys, which every member can verify.

A tag convinces its addressee only, because the addressee could have made it. One-time universal
hashing gives a signature. For each message the signer draws a fresh hash function, and hides the
hash and the function with a one-time pad, of which each verifier holds a share. Once the verifiers
have exchanged their shares, the signer can no longer deny the signature.

This scheme is modelled, and not executed: the signatures are ideal. A notary lists what was signed.
It is assumed that

- a true signature is valid for all honest verifiers, however often it is passed on (up to b + 1
  exchanges here). Published schemes achieve this among three parties, and among more if every
  verifier takes part; they fail about as rarely as a forgery passes;
- each attempt with another forged signature passes with probability 2^-t, and then for all
  verifiers;
- each signature takes 3 t bits of the key that the signer shares with each verifier: t bits for the
  seed of the hash function, and 2 t bits to hide the hash and the polynomial that defines the
  function (384 bits with t = 128). Messages with signatures and with exchanged shares carry tags.

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
from ceas_gym.consensus.committee.messages import COUNT_BYTES, LENGTH_BYTES, PARTY_BYTES


class Chain(NamedTuple):
    """A vector that members have signed one after the other."""

    origin: int
    """Index of the member whose vector it is."""
    vector: bytes
    """In the form of `messages.encode_words`."""
    signers: tuple[int, ...]
    """Indices of the members that signed, the origin first."""
    tokens: tuple[bytes, ...]
    """The signature of each signer, t bits in whole bytes."""

    def content(self) -> bytes:
        """Returns the bytes that are signed: 2 for the origin, in [0, 2^16), then the vector."""
        return self.origin.to_bytes(PARTY_BYTES, "little") + self.vector


@dataclass
class Notary:
    """The ideal signatures of one round; see the assumptions above.

    Attributes:
        keys: Key of all links. Each signature uses up some of it.
        members: Number c of members.
        random: Random numbers for the signatures, and for which forged ones pass.
        made: Signatures by signer and content.
        passed: Signer, content and signature of each forged signature that passed.
        refused: Signer, content and signature of each forged signature that did not pass.
        signed: Number of signatures that each member has made, in [0, 2 c]. The protocol needs no
            more, and the limit bounds how much key Byzantine members can use up.
    """

    keys: KeyStore
    members: int
    random: np.random.Generator
    made: dict[tuple[int, bytes], bytes] = field(default_factory=dict[tuple[int, bytes], bytes])
    passed: set[tuple[int, bytes, bytes]] = field(default_factory=set[tuple[int, bytes, bytes]])
    refused: set[tuple[int, bytes, bytes]] = field(default_factory=set[tuple[int, bytes, bytes]])
    signed: dict[int, int] = field(default_factory=dict[int, int])

    def sign(self, signer: int, content: bytes) -> bytes | None:
        """Returns a member's signature, t bits in whole bytes, or None if it cannot sign.

        A member cannot sign if it has fewer than 3 t bits of key with any other member, or has made
        2 c signatures. To sign the same content again costs nothing.

        Args:
            signer: Index of the member, in [0, c).
            content: What is signed, as from `Chain.content`.

        Source:
            Yin et al., Natl. Sci. Rev. 10, nwac228 (2023), arXiv:2107.14089, for the 3 t bits.
        """
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
        """Returns whether a signature passes; the answer is the same for every honest member.

        Args:
            signer: Claimed index of the member that signed, in [0, 2^16).
            content: What is said to be signed.
            token: The claimed signature. One that was not made passes with probability 2^-t.
        """
        claim = (signer, content, token)
        if self.made.get((signer, content)) == token:
            return True
        if claim not in self.passed | self.refused:
            passes = self.random.random() < 0.5**self.keys.bits
            (self.passed if passes else self.refused).add(claim)
        return claim in self.passed


def encode(chains: Iterable[Chain]) -> bytes:
    """Returns chains as the body of one message.

    Args:
        chains: Each with fewer than 2^8 signers, in [0, 2^16), and a vector of fewer than 2^24
            bytes.

    Example:
        >>> chain = Chain(0, b"vector", (0, 2), (b"ab", b"cd"))
        >>> decode(encode([chain]), bits=16) == [chain]
        True
        >>> decode(b"garbled", bits=16)
        []
    """
    return b"".join(_encoded(chain) for chain in chains)


def decode(body: bytes, bits: int) -> list[Chain]:
    """Returns the chains of a body, up to the first that cannot be decoded.

    Args:
        body: Made by `encode`, or any bytes from a Byzantine member.
        bits: Length t of a signature in bits; at least 1.
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
    """Returns the chains with new vectors, and stores these vectors in `known`.

    In exchange k a chain is accepted if exactly k different members have signed it, its origin
    first. At most two vectors of an origin are stored, because two prove that it is Byzantine.

    Args:
        known: Vectors by origin, at most two of each. New vectors are added to it.
        chains: All chains that arrived.
        exchange: Number k of the exchange, in [1, b + 1].
        valid: Returns whether a signature passes, given signer, content and signature.

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
    # Notes when it reads beyond the end, because a Byzantine member may send any bytes.
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
