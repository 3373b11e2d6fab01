"""What the tests of whole rounds share: key, a rule, and the promises that a round must keep."""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ceas_gym.consensus.committee import counts, keys, messages
from ceas_gym.consensus.committee.behaviours import BEHAVIOURS
from ceas_gym.consensus.committee.keys import KeyStore
from ceas_gym.consensus.committee.members import Model
from ceas_gym.consensus.committee.network import Behaviour, Envelope, Scene
from ceas_gym.consensus.committee.outcome import Outcome
from ceas_gym.consensus.committee.round import execute
from ceas_gym.consensus.committee.settings import Committee

MODEL = np.array([0.25, -8.0])
"""The model of the last round."""
UPDATES = np.array([[0.5, 1.0], [2.0, -1.0], [4.0, 3.0]])
FOUR = Committee(members=4, byzantine=1, tag_bits=40)
SEVEN = Committee(members=7, byzantine=2, tag_bits=40)
SIGNED = Committee(members=3, byzantine=1, tag_bits=40, signatures="one_time_hash")


def mean(chosen: dict[int, NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.mean(list(chosen.values()), axis=0)


def store(committee: Committee, nodes: int = len(UPDATES), tags: int | None = None) -> KeyStore:
    """Returns key for one round, or for `tags` tags on each link."""
    tags = counts.most_on_link(committee) if tags is None else tags
    return keys.full(committee, nodes, np.random.default_rng(0), tags)


def play(
    committee: Committee, behaviour: str = "obey", bad: Collection[int] = (), **more: Any
) -> Outcome:
    updates, model = more.pop("updates", UPDATES), more.pop("model", MODEL)
    held = more.pop("keys", None) or store(committee, len(updates))
    rule = more.pop("rule", mean)
    acts = more.pop("acts", BEHAVIOURS[behaviour])
    return execute(committee, model, updates, held, rule, bad=bad, behaviour=acts, **more)


def shunning(*members: int, otherwise: str = "obey") -> Behaviour:
    """Returns a behaviour by which Byzantine nodes send some members no update.

    In all other exchanges, Byzantine parties show the behaviour that `otherwise` names.
    """

    def act(scene: Scene) -> list[Envelope]:
        if scene.name != "update":
            return list(BEHAVIOURS[otherwise](scene))
        return [one for one in scene.obey() if one.receiver not in members]

    return act


def drain(held: KeyStore, one: int, other: int, tags: int) -> None:
    """Uses up the key of a link, except for that of some tags."""
    held.draw(one, other, held.left(one, other) - held.bits * tags)


def numbers(models: Iterable[Model | None]) -> list[list[float]]:
    """Returns the models as lists; asserts that none is missing."""
    assert all(isinstance(model, np.ndarray) for model in models)
    return [[] if model is None else model.tolist() for model in models]


def digest(node: int, round_number: int = 0) -> bytes:
    """Returns the digest of the node's true update."""
    return messages.digest(node, round_number, UPDATES[node].astype("<f4").tobytes())


def check(committee: Committee, outcome: Outcome, bad: Collection[int], number: int = 0) -> None:
    """Asserts that all honest members agree and that no honest node's update is altered or missing.

    All honest members compute the same model, and every honest node accepts that of the last round.
    """
    counted = outcome.counted()
    honest = {k for k in range(len(UPDATES)) if committee.members + k not in bad}
    assert honest <= counted
    for vector in outcome.agreed.values():
        assert all(vector[k] == digest(k, number) for k in honest)
    assert len(outcome.models) == committee.members - sum(one < committee.members for one in bad)
    models = numbers(outcome.models.values())
    assert all(model == models[0] for model in models)
    assert set(outcome.accepted) == honest
    assert all(model == MODEL.tolist() for model in numbers(outcome.accepted.values()))
