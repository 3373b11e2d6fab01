"""Names of functions: shipped ones, a user's own, and what is said of mistakes."""

import math

import pytest

from ceas_gym.registry import nearest, resolve

TABLE = {"mean": sum, "median": max}


def test_shipped_names_come_first():
    assert resolve("rule", "mean", TABLE) is sum


def test_a_users_own_function():
    assert resolve("rule", "math:isqrt", TABLE) is math.isqrt


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("meen", "rule 'meen' is unknown; did you mean mean?"),
        ("xyz", "rule 'xyz' is unknown; known: mean, median"),
        ("nowhere:rule", "can't be imported: No module named 'nowhere'"),
        ("math:nothing", "can't be imported"),
        (".relative:rule", "can't be imported"),
        (":rule", "can't be imported"),
        ("json.py:loads", "'json.py:loads' can't be imported: leave out .py, as in 'json:loads'"),
        ("math:pi", "rule 'math:pi' is not a function"),
    ],
)
def test_mistakes_are_named_in_one_line(name, said):
    with pytest.raises(ValueError, match="rule") as raised:
        resolve("rule", name, TABLE)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_hint_lists_all_when_none_is_near():
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
