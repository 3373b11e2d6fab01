"""The returns on the page on frameworks are those that were played, and are played alike again."""

import json

import pytest
from helpers import scripts


@pytest.fixture(scope="module")
def script():
    return scripts.load("returns")


@pytest.fixture(scope="module")
def found(script):
    return json.loads(script.KEPT.read_text())


def test_the_page_has_the_table_of_what_was_played(script, found):
    text = script.PAGE.read_text()
    assert script.page(text, found) == text
    assert "<!-- table: returns -->" in text
    assert tuple(found) == script.SCENARIOS
    for each in found.values():
        assert set(each) == {*script.POLICIES, "steps"}
        assert {len(values) for values in each.values()} == {script.SEEDS}


def test_the_first_episodes_have_the_same_returns_again(script, found):
    again = script.returns("micro", 2)
    for name in script.POLICIES:
        assert again[name] == pytest.approx(found["micro"][name][:2], abs=1e-4)
    assert again["steps"] == found["micro"]["steps"][:2]
