"""Mode `human`: a window that shows every frame, and what happens where none can be opened."""

from collections.abc import Iterator

import matplotlib
import numpy as np
import pytest
from helpers import rounds_to_draw as made
from helpers import toy_window
from matplotlib.backend_bases import CloseEvent

from ceas_gym import config, parameters
from ceas_gym.envs.render import FPS, Renderer
from ceas_gym.envs.render.window import Window

GREY, DARK = (np.full((32, 48, 3), level, np.uint8) for level in (150, 10))


@pytest.fixture
def windows() -> Iterator[list[toy_window.FigureManager]]:
    with matplotlib.rc_context({"backend": toy_window.NAME}):
        toy_window.opened.clear()
        yield toy_window.opened


def test_a_window_shows_pictures_as_they_are(windows: list[toy_window.FigureManager]) -> None:
    window = Window("a title", (32, 48))
    for picture, seconds in ((GREY, 0.2), (DARK, 0.1)):
        window.show(picture, seconds)
    (opened,) = windows
    assert opened.title == "a title"
    assert opened.seconds == [0.2, 0.1]
    np.testing.assert_array_equal(opened.pictures, [GREY, DARK])


def test_a_window_is_closed_once(windows: list[toy_window.FigureManager]) -> None:
    window = Window("", (32, 48))
    window.close()
    window.close()
    window.show(GREY, 0.1)
    assert [(each.is_open, len(each.pictures)) for each in windows] == [(False, 0)]


def test_a_window_that_the_user_closes_stays_closed(
    windows: list[toy_window.FigureManager],
) -> None:
    window = Window("", (32, 48))
    canvas = windows[0].canvas
    canvas.callbacks.process("close_event", CloseEvent("close_event", canvas))
    window.show(GREY, 0.1)
    assert [len(each.pictures) for each in windows] == [0]


def test_the_renderer_opens_one_window_for_all_steps(
    windows: list[toy_window.FigureManager],
) -> None:
    scenario = config.load("tiny")
    renderer = Renderer(scenario, parameters.build(scenario), "human")
    # Without weights there is nothing to scale.
    scene = made.scene(4, 4)
    renderer.follow(scene, made.info(), begins=True)
    renderer.follow(scene, made.info(fired=1.0, time_s=4.0), begins=False)
    (opened,) = windows
    assert opened.title == "ceas_gym: tiny"
    assert [picture.shape for picture in opened.pictures] == [(800, 1280, 3)] * 2
    assert max(opened.seconds) <= 1 / FPS
    assert renderer.draw() is None
    renderer.close()
    renderer.close()
    assert not opened.is_open


@pytest.mark.parametrize("backend", ["agg", "module://no_such_backend"])
def test_without_a_window_one_line_names_the_mode_and_the_remedy(backend: str) -> None:
    with matplotlib.rc_context({"backend": backend}), pytest.raises(RuntimeError) as error:
        Window("", (32, 48))
    message = str(error.value)
    assert message.startswith('render_mode="human" found no window to draw in (')
    assert 'pass render_mode="rgb_array"' in message
    assert len(message.splitlines()) == 1
