"""The figures of an evaluation: colours, files, refusals, and that they leave nothing behind."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from ceas_agents.evaluation.contestants import CONTESTANTS
from ceas_agents.figures import over_time, plots, style
from ceas_agents.statistics import curves as stepwise
from ceas_agents.statistics import intervals
from ceas_agents.statistics.curves import Curve

OTHERS = ["ppo", "a2c", "mine", "module:function", "sac"]
SHARES = dict(zip(plots.FATES, (0.5, 0.2, 0.1, 0.06, 0.05, 0.03, 0.02, 0.04), strict=True))


def curves(names: list[str], seeds: int = 3) -> dict[str, list[Curve]]:
    """Accuracies of episodes of 12 s, whose five changes are at times of their own."""
    generator = np.random.default_rng(0)

    def one() -> Curve:
        times = np.array([0, *np.sort(generator.uniform(1, 11, 4)), 12])
        values = generator.uniform(0.4, 0.9, 5)
        return Curve(times, np.append(values, values[-1]))

    return {name: [one() for _ in range(seeds)] for name in names}


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that a test saves, instead of files."""
    saved: list[Figure] = []
    monkeypatch.setattr(style, "save", lambda figure, path: saved.append(figure))
    return saved


def words(figure: Figure) -> list[str]:
    axes = figure.axes[0]
    titles = [axes.get_title(loc) for loc in ("left", "right")]
    ticks = [label.get_text() for label in axes.get_yticklabels()]
    return [*(text.get_text() for text in (*figure.texts, *axes.texts)), *titles, *ticks]


def options() -> dict[str, Any]:
    # Read as a plain dictionary: Matplotlib's own access would choose a backend.
    return dict(dict.items(matplotlib.rcParams))


# --- colours ------------------------------------------------------------------------------------


def test_contestants_have_distinct_colours() -> None:
    names = [*plots.COLOURS, *OTHERS]
    assert len({plots.colour(name, names) for name in names}) == len(names)


def test_colours_are_those_of_shipped_contestants() -> None:
    assert set(plots.COLOURS) <= set(CONTESTANTS)


@pytest.mark.parametrize("name", plots.COLOURS)
def test_known_contestants_have_the_same_colour_in_every_comparison(name: str) -> None:
    assert plots.colour(name, [name]) == plots.colour(name, [*OTHERS, "ceas", name])


def test_others_have_colours_in_their_order_whoever_known_stands_between() -> None:
    alone = [plots.colour(name, OTHERS) for name in OTHERS]
    mixed = ["ceas", *OTHERS[:2], "uniform", *OTHERS[2:]]
    assert [plots.colour(name, mixed) for name in OTHERS] == alone == list(plots.OTHER_COLOURS)


def test_colours_come_again_rather_than_run_out() -> None:
    names = [f"policy{number}" for number in range(12)]
    assert plots.colour("policy7", names) == plots.colour("policy2", names)


# --- accuracy -----------------------------------------------------------------------------------


