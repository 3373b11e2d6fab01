"""The map: hub, nodes, and what they have, as on the page of `ceas-gym replay`."""

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke

from ceas_gym.envs.render import places, words
from ceas_gym.envs.render.part import Part, areas, canvas, joined, points
from ceas_gym.envs.render.places import HUB_RADIUS, WEIGHT, Places
from ceas_gym.envs.render.stage import Stage
from ceas_gym.envs.render.story import Story
from ceas_gym.envs.render.style import (
    FAINT,
    HEIGHT,
    HIDDEN,
    INK,
    KEY,
    MOODS,
    QUIET,
    SERVED,
    SIDE,
    TEXT,
    WHOLE_KEY,
    of_ages,
)
from ceas_gym.envs.render.style import WEIGHT as WEIGHT_COLOUR

ARC = 32
"""Corners of a whole ring of key."""
CONDITIONS = (("solid", QUIET), ((0, (5, 3)), QUIET), ((0, (1, 3)), MOODS[words.Mood.NO]))
"""How a fibre is drawn that is good, degraded or down."""
SCALES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Weights that the longest bar may stand for."""


def build(figure: Figure, stage: Stage) -> Part:
    """Draws what stays the same of the map, and returns the rest.

    Args:
        figure: Where to draw.
        stage: The network.
    """
    axes, where = canvas(figure, 0, 0, 760, HEIGHT), places.build(stage.map)
    axes.text(24, 34, stage.title, fontsize=15, fontweight="bold")
    axes.text(24, 54, stage.subtitle, color=TEXT, fontsize=9.5)
    _draw_rings(axes, where, stage)
    _draw_numbers(axes, where, stage)
    parts = (_fibres, _distances, _served, _pairs, _weights, _keys, _nodes, _ready, _hub)
    return joined([part(axes, where, stage) for part in parts])


def scale_of_weights(weights: Float[np.ndarray, " nodes"]) -> float:
    """Returns the weight that the longest bar stands for: a number that seldom changes.

    Example:
        >>> scale_of_weights(np.array([0.0, 0.03]))
        0.05
    """
    largest = np.clip(np.nan_to_num(weights), 0, 1).max(initial=0)
    return next(scale for scale in SCALES if scale >= largest * (1 - 1e-6))


# --- What stays the same ---


def _draw_rings(axes: Axes, where: Places, stage: Stage) -> None:
    for _, share in stage.map["rings"]:
        ring = Circle(tuple(where.hub), share * where.radius, fill=False, edgecolor=FAINT)
        axes.add_patch(ring).set_linewidth(points(1))


def _draw_numbers(axes: Axes, where: Places, stage: Stage) -> None:
    beside = where.nodes + (where.node_radius + 14) * where.outwards
    for label, (x, y) in zip(stage.labels, beside, strict=True):
        axes.text(x, y, label, fontsize=8, ha="center", va="center", color=TEXT)


# --- What changes ---


def _fibres(axes: Axes, where: Places, stage: Stage) -> Part:
    ends = np.array([where.vertices[fibre[:2]] for fibre in stage.map["fibres"]])
    number = np.array([fibre[2] for fibre in stage.map["fibres"]])
    lines = [_lines(axes, colour, 1, style) for style, colour in CONDITIONS]

    def update(story: Story) -> None:
        condition = np.asarray(story.scene.conditions)[number]
        for each, line in enumerate(lines):
            line.set_segments(list(ends[condition == each]))

    return Part(lines, update)


def _distances(axes: Axes, where: Places, stage: Stage) -> Part:
    # They stay the same, but stand on the fibres, where no node is near.
    way = _widest_gap(where)
    labels = [
        axes.text(0, 0, f"{km:g} km", position=where.hub + share * where.radius * way)
        for km, share in stage.map["rings"]
    ]
    for label in labels:
        label.set(color="#7b8794", fontsize=8, ha="right", va="center")
        label.set_path_effects([withStroke(linewidth=3, foreground="white")])
    return Part(labels, lambda story: None)


def _widest_gap(where: Places) -> Float[np.ndarray, " 2"]:
    # The direction amid the widest gap between nodes; of several, that nearest to the top, on the
    # left: a star's nearest nodes, with their weights, are on the right.
    turns = np.sort(np.arctan2(*where.outwards.T[::-1]))
    gaps = np.diff(turns, append=turns[0] + 2 * np.pi)
    middles = (turns + gaps / 2)[gaps > gaps.max() - 1e-3]
    ways = np.stack([np.cos(middles), np.sin(middles)], axis=1)
    return ways[np.lexsort(ways.round(3).T)[0]]


def _served(axes: Axes, where: Places, stage: Stage) -> Part:
    del stage
    lines = _lines(axes, SERVED, 1)
    ends = np.stack([where.oldest, where.nodes], axis=1)

    def update(story: Story) -> None:
        share = np.mean(story.scene.schedule, axis=0)
        has = share > 0
        lines.set_segments(list(ends[has]))
        lines.set_linewidth(points(1.5 + 4 * share[has]))
        lines.set_color([(*to_rgba(SERVED)[:3], 0.25 + 0.3 * each) for each in share[has]])

    return Part([lines], update)


def _pairs(axes: Axes, where: Places, stage: Stage) -> Part:
    beads = _marks(axes, "o")

    def update(story: Story) -> None:
        pairs, ages = np.asarray(story.scene.pairs)[:, : story.ages], np.arange(story.ages)
        node, age = np.nonzero(pairs)
        paths = places.between(where.newest, where.oldest, ages / max(story.ages - 1, 1))
        share = np.sqrt(pairs[node, age] / max(stage.memories, 1))
        _place(beads, paths[node, age], 1.2 + 0.75 * where.node_radius * share)
        beads.set_facecolor(list(map(tuple, of_ages(age / max(story.ages - 1, 1)))))

    return Part([beads], update)


def _weights(axes: Axes, where: Places, stage: Stage) -> Part:
    del stage
    bars = _lines(axes, WEIGHT_COLOUR, 5)
    foot = where.nodes + (where.node_radius + places.BEFORE_WEIGHT) * where.outwards

    def update(story: Story) -> None:
        length = WEIGHT * np.nan_to_num(story.weights) / scale_of_weights(story.weights)
        top = foot + length[:, None] * where.outwards
        bars.set_segments(list(np.stack([foot, top], axis=1)[length > 0]))

    return Part([bars], update)


def _keys(axes: Axes, where: Places, stage: Stage) -> Part:
    del stage
    arcs, radius = _lines(axes, KEY, 2.5), 1.4 * where.node_radius + 1.5

    def update(story: Story) -> None:
        share = np.clip(story.scene.key, 0, 1)
        has = share > 0
        turn = 2 * np.pi * share[has, None] * np.linspace(0, 1, ARC)
        ring = radius * np.stack([np.sin(turn), -np.cos(turn)], axis=-1)
        arcs.set_segments(list(where.nodes[has, None] + ring))
        arcs.set_color(np.where(share[has] >= 1, WHOLE_KEY, KEY).tolist())

    return Part([arcs], update)


def _nodes(axes: Axes, where: Places, stage: Stage) -> Part:
    del stage
    shapes = [_marks(axes, "o", INK, 1.1), _marks(axes, "D", HIDDEN, 2)]

    def update(story: Story) -> None:
        byzantine = np.asarray(story.scene.byzantine)
        for kind, marks in enumerate(shapes):
            chosen = byzantine == kind
            # A diamond is as wide as it is high on its corner.
            radius = where.node_radius * (0.88 if kind else 1.0)
            _place(marks, where.nodes[chosen], np.full(chosen.sum(), radius))
            marks.set_facecolor(np.where(story.counted[chosen] > 0, SIDE, "white").tolist())

    return Part(shapes, update)


def _ready(axes: Axes, where: Places, stage: Stage) -> Part:
    del stage
    dots = _marks(axes, "o")

    def update(story: Story) -> None:
        ready = np.asarray(story.scene.ready) > 0
        _place(dots, where.nodes[ready], np.full(ready.sum(), max(1.6, 0.32 * where.node_radius)))
        dots.set_facecolor(np.where(story.counted[ready] > 0, "white", INK).tolist())

    return Part([dots], update)


def _hub(axes: Axes, where: Places, stage: Stage) -> Part:
    x, y = where.hub
    disc = axes.add_patch(Circle((x, y), HUB_RADIUS, color=INK))
    text = axes.text(x, y, "hub", color="white", fontsize=9, fontweight="bold")
    text.set(ha="center", va="center_baseline")
    members = _members(axes, where, stage)

    def update(story: Story) -> None:
        mood = words.sentence(story)[1]
        disc.set_facecolor(MOODS[mood] if story.fired else INK)
        disc.set_edgecolor(disc.get_facecolor())
        text.set_text("hub" if not story.fired else "✓" if story.committed[-1] else "✕")
        text.set_visible(len(stage.members) == 1)
        members.update(story)

    return Part([disc, text, *members.moving], update)


def _members(axes: Axes, where: Places, stage: Stage) -> Part:
    # A full mark is a vote for the last update; only honest members are simulated.
    number = len(stage.members)
    turn = 2 * np.pi * np.arange(number) / number
    at = where.hub + 0.55 * HUB_RADIUS * np.stack([np.sin(turn), -np.cos(turn)], axis=1)
    radius = np.clip(14 / number, 1.8, 4.0)
    kinds = [_marks(axes, "o", "white", 1.4), _marks(axes, "D", "#f0a8d8", 1.4)]
    crosses = axes.scatter([], [], marker="x", color="white", linewidths=points(1.6))

    def update(story: Story) -> None:
        votes = bool(story.committed) and story.committed[-1]
        for kind, marks in enumerate(kinds):
            chosen = (stage.members == kind) & (number > 1)
            _place(marks, at[chosen], np.full(chosen.sum(), radius))
            marks.set_facecolor("white" if votes and not kind else "none")
        exposed = np.asarray(story.scene.exposed) > 0
        _place(crosses, at[exposed], np.full(exposed.sum(), radius + 2))

    return Part([*kinds, crosses], update)


def _lines(axes: Axes, colour: str, width: float, style: Any = "solid") -> LineCollection:  # noqa: ANN401
    lines = LineCollection(
        [], colors=[colour], linewidths=[points(width)], linestyles=[style], capstyle="butt"
    )
    axes.add_collection(lines, autolim=False)
    return lines


def _marks(axes: Axes, shape: str, edge: str = "none", width: float = 0.0) -> PathCollection:
    return axes.scatter([], [], marker=shape, edgecolors=edge, linewidths=points(width))


def _place(
    marks: PathCollection, at: Float[np.ndarray, "marks 2"], radii: Float[np.ndarray, " marks"]
) -> None:
    marks.set_offsets(at)
    marks.set_sizes(areas(radii))
