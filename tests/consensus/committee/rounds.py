"""What the tests of whole rounds share: key, a rule, and the promises that a round must keep."""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ceas_gym.consensus.committee import counts, keys, messages
from ceas_gym.consensus.committee.behaviours import BEHAVIOURS
from ceas_gym.consensus.committee.keys import KeyStore
from ceas_gym.consensus.committee.members import Model
from ceas_gym.consensus.committee.round import Outcome, execute
from ceas_gym.consensus.committee.settings import Committee

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
    held = more.pop("keys", None) or store(committee)
    updates = more.pop("updates", UPDATES)
    rule = more.pop("rule", mean)
    acts = BEHAVIOURS[behaviour]
    return execute(committee, updates, held, rule, bad=bad, behaviour=acts, **more)


def numbers(models: Iterable[Model | None]) -> list[list[float]]:
    """Returns the models as lists; asserts that none is missing."""
    assert all(isinstance(model, np.ndarray) for model in models)
    return [[] if model is None else model.tolist() for model in models]


def digest(node: int, round_number: int = 0) -> bytes:
    """Returns the digest of the node's true update."""
    return messages.digest(node, round_number, UPDATES[node].astype("<f4").tobytes())


def check(committee: Committee, outcome: Outcome, bad: Collection[int], number: int = 0) -> None:
    """Asserts that all honest members agree and that no honest node's update is altered or missing.

    All honest members compute the same model, and every honest node accepts it.
    """
    counted = outcome.counted()
    honest = {k for k in range(len(UPDATES)) if committee.members + k not in bad}
    assert honest <= counted
    for vector in outcome.agreed.values():
        assert all(vector[k] == digest(k, number) for k in honest)
    assert len(outcome.models) == committee.members - sum(one < committee.members for one in bad)
    models = numbers([*outcome.models.values(), *outcome.accepted.values()])
    assert all(model == models[0] for model in models)
    assert len(outcome.accepted) == len(honest)
