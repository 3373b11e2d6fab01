"""The picture of a round: its size, what stands where, and that it leaves nothing behind."""

import functools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from helpers import rounds_to_draw as made
from numpy.typing import NDArray

from ceas_gym.envs.render import charts, network, places, style
from ceas_gym.envs.render.picture import Picture
from ceas_gym.envs.render.story import Story
from ceas_gym.envs.render.words import Mood

Frame = NDArray[np.uint8]
REPLAY = Path(__file__).parents[2] / "agents" / "ceas_agents" / "replay"
SEVERAL = {"schedule": 0.5, "key": 1, "ready": 1, "counted": 1, "weights": 0.1, "pairs": 9}


@functools.cache
def of_network(nodes: int, members: int = 1) -> Picture:
    """Returns what draws a network; to build it takes longer than to draw."""
    return Picture(made.stage(nodes, members=members))


def drawn(story: Story, members: int = 1) -> Frame:
    return of_network(len(story.counted), members).draw(story)


def picture(nodes: int = 4, **given: Any) -> Frame:
    """Draws one round of so many nodes, with a barrier."""
    return drawn(made.told(made.scene(nodes, **given)))


def where(nodes: int = 4) -> places.Places:
    return places.build(made.stage(nodes).map)


def colour(name: str) -> list[int]:
    return [int(name[start : start + 2], 16) for start in (1, 3, 5)]


def has(frame: Frame, name: str, at: Any, radius: float) -> bool:
    """Returns whether a colour occurs, nearly, within a square around a place."""
    (x, y), reach = np.rint(at).astype(int), int(np.ceil(radius))
    square = frame[y - reach : y + reach + 1, x - reach : x + reach + 1].astype(int)
    return bool((np.abs(square - colour(name)).max(axis=2) < 24).any())


# --- Any round ---


@pytest.mark.parametrize("nodes", [1, 4, 10, 50, 200])
def test_every_number_of_nodes_gives_a_picture_of_the_same_size(nodes: int) -> None:
    frame = picture(nodes, **SEVERAL)
    assert frame.shape == (style.HEIGHT, style.WIDTH, 3)
    # Blocks of 16 by 16 pixels, which encoders of video ask for.
    assert [length % 16 for length in frame.shape[:2]] == [0, 0]
    assert frame.dtype == np.uint8
    assert frame.flags.owndata


def test_a_picture_does_not_depend_on_those_before() -> None:
    several, nothing = made.told(made.scene(**SEVERAL)), made.told(made.scene(), fired=False)
    one = Picture(made.stage())
    frames = [one.draw(story) for story in (several, nothing, several)]
    np.testing.assert_array_equal(frames[0], frames[2])
    np.testing.assert_array_equal(frames[1], Picture(made.stage()).draw(nothing))
    assert not np.array_equal(frames[0], frames[1])


@pytest.mark.parametrize("last", [np.nan, np.inf])
def test_a_model_that_diverged_is_drawn(last: float) -> None:
    story = made.told(made.scene(**SEVERAL), accuracy=np.nan, validation_loss=last)
    assert not np.array_equal(drawn(story), picture(**SEVERAL))


def test_arguments_stay_as_they_are() -> None:
    given = made.scene(**SEVERAL)
    copies = [np.array(part) for part in given]
    drawn(made.told(given))
    for part, copy in zip(given, copies, strict=True):
        np.testing.assert_array_equal(part, copy)


# --- The map ---


def test_nodes_that_were_counted_are_filled_and_byzantine_ones_are_framed() -> None:
    frame, stand = picture(counted=[1, 1, 0, 0], byzantine=[1, 0, 1, 0]), where()
    inner, outer = 0.5 * stand.node_radius, 1.3 * stand.node_radius
    for node, at in enumerate(stand.nodes):
        assert has(frame, style.SIDE, at, inner) == (node in (0, 1))
        assert has(frame, style.HIDDEN, at, outer) == (node in (0, 2))


def test_ready_nodes_have_a_dot() -> None:
    frame, stand = picture(counted=[1, 1, 0, 0], ready=[1, 0, 1, 0]), where()
    middles = [frame[*np.rint(at[::-1]).astype(int)].tolist() for at in stand.nodes]
    white = [255] * 3
    assert middles == [white, colour(style.SIDE), colour(style.INK), white]


def test_a_ring_of_key_grows_clockwise_and_darkens_when_it_is_full() -> None:
    frame, stand = picture(key=[0, 0.3, 0.6, 1]), where()
    right, left = np.array([[1, 0], [-1, 0]]) * (1.4 * stand.node_radius + 1.5)
    growing = stand.nodes[:3]
    assert [has(frame, style.KEY, at + right, 2) for at in growing] == [False, True, True]
    assert not any(has(frame, style.KEY, at + left, 2) for at in growing)
    dark = [has(frame, style.WHOLE_KEY, at + left, 2) for at in stand.nodes]
    assert dark == [False, False, False, True]


def test_pairs_stand_on_the_way_to_the_hub_by_their_age() -> None:
    pairs = np.zeros((4, 16), int)
    pairs[1, 0] = pairs[2, 10] = made.MEMORIES
    frame, stand = picture(pairs=pairs), where()
    assert has(frame, style.AGES[0], stand.newest[1], 3)
    assert has(frame, style.AGES[-1], stand.oldest[2], 3)
    assert not has(frame, style.AGES[-1], stand.oldest[1], 3)
    assert not has(frame, style.AGES[0], stand.newest[2], 3)


