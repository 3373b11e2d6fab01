"""The tables of the page on performance are those of the kept run."""

import json

import pytest
from helpers import scripts


@pytest.fixture(scope="module")
def script():
    return scripts.load("performance")


@pytest.fixture(scope="module")
def found(script):
    return json.loads(script.KEPT.read_text())


def test_the_page_is_that_of_the_run(script, found):
    text = script.PAGE.read_text()
    assert script.page(text, found) == text
    assert all(f"<!-- table: {name} -->" in text for name in script.TABLES)


@pytest.mark.parametrize("part", ["rounds", "all cores"])
def test_ratios_are_of_the_rates(found, part):
    rates = {name: line["rounds per second"]["median"] for name, line in found[part].items()}
    first = next(iter(rates.values()))
    for name, line in found[part].items():
        # Medians of paired ratios, and the ratio of medians, are not the same on a noisy machine.
        assert line["times the first's time"]["median"] == pytest.approx(
            first / rates[name], rel=0.5
        )


def test_a_run_on_an_accelerator_replaces_its_table_alone(script, found):
    rate = {"median": 2.0, "low": 1.0, "high": 3.0}
    measured = {
        "machine": {"backend": "gpu", "device": "another device"},
        "versions": {},
        "rounds": {},
        "all cores": {"core, 16 at once": {"rounds per second": rate}},
    }
    merged = script.merged(found, measured)
    assert merged["rounds"] == found["rounds"]
    changed = script.page(script.PAGE.read_text(), merged)
    assert (
        "| another device | rounds / s |\n|---|---:|\n| core, 16 at once | 2 (1 to 3) |" in changed
    )
    on_processor = script.merged(merged, {**measured, "machine": {"backend": "cpu"}})
    assert on_processor["accelerator"]["device"] == "another device"
    assert on_processor["rounds"] == {}
