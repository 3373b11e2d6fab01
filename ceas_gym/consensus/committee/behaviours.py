"""What bad members and nodes do, by name. They see the honest messages of an exchange first.

Tests go through all that bad members can do to the agreement; these are the behaviours that have a
name, for a whole round.
"""

from collections.abc import Iterable

from ceas_gym.consensus.committee import messages, signatures
from ceas_gym.consensus.committee.agreement import Word
from ceas_gym.consensus.committee.authentication import TaggedMessage
from ceas_gym.consensus.committee.network import Behaviour, Envelope, Scene
from ceas_gym.consensus.committee.signatures import Chain

WORDS = frozenset({"vote", "second", "bit", "propose", "king"})
"""Exchanges that carry a word for each node."""
VALUES = frozenset({"vote", "second"})


def obey(scene: Scene) -> list[Envelope]:
    """Returns what the protocol has bad parties say."""
    return scene.obey()


def silent(scene: Scene) -> list[Envelope]:
    """Returns nothing."""
    del scene
    return []


def equivocate(scene: Scene) -> list[Envelope]:
    """Returns true messages to every second receiver, and twisted ones to the others."""
    return [
        scene.write(sender, receiver, _two_faced(scene, sender, body) if receiver % 2 else body)
        for (sender, receiver), body in scene.own.items()
    ]


def delay(scene: Scene) -> list[Envelope]:
    """Returns what the protocol asks for, too late."""
    return [envelope._replace(late=True) for envelope in scene.obey()]


def replay(scene: Scene) -> list[Envelope]:
    """Returns all messages of before once more, ahead of what the protocol asks for."""
    return [*dict.fromkeys(scene.past), *scene.obey()]


def forge(scene: Scene) -> list[Envelope]:
    """Returns a twisted copy of every honest message with a guessed tag, ahead of what is due."""
    return [*(_forged(scene, envelope) for envelope in scene.honest), *scene.obey()]


def lie_about_digests(scene: Scene) -> list[Envelope]:
    """Returns votes for updates that nobody sent, and in a fetch updates that nobody asked for."""
    if scene.name in VALUES or scene.name == "fetch":
        return _twisted(scene, scene.own)
    return scene.obey()


def collude(scene: Scene) -> list[Envelope]:
    """Bad nodes send to bad members and one honest one; bad members vouch to every second one."""
    if scene.name == "update":
        favoured = min(set(range(scene.members)) - scene.bad)
        chosen = {favoured, *scene.bad}
        return [scene.write(*pair, body) for pair, body in scene.own.items() if pair[1] in chosen]
    if scene.name in VALUES:
        odd = [pair for pair in scene.own if pair[1] % 2]
        return [scene.write(*pair, scene.own[pair]) for pair in odd]
    return scene.obey()


def stall(scene: Scene) -> list[Envelope]:
    """Returns what the protocol asks for, but nothing from a bad leader."""
    return [] if scene.name == "king" else scene.obey()


def withhold_confirmations(scene: Scene) -> list[Envelope]:
    """Returns what the protocol asks for, but no models for the nodes."""
    return [] if scene.name == "model" else scene.obey()


BEHAVIOURS: dict[str, Behaviour] = {
    "obey": obey,
    "silent": silent,
    "equivocate": equivocate,
    "delay": delay,
    "replay": replay,
    "forge": forge,
    "lie_about_digests": lie_about_digests,
    "collude": collude,
    "stall": stall,
    "withhold_confirmations": withhold_confirmations,
}


def twist(name: str, body: bytes) -> bytes:
    """Returns another message of the same kind: other digests, opposite bits, other numbers.

    Args:
        name: The exchange.
        body: What the protocol asks for.

    Example:
        >>> twist("bit", messages.encode_words([0, 1])) == messages.encode_words([1, 0])
        True
    """
    if name not in WORDS:
        return bytes(byte ^ 1 for byte in body) or b"\\1"
    words: Iterable[Word] = messages.decode_words(body, nodes=_count(body))
    return messages.encode_words([_other(word) for word in words])


def _other(word: Word) -> Word:
    if isinstance(word, bytes):
        return twist("digest", word)
    return None if word is None else int(word != 1)


def _count(body: bytes) -> int:
    # Words in a message: skips the digests.
    count = place = 0
    while place < len(body):
        place += 1 + messages.DIGEST_BYTES * (body[place] == messages.A_DIGEST)
        count += 1
    return count


def _two_faced(scene: Scene, sender: int, body: bytes) -> bytes:
    if scene.name != "relay":
        return twist(scene.name, body)
    chains = signatures.decode(body, scene.tag_bits)
    return signatures.encode(_signed_anew(scene, sender, chain) for chain in chains)


def _signed_anew(scene: Scene, sender: int, chain: Chain) -> Chain:
    # Another vector in its own name, with a true signature.
    if chain.signers != (sender,):
        return chain
    other = chain._replace(vector=twist("vote", chain.vector))
    token = scene.sign(sender, other.content())
    return other._replace(tokens=(token,)) if token else chain


def _twisted(scene: Scene, pairs: Iterable[tuple[int, int]]) -> list[Envelope]:
    return [scene.write(*pair, twist(scene.name, scene.own[pair])) for pair in pairs]


def _forged(scene: Scene, envelope: Envelope) -> Envelope:
    start = messages.HEADER_BYTES
    message = envelope.content.message
    other = message[:start] + twist(scene.name, message[start:])
    guess = int.from_bytes(scene.random.bytes(-(-scene.tag_bits // 8)), "little")
    guess &= (1 << scene.tag_bits) - 1
    # A message of another length has another header.
    sender = messages.sender_of(message)
    fitting = messages.encode(scene.number, sender, scene.round_number, other[start:])
    return Envelope(envelope.receiver, TaggedMessage(fitting, guess))