def drawn(figure: Figure, number: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Returns times and values of a line."""
    line = figure.axes[0].lines[number]
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def test_the_line_is_the_mean_of_the_accuracies_at_the_same_time(figures: list[Figure]) -> None:
    one = Curve(np.array([0.0, 4.0, 8.0]), np.array([0.5, 0.7, 0.7]))
    other = Curve(np.array([0.0, 2.0, 6.0, 8.0]), np.array([0.5, 0.6, 0.9, 0.9]))
    over_time.accuracy({"ceas": [one, other]}, Path("unused"), "title")
    times, mean = drawn(figures[0])
    np.testing.assert_array_equal(times, [0, 2, 4, 6, 8])
    np.testing.assert_allclose(mean, [50, 55, 65, 80, 80])
    line = figures[0].axes[0].lines[0]
    assert (line.get_drawstyle(), line.get_color()) == ("steps-post", plots.COLOURS["ceas"])


def test_many_changes_are_drawn_on_a_grid_from_start_to_end(figures: list[Figure]) -> None:
    times = np.arange(1001) / 10
    over_time.accuracy({"ceas": [Curve(times, times / 200)]}, Path("unused"), "title")
    drawn_at, mean = drawn(figures[0])
    assert len(drawn_at) <= stepwise.MOST_TIMES
    assert (drawn_at[0], drawn_at[-1]) == (0, 100)
    # At each time, the value of the last change before it.
    np.testing.assert_allclose(mean, 50 * np.floor(10 * drawn_at + 1e-9) / 1000, atol=1e-9)


def test_the_band_is_the_interval_of_the_mean(figures: list[Figure]) -> None:
    data = curves(["ceas"], seeds=10)
    over_time.accuracy(data, Path("unused"), "title")
    (band,) = figures[0].axes[0].collections
    last = np.asarray(band.get_paths()[0].vertices)
    ends = last[last[:, 0] == 12, 1]
    expected = intervals.interval([100 * one.values[-1] for one in data["ceas"]])
    np.testing.assert_allclose((ends.min(), ends.max()), expected)


def test_one_seed_has_no_band_and_says_so(figures: list[Figure]) -> None:
    over_time.accuracy(curves(["ceas", "uniform"], seeds=1), Path("unused"), "title")
    assert not figures[0].axes[0].collections
    assert any("one seed, no interval" in text for text in words(figures[0]))


def test_the_number_of_seeds_title_and_names_are_written(figures: list[Figure]) -> None:
    data = curves(["ceas"], seeds=7) | curves(["uniform"], seeds=4)
    over_time.accuracy(data, Path("unused"), "paper: seeds 0 to 6")
    text = "\n".join(words(figures[0]))
    assert "paper: seeds 0 to 6" in text
    assert "mean of 4 to 7 seeds" in text
    assert f"ceas  {100 * np.mean([one.values[-1] for one in data['ceas']]):.1f}" in text
    axes = figures[0].axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time (s)", "test accuracy (%)")
    assert axes.get_xlim() == (0, 12)


def test_accuracy_stays_within_its_range(figures: list[Figure]) -> None:
    curve = Curve(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0]))
    over_time.accuracy({"ceas": [curve]}, Path("unused"), "title")
    assert figures[0].axes[0].get_ylim() == (0, 100)


def test_the_chance_is_the_share_of_those_who_have_reached_it(figures: list[Figure]) -> None:
    never = Curve(np.array([0.0, 9.0]), np.zeros(2))
    reached = [Curve(np.array([0.0, at, 9.0]), np.array([0.0, 1.0, 1.0])) for at in (3.0, 5.0)]
    over_time.chance({"ceas": [never, *reached, never]}, Path("unused"), "title", target=0.875)
    times, share = drawn(figures[0])
    np.testing.assert_array_equal(times, [0, 3, 5, 9])
    np.testing.assert_allclose(share, [0, 25, 50, 50])
    assert figures[0].axes[0].get_ylim() == (0, 100)
    assert any("reached 87.5 %" in text for text in words(figures[0]))


NOT_FINITE = {"ceas": [Curve(np.array([0.0, 1.0]), np.array([0.5, np.nan]))]}


@pytest.mark.parametrize("data", [{}, NOT_FINITE])
def test_curves_that_cannot_be_drawn_are_refused(
    data: dict[str, list[Curve]], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"curves|finite"):
        over_time.accuracy(data, tmp_path / "a.png", "title")
    assert not list(tmp_path.iterdir())


# The first call imports SciPy.
@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12).map(sorted), st.floats(0.01, 0.3))
def test_labels_keep_apart_in_order_and_within(places: list[float], gap: float) -> None:
    result = over_time.spread(np.array(places), gap)
    rounding = 1e-9
    fitting = min(gap, 1 / max(len(places) - 1, 1))
    assert (np.diff(result) >= fitting - rounding).all()
    assert result.min() >= -rounding
    assert result.max() <= 1 + rounding


def test_labels_with_room_stay_where_they_are() -> None:
    places = np.array([0.1, 0.4, 0.9])
    np.testing.assert_allclose(over_time.spread(places, 0.2), places)


# --- fates --------------------------------------------------------------------------------------


def test_bars_are_the_shares_side_by_side(figures: list[Figure]) -> None:
    plots.pair_fates({"ceas": SHARES}, Path("unused"), "title")
    bars = [patch.get_bbox() for patch in figures[0].axes[0].patches]  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_allclose([bar.width for bar in bars], list(SHARES.values()))
    np.testing.assert_allclose([bar.x1 for bar in bars], np.cumsum(list(SHARES.values())))


def test_large_shares_and_utilization_are_written(figures: list[Figure]) -> None:
    shares = SHARES | {"expired": 0.09, "left at the end": 0.01}
    plots.pair_fates({"ceas": shares}, Path("unused"), "small: seeds 0 to 9")
    text = words(figures[0])
    assert {"50", "20", "10", "9", "5", "70.0 %", "ceas"} <= set(text)
    assert "What became of the Bell pairs (small: seeds 0 to 9)" in text
    assert "1" not in text


def test_the_first_contestant_is_on_top(figures: list[Figure]) -> None:
    plots.pair_fates({"ceas": SHARES, "uniform": SHARES}, Path("unused"), "title")
    axes = figures[0].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ceas", "uniform"]
    assert axes.yaxis.get_inverted()


def test_the_legend_names_every_fate_once(figures: list[Figure]) -> None:
    plots.pair_fates({"ceas": SHARES, "uniform": SHARES}, Path("unused"), "title")
    (legend,) = figures[0].legends
    assert [text.get_text() for text in legend.get_texts()] == list(plots.FATES)


def test_a_contestant_without_pairs_has_an_empty_bar(figures: list[Figure]) -> None:
    plots.pair_fates({"ceas": dict.fromkeys(SHARES, 0.0)}, Path("unused"), "title")
    assert "no pairs" in words(figures[0])


@pytest.mark.parametrize(
    "fates",
    [
        {},
        {"ceas": SHARES | {"expired": 0.2}},
        {"ceas": SHARES, "uniform": SHARES | {"expired": 0.0}},
        {"ceas": SHARES | {"expired": -0.1, "blocked": 0.21}},
        {"ceas": SHARES | {"expired": float("nan")}},
        {"ceas": SHARES | {"lost": 0.0}},
        {"ceas": {"spent usefully": 1.0}},
    ],
)
def test_fates_that_are_no_shares_are_refused_in_one_line(
    fates: dict[str, dict[str, float]], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="fates") as error:
        plots.pair_fates(fates, tmp_path / "fates.png", "title")
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


# --- files --------------------------------------------------------------------------------------


def draw_accuracy(path: Path) -> None:
    # A name with two dollar signs is no formula, and a long one finds room.
    over_time.accuracy(curves(["ceas", "$x$_$", "long.path." * 9 + ":policy"]), path, "a_b")


def draw_single_moment(path: Path) -> None:
    over_time.accuracy({"ceas": [Curve(np.zeros(1), np.full(1, 0.5))]}, path, "title")


def draw_chance(path: Path) -> None:
    over_time.chance(curves(["ceas", "uniform"]), path, "title", 0.85)


def draw_fates(path: Path) -> None:
    names = ["ceas", "$x$_$", "long.path." * 9 + ":policy"]
    plots.pair_fates(dict.fromkeys(names, SHARES), path, "a_b")


def draw_many_fates(path: Path) -> None:
    plots.pair_fates({name: SHARES for name in [*CONTESTANTS, *OTHERS]}, path, "title")


DRAWINGS = [draw_accuracy, draw_single_moment, draw_chance, draw_fates, draw_many_fates]


@pytest.mark.parametrize("draw", DRAWINGS)
def test_valid_pictures_are_the_only_files_left(
    draw: Callable[[Path], None], tmp_path: Path
) -> None:
    draw(tmp_path / "figure.png")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["figure.pdf", "figure.png", "figure.svg"]
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF-")
    assert ElementTree.parse(tmp_path / "figure.svg").getroot().tag.endswith("}svg")
    with Image.open(tmp_path / "figure.png") as image:
        image.load()
        assert image.format == "PNG"
        assert image.width == style.WIDTH_INCHES * style.DOTS_PER_INCH
        assert image.info["dpi"][0] >= 150


def test_the_same_figure_is_the_same_files(tmp_path: Path) -> None:
    """In another process, with other hashes and on another day."""
    program = (
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from ceas_agents.figures import over_time\n"
        "from ceas_agents.statistics.curves import Curve\n"
        "curves = [Curve(np.arange(5), v) for v in np.random.default_rng(0).random((3, 5))]\n"
        "over_time.accuracy(dict(a=curves), Path('figure.png'), 'a title')\n"
    )
    for hashes in ("1", "2"):
        (tmp_path / hashes).mkdir()
        changed = os.environ | {"PYTHONHASHSEED": hashes, "SOURCE_DATE_EPOCH": hashes}
        command = [sys.executable, "-c", program]
        subprocess.run(command, check=True, cwd=tmp_path / hashes, env=changed)
    for kind in style.FORMATS:
        one, other = ((tmp_path / h / f"figure.{kind}").read_bytes() for h in ("1", "2"))
        assert one == other
        assert b"Date" not in one
        assert b"<dc:date>" not in one


@pytest.mark.parametrize("draw", [draw_accuracy, draw_fates])
def test_nothing_is_cut_off_at_the_edges(draw: Callable[[Path], None], tmp_path: Path) -> None:
    draw(tmp_path / "figure.png")
    pixels = np.asarray(Image.open(tmp_path / "figure.png").convert("RGB"))
    for edge in (pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:]):
        assert (edge == 255).all()


def test_an_earlier_picture_is_replaced_only_by_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "figure.png"
    path.write_bytes(b"earlier")

    def fail(figure: Figure, target: Path, **_: object) -> None:
        target.write_bytes(b"half")
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(Figure, "savefig", fail)
        with pytest.raises(OSError, match="disk full"):
            draw_single_moment(path)
    assert [file.name for file in tmp_path.iterdir()] == ["figure.png"]
    assert path.read_bytes() == b"earlier"
    draw_single_moment(path)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("draw", [draw_accuracy, draw_fates])
def test_settings_of_the_user_neither_change_nor_matter(
    draw: Callable[[Path], None], tmp_path: Path
) -> None:
    plain, other = tmp_path / "plain.png", tmp_path / "other.png"
    draw(plain)
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 20, "savefig.dpi": 30}):
        before = options()
        draw(other)
        assert options() == before
    for kind in style.FORMATS:
        drawn = [path.with_suffix(f".{kind}").read_bytes() for path in (plain, other)]
        assert drawn[0] == drawn[1]


def test_nothing_heavy_is_imported_before_it_is_needed_and_pyplot_never(tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from ceas_agents.figures import over_time\n"
        "from ceas_agents.statistics.curves import Curve\n"
        "print('matplotlib' in sys.modules)\n"
        "curves = dict(a=[Curve(np.arange(2), np.ones(2))] * 2)\n"
        f"over_time.accuracy(curves, Path({str(tmp_path / 'a')!r}), '')\n"
        "print('matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.split() == ["False", "True", "False"], run.stderr