def test_a_bar_outside_a_node_is_its_weight() -> None:
    frame, stand = picture(weights=[0.5, 0.25, 0, 0.25], counted=[1, 1, 0, 1]), where()
    lengths = []
    for at, way in zip(stand.nodes, stand.outwards, strict=True):
        path = at + (stand.node_radius + 22 + np.arange(50))[:, None] * way
        lengths.append(sum(has(frame, network.WEIGHT_COLOUR, step, 0) for step in path))
    assert lengths == pytest.approx([places.WEIGHT, places.WEIGHT / 2, 0, places.WEIGHT / 2], abs=2)


def test_links_that_have_a_channel_are_thick() -> None:
    frame, stand = picture(schedule=[0, 0.1, 0.5, 1]), where()
    widths = []
    for node, way in zip(stand.nodes, stand.outwards, strict=True):
        middle = (node + stand.hub) / 2
        across = middle + np.arange(-6, 7)[:, None] * way[::-1]
        widths.append(sum(frame[*np.rint(at[::-1]).astype(int)].max() < 250 for at in across))
    assert widths == sorted(widths)
    assert widths[0] < widths[1] < widths[3]


def test_fibres_that_are_down_are_dotted() -> None:
    frame, stand = picture(conditions=[0, 1, 2, 0]), where()
    shares = np.linspace(0.2, 0.8, 200)[:, None]
    gaps = []
    for node in stand.nodes:
        line = stand.hub + shares * (node - stand.hub)
        gaps.append(np.mean([frame[*np.rint(at[::-1]).astype(int)].min() > 250 for at in line]))
    assert gaps[0] < 0.1 < gaps[1] < gaps[2]


def test_the_hub_shows_the_verdict() -> None:
    stand = where()
    side = stand.hub + np.array([0.7 * places.HUB_RADIUS, 0])
    stories = {
        style.MOODS[Mood.YES]: made.told(made.scene(), committed=1.0),
        style.MOODS[Mood.NO]: made.told(made.scene()),
        style.INK: made.told(made.scene(), fired=False),
    }
    for name, story in stories.items():
        assert has(drawn(story), name, side, 1)


def test_members_of_a_committee_vote_in_the_hub() -> None:
    members = made.scene(exposed=np.array([0, 1, 0, 0]))
    first = where().hub - (0, 0.55 * places.HUB_RADIUS)
    for committed in (True, False):
        frame = drawn(made.told(members, committed=float(committed)), members=4)
        assert has(frame, "#ffffff", first, 0) == committed


# --- The schedule ---


def cell(frame: Frame, node: int, window: int, nodes: int = 4, windows: int = 8) -> Frame:
    """Returns the colour amid a cell of the schedule."""
    top, height = charts.SCHEDULE
    x = charts.CHARTS_LEFT + charts.CHARTS_WIDTH * (window + 0.5) / windows
    return frame[round(top + height * (node + 0.5) / nodes), round(x)]


def test_a_served_node_has_its_place_in_the_schedule() -> None:
    schedule = np.zeros((8, 4))
    schedule[0, 3] = 1.0
    frame = picture(schedule=schedule)
    dark = [(n, w) for n in range(4) for w in range(8) if cell(frame, n, w).max() < 250]
    assert dark == [(3, 0)]


def test_more_of_a_channel_is_darker() -> None:
    frames = [picture(schedule=share) for share in (0, 0.1, 0.5, 1)]
    brightness = [int(cell(frame, 1, 1).astype(int).sum()) for frame in frames]
    assert brightness == sorted(set(brightness), reverse=True)


# --- What it shares, and what it leaves alone ---


def test_colours_are_those_of_the_replay_s_page() -> None:
    code = (REPLAY / "network_map.js").read_text() + (REPLAY / "panel.js").read_text()
    names = dict(re.findall(r'const (\w+) = "(#\w{6})"', code))
    shared = {name: getattr(style, name) for name in ("INK", "FAINT", "QUIET", "HIDDEN")}
    shared |= {"YES": style.MOODS[Mood.YES], "NO": style.MOODS[Mood.NO]}
    assert names.items() >= shared.items()
    for name in (*style.AGES, style.KEY, style.WHOLE_KEY, style.SIDE):
        assert f'"{name}"' in code


def test_settings_of_the_user_neither_change_nor_matter() -> None:
    def options() -> dict[str, Any]:
        # Read as a plain dictionary: Matplotlib's own access would choose a backend.
        return dict(dict.items(matplotlib.rcParams))

    plain = picture(**SEVERAL)
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 20, "savefig.dpi": 30}):
        before = options()
        story = made.told(made.scene(**SEVERAL))
        np.testing.assert_array_equal(Picture(made.stage()).draw(story), plain)
        assert options() == before


def test_matplotlib_is_imported_by_the_first_picture_and_pyplot_never() -> None:
    program = (
        "import sys\n"
        "from ceas_gym.envs import env\n"
        "print('matplotlib' in sys.modules)\n"
        "from helpers import rounds_to_draw as made\n"
        "from ceas_gym.envs.render.picture import Picture\n"
        "Picture(made.stage()).draw(made.told(made.scene()))\n"
        "print('matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)\n"
    )
    tests = str(Path(__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {tests!r})\n{program}"],
        capture_output=True,
        text=True,
    )
    assert run.stdout.split() == ["False", "True", "False"], run.stderr
