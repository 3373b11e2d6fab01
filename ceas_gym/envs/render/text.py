"""Mode `ansi`: a round as a table for a terminal."""

from itertools import zip_longest

import numpy as np
from jaxtyping import Float

from ceas_gym.envs.render import words
from ceas_gym.envs.render.stage import Stage
from ceas_gym.envs.render.story import Story

WIDTH = 100
"""Most columns of a line."""
MOST_ROWS = 20
"""Nodes up to which they stand below each other; more stand in two columns."""
AGE_BINS, BAR, CURVE = 7, 6, 60
"""Characters for the pairs of a node by age, for a share of a channel, and for a curve."""
RISING, FILLING = " ▁▂▃▄▅▆▇█", " ▏▎▍▌▋▊▉█"
HEADER = ("node", " ", "km", "served", "pairs", "by age", "key", "r", "c", "weight")
ROW = "{:>5}{} {:>5} {:<6} {:>5} {:<7} {:>4} {} {} {:>6}"
LEGEND = (
    "served: share of a channel   by age: pairs from new to old   key: share of that for the tags",
    "r ready   c counted at the last barrier   ◆ Byzantine, hidden from the agent",
)


def table(stage: Stage, story: Story) -> str:
    """Returns a round as text: what it is at, curves, and a row for each node.

    Args:
        stage: The network.
        story: Of at least the start of an episode.

    Returns:
        Lines of at most 100 characters, for terminals that show UTF-8, without colours.
    """
    lines = [
        f"{stage.title}: {stage.subtitle}",
        f"{words.clock(stage, story)} · {words.sentence(story)[0]}",
        "",
        *_numbers(stage, story),
        _curve("accuracy", story.accuracy, 1.0),
        _curve("loss", story.loss, words.scale_of_loss(story)),
        "",
        *_columns(_rows(stage, story)),
        "",
        *LEGEND,
    ]
    return "\n".join(line[:WIDTH].rstrip() for line in lines) + "\n"


def _rows(stage: Stage, story: Story) -> list[str]:
    scene, ages = story.scene, _by_age(story)
    served, pairs = np.mean(scene.schedule, axis=0), np.sum(scene.pairs, axis=1)
    columns = zip(
        stage.labels,
        np.where(scene.byzantine, "◆", " "),
        (f"{km:.1f}" for km in stage.map["km"]),
        map(_bar, served),
        pairs,
        ages,
        (f"{share:.0%}" for share in np.asarray(scene.key)),
        np.where(scene.ready, "•", "·"),
        np.where(story.counted, "■", "·"),
        (f"{weight:.3f}" if weight else "-" for weight in story.weights),
        strict=True,
    )
    return [ROW.format(*column) for column in columns]


def _columns(rows: list[str]) -> list[str]:
    header, half = ROW.format(*HEADER), (len(rows) + 1) // 2
    if len(rows) <= MOST_ROWS:
        return [header, *rows]
    pairs = zip_longest(rows[:half], rows[half:], fillvalue="")
    return [f"{left}  {right}" for left, right in ((header, header), *pairs)]


def _by_age(story: Story) -> list[str]:
    # Equal heights mean equal numbers of pairs, at all nodes.
    bounds = np.linspace(0, story.ages, min(AGE_BINS, story.ages) + 1).astype(int)[:-1]
    binned = np.add.reduceat(np.asarray(story.scene.pairs)[:, : story.ages], bounds, axis=1)
    return [_heights(node / max(binned.max(), 1)) for node in binned]


def _heights(shares: Float[np.ndarray, " shares"]) -> str:
    # What is above zero is seen.
    steps = np.ceil(np.clip(np.nan_to_num(shares), 0, 1) * (len(RISING) - 1))
    return "".join(RISING[int(step)] for step in steps)


def _bar(share: float) -> str:
    eighths = int(np.ceil(share * BAR * (len(FILLING) - 1) - 1e-3))
    whole, rest = divmod(eighths, len(FILLING) - 1)
    return FILLING[-1] * whole + (FILLING[rest] if rest else "")


def _curve(name: str, values: list[float], most: float) -> str:
    # Evenly spaced steps, of which the last is the present one.
    chosen = np.linspace(0, len(values) - 1, min(CURVE, len(values))).astype(int)
    return f"{name:<9}{values[-1]:6.3f}  {_heights(np.array(values)[chosen] / most)}"


def _numbers(stage: Stage, story: Story) -> list[str]:
    parts = [" ".join(pair) for pair in words.figures(stage, story).items()]
    half = len(parts) // 2
    return [" · ".join(parts[:half]), " · ".join(parts[half:])]
