"""The count of compiled programs: what is too much is said, by test."""

from collections import Counter

import pytest
from helpers import compilations


@pytest.mark.parametrize(
    ("made", "lines"),
    [
        ({"a": compilations.MOST_OF_A_TEST}, 0),
        ({"a": compilations.MOST_OF_A_TEST + 1}, 1),
        ({str(test): 100 for test in range(compilations.BUDGET // 100 + 1)}, 1),
    ],
)
def test_too_many_programs_are_a_problem(
    monkeypatch: pytest.MonkeyPatch, made: dict[str, int], lines: int
) -> None:
    monkeypatch.setattr(compilations, "made", Counter(made))
    assert len(compilations.problems()) == lines
