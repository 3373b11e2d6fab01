"""Mode `ansi`: everything has its column, and nothing is wider than a terminal."""

import re

import numpy as np
import pytest
from helpers import rounds_to_draw as made

from ceas_gym.envs.render import story as stories
from ceas_gym.envs.render import text, words
from ceas_gym.envs.render.story import Story

SEVERAL = {"schedule": 0.5, "key": 1, "ready": 1, "counted": 1, "weights": 0.1, "pairs": 9}


@pytest.mark.parametrize("nodes", [1, 4, 20, 21, 50, 200])
def test_every_node_has_a_row_in_a_hundred_columns(nodes: int) -> None:
    story = made.told(made.scene(nodes, **SEVERAL, byzantine=1), made.scene(nodes, pairs=99_999))
    table = text.table(made.stage(nodes), story)
    assert max(map(len, table.splitlines())) <= 100
    for node in range(nodes):
        assert len(re.findall(rf"(?<!\d){node} +{node + 1}\.0 ", table)) == 1


def test_a_row_says_what_the_node_has() -> None:
    pairs = np.zeros((2, 16), int)
    pairs[1, [0, 6]] = 40, 20
    scene = made.scene(
        2,
        schedule=[0, 0.5],
        pairs=pairs,
        key=[0, 0.25],
        ready=[1, 0],
        counted=[0, 1],
        weights=[0, 0.125],
        byzantine=[0, 1],
    )
    table = text.table(made.stage(2), made.told(scene)).splitlines()
    first, second = (line for line in table if re.match(r" +[01][ ◆] ", line))
    assert first == "    0    1.0            0           0% • ·      -"
    assert second == "    1◆   2.0 ███       60 █     ▄  25% · ■  0.125"


def test_numbers_and_curves_are_told() -> None:
    story = made.told(
        made.scene(4, counted=[1, 1, 0, 0]), accepted_nodes=2.0, shots=1234.0, utilization=0.25
    )
    table = text.table(made.stage(4), story)
    assert "8 s of 80 s · ✕ barrier 1: no update, 2 counted (quorum 3)" in table
    for told in ("round 1", "counted 2 of 4", "shots 1,234", "useful 25%"):
        assert told in table
    assert re.search(r"^accuracy +0\.500  ▄▄$", table, re.MULTILINE)
    assert re.search(r"^loss +0\.700  █▆$", table, re.MULTILINE)


@pytest.mark.parametrize("last", [np.nan, np.inf])
def test_a_model_that_diverged_is_told(last: float) -> None:
    story = made.told(made.scene(4, **SEVERAL), validation_loss=last)
    assert "loss" in text.table(made.stage(4), story)


# --- What has been seen ---


def test_windows_add_up_until_the_barrier_fires() -> None:
    window = made.scene(4, windows=1, schedule=0.5)
    waiting = made.told(window, window, window, fired=False)
    assert (len(waiting.schedule), waiting.round, waiting.fired_s) == (3, 1, [])
    firing = made.told(window, window, window)
    assert (len(firing.schedule), firing.round, firing.fired_s) == (1, 3, [8.0, 16.0, 24.0])


def test_what_a_barrier_decided_is_seen_until_the_next() -> None:
    story = made.told(made.scene(4, counted=[1, 0, 1, 0], weights=[0.5, 0, 0.5, 0]))
    waits = made.info(time_s=9.0, pairs_generated=7.0)
    stories.tell(story, made.scene(4, windows=1), waits)
    assert story.counted.tolist() == [1, 0, 1, 0]
    assert story.weights.tolist() == [0.5, 0, 0.5, 0]
    assert story.pairs["generated"] == 7
    assert words.sentence(story)[0] == "gathering pairs; 0 nodes have a channel"


def test_teams_count_once() -> None:
    pairs_of_nodes = made.stage(4, team=np.array([0, 0, 1, 1]), teams=2)
    story = made.told(made.scene(4, ready=[1, 1, 0, 0]))
    assert words.figures(pairs_of_nodes, story)["ready"] == "1 of 2"


def _loss(*values: float) -> Story:
    story = made.told(made.scene(1))
    story.loss = list(values)
    return story


@pytest.mark.parametrize(
    ("losses", "scale"), [((0.1,), 0.5), ((0.6, np.nan), 1), ((1.2,), 2), ((0.7, 34), 50)]
)
def test_the_scale_of_the_loss_is_the_next_round_number(
    losses: tuple[float, ...], scale: float
) -> None:
    assert words.scale_of_loss(_loss(*losses)) == scale
