"""The words and numbers of pictures and tables: those of `ceas-gym replay`."""

from enum import StrEnum

import numpy as np

from ceas_gym.envs.render.stage import Stage
from ceas_gym.envs.render.story import FATES, Story

NAMES = (
    *("round", "updates", "served", "ready", "counted", "shots"),
    *("stored", *FATES, "useful"),
)
"""What the numbers are called, in their order."""
SMALLEST_LOSS = 0.5
"""Loss in nats for which there is room at least."""


class Mood(StrEnum):
    """How a sentence is coloured."""

    YES = "yes"
    NO = "no"
    NEITHER = "neither"


def sentence(story: Story) -> tuple[str, Mood]:
    """Returns what the episode is at, in a few words, and their mood.

    Args:
        story: Of at least the start of an episode.
    """
    if story.is_start:
        return "start: no pairs, a random model", Mood.NEITHER
    if not story.fired:
        return f"gathering pairs; {_served(story)} nodes have a channel", Mood.NEITHER
    number = len(story.fired_s)
    if story.committed[-1]:
        return f"✓ barrier {number}: model updated", Mood.YES
    counted, quorum = int(story.info["accepted_nodes"]), int(story.scene.quorum)
    return f"✕ barrier {number}: no update, {counted} counted (quorum {quorum})", Mood.NO


def figures(stage: Stage, story: Story) -> dict[str, str]:
    """Returns numbers of the episode as text, by what they are called.

    Pairs are those since the start; nodes counted and shots are those of the last barrier.

    Args:
        stage: The network.
        story: Of at least the start of an episode.
    """
    decided, scene = story.decided, story.scene
    ready = len(np.unique(stage.team[np.asarray(scene.ready) > 0]))
    values = (
        f"{story.round:,}",
        f"{sum(story.committed):,}",
        f"{_served(story)} of {stage.nodes}",
        f"{ready} of {stage.teams}",
        f"{decided['accepted_nodes']:.0f} of {stage.teams}" if decided else "-",
        f"{decided['shots']:,.0f}" if decided else "-",
        f"{np.sum(scene.pairs):,}",
        *(f"{count:,}" for count in story.pairs.values()),
        f"{story.info['utilization']:.0%}",
    )
    return dict(zip(NAMES, values, strict=True))


def scale_of_loss(story: Story) -> float:
    """Returns a loss in nats up to which there is room: 1, 2 or 5 times a power of ten.

    Args:
        story: Of at least the start of an episode.
    """
    known = [loss for loss in story.loss if np.isfinite(loss)]
    largest = max([SMALLEST_LOSS, *known])
    power = 10.0 ** np.floor(np.log10(largest))
    return float(power * next(step for step in (1, 2, 5, 10) if step * power >= largest))


def clock(stage: Stage, story: Story) -> str:
    """Returns how much of the budget is over, as text.

    Args:
        stage: The network.
        story: Of at least the start of an episode.
    """
    return f"{story.time_s[-1]:,.6g} s of {stage.budget_s:,.6g} s"


def _served(story: Story) -> int:
    # Nodes that had a channel in the last step.
    return int(np.any(np.asarray(story.scene.schedule) > 0, axis=0).sum())
