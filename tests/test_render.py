"""The picture of a round: its size, what it shows, and that it leaves nothing behind."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pytest
from numpy.typing import NDArray

from ceas_gym.envs import render
from ceas_gym.envs.render import Story

Frame = NDArray[np.uint8]
DARKEST = (68, 1, 84)
"""The end of the colour bar."""


def picture(
    nodes: int = 10, windows: int = 8, ages: int = 32, share: float = 0.5, stored: int = 3
) -> Frame:
    """Draws a round in which all cells are alike."""
    schedule = np.full((windows, nodes), share, np.float32)
    return drawn(schedule, np.full((nodes, ages), stored), [0.5, 0.6, 0.7])


def drawn(schedule: Any, pairs: Any, accuracy: Sequence[float], *, fired: bool = True) -> Frame:
    """Draws the last step of an episode, whose steps take 8 s each."""
    return render.draw(told(schedule, pairs, accuracy, fired=fired))


def told(schedule: Any, pairs: Any, accuracy: Sequence[float], *, fired: bool = True) -> Story:
    """Returns the story of an episode whose steps have the same schedule and pairs."""
    story = Story()
    for step, value in enumerate(accuracy):
        now = {"fired": float(fired and step > 0), "time_s": 8.0 * step, "accuracy": value}
        story.tell(schedule, pairs, now)
    return story


def inside(frame: Frame, place: tuple[float, float, float, float]) -> Frame:
    """Returns the part of a frame that lies within a panel, without its edges."""
    left, bottom, width, height = place
    columns = slice(round(left * render.WIDTH) + 3, round((left + width) * render.WIDTH) - 3)
    upper, lower = 1 - bottom - height, 1 - bottom
    return frame[round(upper * render.HEIGHT) + 3 : round(lower * render.HEIGHT) - 3, columns]


def options() -> dict[str, Any]:
    # Read as a plain dictionary: Matplotlib's own access would choose a backend.
    return dict(dict.items(matplotlib.rcParams))


@pytest.mark.parametrize("nodes", [1, 4, 10, 50, 200])
def test_every_number_of_nodes_gives_a_picture_of_the_same_size(nodes: int) -> None:
    frame = picture(nodes=nodes)
    assert frame.shape == (400, 1200, 3)
    assert frame.dtype == np.uint8
    assert frame.flags.owndata


@pytest.mark.parametrize(("windows", "ages"), [(1, 1), (1, 32), (8, 4)])
def test_short_rounds_and_short_lives_are_drawn(windows: int, ages: int) -> None:
    assert (inside(picture(windows=windows, ages=ages), render.STORED) < 255).any(axis=2).all()


def test_the_start_of_an_episode_is_drawn() -> None:
    frame = drawn(np.zeros((8, 50)), np.zeros((50, 32), int), [0.5])
    for place in (render.SERVED, render.STORED):
        colours = inside(frame, place)
        # White but for the word "none", which is grey.
        assert (colours == 255).all(axis=2).mean() > 0.97
        assert (colours == colours[..., :1]).all()


def test_accuracy_that_is_not_a_number_is_drawn() -> None:
    schedule, pairs = np.full((8, 4), 0.5), np.ones((4, 8), int)
    frames = [drawn(schedule, pairs, [0.5, last]) for last in (0.6, np.nan)]
    assert not np.array_equal(frames[0], frames[1])


def test_a_served_node_has_its_place() -> None:
    schedule = np.zeros((8, 10))
    schedule[0, 9] = 1.0
    panel = inside(drawn(schedule, np.zeros((10, 8), int), [0.5, 0.6]), render.SERVED)
    rows, columns = np.nonzero((panel < 255).any(axis=2))
    # First window left, last node on top.
    assert rows.max() < panel.shape[0] / 10
    assert columns.max() < panel.shape[1] / 8


def test_more_of_a_channel_is_darker() -> None:
    brightness = [inside(picture(share=share), render.SERVED).mean() for share in (0, 0.1, 0.5, 1)]
    assert brightness == sorted(brightness, reverse=True)
    assert len(set(brightness)) == 4


@pytest.mark.parametrize(("oldest", "shown"), [(3, 8), (7, 8), (11, 12)])
def test_ages_are_shown_up_to_the_oldest_in_use(oldest: int, shown: int) -> None:
    pairs = np.zeros((4, 32), int)
    pairs[:, oldest] = 5
    panel = inside(drawn(np.full((8, 4), 0.5), pairs, [0.5, 0.6]), render.STORED)
    columns = np.flatnonzero((panel < 255).any(axis=2).all(axis=0)) / panel.shape[1]
    assert columns.min() == pytest.approx(oldest / shown, abs=0.02)
    assert columns.max() == pytest.approx((oldest + 1) / shown, abs=0.02)


@pytest.mark.parametrize(("largest", "scale"), [(3, 5), (6, 10), (11, 20), (999, 1000)])
def test_the_scale_of_pairs_is_the_next_round_number(largest: int, scale: int) -> None:
    below, full = (picture(stored=count) for count in (largest, scale))
    # The colour bar with its numbers.
    left = round(render.STORED_BAR[0] * render.WIDTH)
    right = round(render.ACCURACY[0] * render.WIDTH) - 40
    np.testing.assert_array_equal(below[:, left:right], full[:, left:right])
    assert (inside(full, render.STORED) == DARKEST).all()


def test_the_same_round_gives_the_same_picture() -> None:
    np.testing.assert_array_equal(picture(), picture())


def test_arguments_stay_as_they_are() -> None:
    schedule, pairs = np.full((8, 4), 0.5), np.ones((4, 8), int)
    copies = schedule.copy(), pairs.copy()
    for array in (schedule, pairs):
        array.setflags(write=False)
    story = told(schedule, pairs, [0.5, 0.6])
    first = render.draw(story)
    np.testing.assert_array_equal(render.draw(story), first)
    np.testing.assert_array_equal(schedule, copies[0])
    np.testing.assert_array_equal(pairs, copies[1])


def test_windows_add_up_until_the_barrier_fires() -> None:
    window, pairs = np.full((1, 4), 0.5), np.ones((4, 8), int)
    waiting = told(window, pairs, [0.5, 0.6, 0.7, 0.8], fired=False)
    assert (len(waiting.schedule), waiting.barriers) == (3, 0)
    firing = told(window, pairs, [0.5, 0.6, 0.7, 0.8])
    assert (len(firing.schedule), firing.barriers) == (1, 3)
    assert not np.array_equal(render.draw(waiting), render.draw(firing))


def test_accuracy_is_constant_between_steps() -> None:
    schedule, pairs = np.zeros((1, 4)), np.zeros((4, 8), int)
    panel = inside(drawn(schedule, pairs, [0.25, 0.75]), render.ACCURACY)
    is_line = (panel[..., 2].astype(int) - panel[..., 0]) > 100
    # In the left half, the line is at a quarter of the height.
    rows = np.flatnonzero(is_line[:, : panel.shape[1] // 2].any(axis=1))
    assert rows.mean() == pytest.approx(0.75 * panel.shape[0], abs=3)
    assert np.ptp(rows) < 6


def test_settings_of_the_user_neither_change_nor_matter() -> None:
    plain = picture()
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 20, "savefig.dpi": 30}):
        before = options()
        np.testing.assert_array_equal(picture(), plain)
        assert options() == before


def test_nothing_heavy_is_imported_before_it_is_needed_and_pyplot_never() -> None:
    program = (
        "import sys, numpy as np\n"
        "from ceas_gym.envs import render\n"
        "print('matplotlib' in sys.modules)\n"
        "story = render.Story()\n"
        "info = {'fired': 0, 'time_s': 0, 'accuracy': 0.5}\n"
        "story.tell(np.ones((2, 4)), np.ones((4, 8), int), info)\n"
        "render.draw(story)\n"
        "print('matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.split() == ["False", "True", "False"], run.stderr
