"""The page on the paper's claims says what the kept summary of the run says."""

import json

import pytest
import scripts

from ceas_agents.reproduce.parts import PARTS


@pytest.fixture(scope="module")
def script():
    return scripts.load("reproduction")


@pytest.fixture(scope="module")
def summary(script):
    return json.loads(script.KEPT.read_text())


def test_the_page_is_that_of_the_summary(script, summary):
    assert script.PAGE.read_text() == script.page(summary)


def test_the_summary_is_of_a_whole_run(summary):
    assert summary["quick"] is False
    assert set(summary["parts"]) == {part.name for part in PARTS}
    assert summary["parts"]["attacks"]["seeds"] == "seeds 0 to 19"


def test_another_number_would_be_noticed(script, summary):
    changed = json.loads(json.dumps(summary))
    cell = changed["parts"]["attacks"]["attacks"][script.ATTACK]["oblivious-fair"][script.BAD]
    cell["ahead"]["mean"] += 0.01
    assert script.headline(changed) != script.headline(summary)
    # Of each part, some number is on the page.
    effect = changed["parts"]["ablation"]["effects"]["rule"]["main"]
    before, effect["mean"] = script.page(changed), effect["mean"] + 0.01
    assert script.page(changed) != before


def test_every_figure_of_the_page_is_there(script):
    for part in PARTS:
        if part.draw:
            assert (scripts.DOCS / "figures" / f"reproduction-{part.name}.png").is_file()
