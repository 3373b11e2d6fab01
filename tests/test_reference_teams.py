"""The fast step against the slow one, in 64 bits, with the same luck, where nodes form teams."""

import pytest
from helpers import beside
from helpers.comparison import vary
from reference.variants import BUDGETED, COVERED, TEAMS

from ceas_gym.scenario import Scenario

NAMES = [pytest.param(name, marks=pytest.mark.slow if name in COVERED else ()) for name in TEAMS]


@pytest.mark.parametrize("name", NAMES)
def test_round_equals_the_reference(scenario: Scenario, name: str) -> None:
    varied = vary(scenario, BUDGETED | TEAMS[name])
    total = beside.rounds(varied)
    print(total)
