"""The examples run as they stand, and print what they are about."""

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
LONGEST = 40
"""Lines of an example."""


def run(name, capsys):
    """Returns the lines that an example prints, as the module `__main__`."""
    # In this process, so that the examples share what is compiled.
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    return capsys.readouterr().out.splitlines()


def numbers(lines):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", " ".join(lines))]


def test_there_are_some_and_each_fits_on_a_page():
    assert len(SCRIPTS) >= 5
    for script in SCRIPTS:
        lines = script.read_text().splitlines()
        assert 20 <= len(lines) <= LONGEST, script.name
        assert lines[0].startswith('"""')


def test_every_example_has_a_test():
    assert {f"test_{script.stem}" for script in SCRIPTS} <= globals().keys()


def test_random_policy(capsys):
    first, *rounds, last = run("random_policy", capsys)
    assert "(4, 4)" in first
    assert len(rounds) == 10
    assert all(int(line.split()[0]) > 0 for line in rounds)
    assert 0 <= numbers([last])[-1] <= 1


def test_own_policy(capsys):
    ceas, own = run("own_policy", capsys)
    assert ceas.startswith("ceas: ")
    assert own.startswith("tags-first: ")
    assert numbers([own])[-1] > 0


@pytest.mark.slow
def test_cross_entropy(capsys):
    returns = numbers(run("cross_entropy", capsys))
    assert len(returns) == 5
    assert returns[-1] > 1.1 * returns[0] > 0


def test_own_rule(capsys):
    median, own = run("own_rule", capsys)
    assert median.startswith("median: ")
    assert "near_the_median: " in own
    assert 0 < numbers([own])[-1] < 1


def test_own_attack(capsys):
    alone, jammed = (numbers([line.split(": ")[1]])[0] for line in run("own_attack", capsys))
    assert 0 < jammed < 0.9 * alone


def test_many_environments(capsys):
    *layouts, rate = run("many_environments", capsys)
    assert [line[:9] for line in layouts] == ["layout 0:", "layout 1:"]
    assert numbers([rate])[0] > 0


def test_closed_loop(capsys):
    *fired, last = [numbers([line]) for line in run("closed_loop", capsys)]
    assert len(fired) > 5
    # Time of 0.1 s for each window, and for the two of each barrier.
    windows = sum(each[1] + 2 for each in fired)
    assert fired[-1][0] == pytest.approx(0.1 * windows)
    assert all(windows > 1 and shots > 0 and accepted >= 3 for _, windows, shots, accepted in fired)
    assert fired[-1][0] <= last[1] <= 8.0


def test_committee(capsys):
    *members, accepted, tags, fetches, key = run("committee", capsys)
    assert [line[:9] for line in members] == ["member 1 ", "member 2 ", "member 3 "]
    assert len({line[9:] for line in members}) == 1
    assert "nothing" not in members[0]
    assert accepted.endswith("True")
    # Five nodes and four members, up and down; (c - 1) [2 c + (b + 1) (2 c + 1)].
    assert numbers([tags]) == [40, 78 + numbers([fetches])[0]]
    assert numbers([key])[0] == sum(numbers([tags])) * numbers([key])[1]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_examples_use_no_private_name(script):
    assert not re.search(r"\b(import|from) _|\._[a-z]", script.read_text())
