"""The page of the leaderboard says what its rows and the files of other pages say."""

import json

import pytest
from helpers import scripts

from ceas_agents.leaderboard import row, score, suite

REORDERED = {("short-memory-loop, best_links", 0)}
"""Episodes that took another path when sums were reordered, after the other page was played."""


@pytest.fixture(scope="module")
def script():
    return scripts.load("leaderboard")


@pytest.fixture(scope="module")
def kept(script):
    return json.loads(script.KEPT.read_text())


def test_the_tables_are_those_of_the_rows(script, kept):
    page = script.PAGE.read_text()
    for name, lines in script.TABLES.items():
        assert "\n".join(lines(kept)).rstrip() in page, name


def test_another_number_would_be_noticed(script, kept):
    changed = json.loads(json.dumps(kept))
    changed["imported"]["ceas, default"]["mean"][0] += 0.5
    assert "\n".join(script.windows(changed)) not in script.PAGE.read_text()


def test_the_suite_is_what_the_other_pages_played(script):
    loop = script.closed_loop
    cells = suite.tracks(suite.SUITE)["windows"]
    assert [(cell.scenario, cell.placement) for cell in cells] == loop.places()
    for cell in cells:
        placed = {"attack.placement": cell.placement}
        assert cell.changes == loop.NETWORKS | placed == script.agents_runs.NETWORKS | placed
    assert range(loop.SEED, loop.SEED + loop.EPISODES) == suite.PUBLIC_SEEDS


def test_everybody_has_all_episodes_and_the_kept_scores(script, kept):
    standings = script.imported()
    assert {each.name for each in standings} == kept["imported"].keys()
    for each in standings:
        assert each.episodes == len(suite.SUITE.seeds)
        found = kept["imported"][each.name]
        assert found["mean"][0] == pytest.approx(score.matrix(each.played).mean(), abs=1e-5)
    # The bootstrap of a mean of the middle half takes a second for each.
    assert kept["imported"][standings[0].name] == script.scored(standings[:1])[standings[0].name]


def test_rows_are_of_this_suite_and_agree_with_what_was_imported(script, kept, tmp_path):
    others = {each.name: each for each in script.imported()}
    differ: set[tuple[str, int]] = set()
    for number, each in enumerate(kept["rows"]):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(each))
        assert row.read(file, suite.SUITE) == each
        for own in script.added([each], "windows"):
            there = others[own.name].played if own.name in others else {}
            for cell, columns in there.items():
                assert own.played[cell]["layout"] == columns["layout"][: own.episodes]
                pairs = zip(
                    own.played[cell][script.closed_loop.MEAN],
                    columns[script.closed_loop.MEAN],
                    strict=False,
                )
                differ |= {(cell.name, n) for n, (one, other) in enumerate(pairs) if one != other}
    assert differ == REORDERED


def test_a_row_that_is_added_again_replaces_the_old_one(script):
    old = {"policy": "a", "settings": {}, "suite": {}, "tracks": {"windows": 1}, "episodes": 2}
    other = old | {"policy": "b"}
    new = old | {"episodes": 40}
    assert script.add([old, other], [new]) == [new, other]
