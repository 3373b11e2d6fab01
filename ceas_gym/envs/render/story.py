"""What has been seen of an episode, as far as it is drawn or written."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from ceas_gym.envs.core import Scene

FATES = ("generated", "spent", "keyed", "expired")
"""What becomes of pairs, as far as it is told."""
FEWEST_AGES = 4
"""Ages, in windows, for which there is room at least."""


@dataclass
class Story:
    """What has been seen of an episode, step by step."""

    scene: Scene
    """Of the last step, with arrays of NumPy."""
    info: Mapping[str, float]
    """Metrics of the last step."""
    schedule: list[Float[np.ndarray, " nodes"]] = field(default_factory=list)
    """Shares of a channel given in each window since the last barrier but this, in [0, 1]."""
    counted: Int[np.ndarray, " nodes"] = field(default_factory=lambda: np.zeros(0, int))
    """Whether the node was counted at the last barrier."""
    weights: Float[np.ndarray, " nodes"] = field(default_factory=lambda: np.zeros(0))
    """Weights of the nodes at the last barrier, in [0, 1]."""
    ages: int = FEWEST_AGES
    """One more than the greatest age, in windows, that a stored pair has had."""
    time_s: list[float] = field(default_factory=list)
    """Part of the budget that was over at the start and after each step, in s."""
    accuracy: list[float] = field(default_factory=list)
    """Accuracy of the global model on the test split at these times, in [0, 1]."""
    loss: list[float] = field(default_factory=list)
    """Its loss on the validation split, in nats."""
    fired_s: list[float] = field(default_factory=list)
    """Times at which barriers ended, in s."""
    committed: list[bool] = field(default_factory=list)
    """Whether these barriers updated the model."""
    decided: Mapping[str, float] = field(default_factory=dict[str, float])
    """Metrics of the step of the last barrier; none before the first."""
    pairs: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FATES, 0))
    """What became of pairs since the start (`FATES`)."""

    @property
    def fired(self) -> bool:
        """Returns whether the last step ended with a barrier."""
        return self.info["fired"] > 0

    @property
    def is_start(self) -> bool:
        """Returns whether no step was taken yet."""
        return len(self.time_s) == 1

    @property
    def round(self) -> int:
        """Returns the number of the round that is shown, from 1."""
        return len(self.fired_s) + (not self.fired)


def start(scene: Scene, info: Mapping[str, float]) -> Story:
    """Returns the story of an episode that begins.

    Args:
        scene: From the reset, with arrays of NumPy.
        info: The metrics of the reset.
    """
    none = np.zeros_like(scene.counted)
    story = Story(scene, info, counted=none, weights=np.zeros(none.shape))
    _go_on(story, info)
    return story


def tell(story: Story, scene: Scene, info: Mapping[str, float]) -> None:
    """Adds a step.

    Args:
        story: What came before; it is changed.
        scene: Of the step, with arrays of NumPy.
        info: The metrics of the step.
    """
    if story.fired:
        story.schedule = []
    story.schedule.extend(np.asarray(scene.schedule))
    story.scene, story.info = scene, info
    for fate in FATES:
        story.pairs[fate] += int(info[f"pairs_{fate}"])
    oldest = np.flatnonzero(np.any(scene.pairs, axis=0)).max(initial=-1)
    story.ages = max(story.ages, int(oldest) + 1)
    if story.fired:
        story.counted, story.weights = np.asarray(scene.counted), np.asarray(scene.weights)
        story.decided = info
        story.fired_s.append(info["time_s"])
        story.committed.append(info["committed"] > 0)
    _go_on(story, info)


def _go_on(story: Story, info: Mapping[str, float]) -> None:
    story.time_s.append(info["time_s"])
    story.accuracy.append(info["accuracy"])
    story.loss.append(info["validation_loss"])
