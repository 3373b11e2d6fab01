"""What Byzantine members and nodes do in a whole round, by name.

They see the honest messages of an exchange before they send their own. These are some behaviours
that have a name; for the agreement alone, tests try everything that Byzantine members can do.
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
"""Exchanges in which that word is a digest or None."""


def obey(scene: Scene) -> list[Envelope]:
    """Returns the messages that the protocol asks for, unchanged."""
    return scene.obey()


def silent(scene: Scene) -> list[Envelope]:
    """Returns no message."""
    del scene
    return []


def equivocation(scene: Scene) -> list[Envelope]:
    """Returns true messages to receivers of even index, and changed ones to those of odd index.

    Indices of receivers are in [0, c + N). With signatures, a member signs two vectors of its own.
    """
    return [
        scene.write(sender, receiver, _two_faced(scene, sender, body) if receiver % 2 else body)
        for (sender, receiver), body in scene.own.items()
    ]


def delay(scene: Scene) -> list[Envelope]:
    """Returns the messages that the protocol asks for, all of them after the deadline."""
    return [envelope._replace(late=True) for envelope in scene.obey()]


def replay(scene: Scene) -> list[Envelope]:
    """Returns a copy of every earlier message, ahead of those that the protocol asks for."""
    return [*dict.fromkeys(scene.past), *scene.obey()]


def forge(scene: Scene) -> list[Envelope]:
    """Returns changed copies of all honest messages, ahead of the messages that are due.

    The tag of each copy is a guess, drawn uniformly in [0, 2^t).
    """
    return [*(_forged(scene, envelope) for envelope in scene.honest), *scene.obey()]


def lie_about_digests(scene: Scene) -> list[Envelope]:
    """Returns votes for updates that nobody sent, and false updates in `fetch`."""
    if scene.name in VALUES or scene.name == "fetch":
        return _twisted(scene, scene.own)
    return scene.obey()


def collude(scene: Scene) -> list[Envelope]:
    """Returns messages by which Byzantine nodes and members try to split the honest members.

    Byzantine nodes send their updates to the Byzantine members and to one honest member only.
    Byzantine members send their votes and proposals to members of odd index, in [0, c), only.
    """
    if scene.name == "update":
        favoured = min(set(range(scene.members)) - scene.bad)
        chosen = {favoured, *scene.bad}
        return [scene.write(*pair, body) for pair, body in scene.own.items() if pair[1] in chosen]
    if scene.name in VALUES:
        odd = [pair for pair in scene.own if pair[1] % 2]
        return [scene.write(*pair, scene.own[pair]) for pair in odd]
    return scene.obey()


def leader_stall(scene: Scene) -> list[Envelope]:
    """Returns the messages that the protocol asks for, but none from a Byzantine king."""
    return [] if scene.name == "king" else scene.obey()


def withheld_confirmation(scene: Scene) -> list[Envelope]:
    """Returns the messages that the protocol asks for, but no instructions for the nodes.

    So Byzantine members neither confirm the model nor send outcomes of Bell measurements.
    """
    return [] if scene.name == "instructions" else scene.obey()


BEHAVIOURS: dict[str, Behaviour] = {
    "obey": obey,
    "silent": silent,
    "equivocation": equivocation,
    "delay": delay,
    "replay": replay,
    "forge": forge,
    "lie_about_digests": lie_about_digests,
    "collude": collude,
    "leader_stall": leader_stall,
    "withheld_confirmation": withheld_confirmation,
}


def twist(name: str, body: bytes) -> bytes:
    """Returns a changed body of the same form: other digests, opposite bits, other numbers.

    Args:
        name: Name of the exchange, which decides the form.
        body: The body that the protocol asks for. If it holds words, each is None, an integer
            in [0, 2], or a digest.

    Example:
        >>> twist("bit", messages.encode_words([0, 1])) == messages.encode_words([1, 0])
        True
    """
    if name not in WORDS:
        return bytes(byte ^ 1 for byte in body) or b"\1"
    words: Iterable[Word] = messages.decode_words(body, nodes=_count(body))
    return messages.encode_words([_other(word) for word in words])


def _other(word: Word) -> Word:
    if isinstance(word, bytes):
        return twist("digest", word)
    return None if word is None else int(word != 1)


def _count(body: bytes) -> int:
    # Number of words in a body. A digest follows its code and is skipped.
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
    # Only its own vector can be replaced, because the sender cannot sign for another origin.
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
    # A changed body may have another length, so it needs a header of its own.
    sender = messages.sender_of(message)
    fitting = messages.encode(scene.number, sender, scene.round_number, other[start:])
    return Envelope(envelope.receiver, TaggedMessage(fitting, guess))
