"""The page on consensus: its tables are what a committee costs and does when executed."""

import numpy as np
import pytest
from helpers import scripts

from ceas_gym.consensus.committee.behaviours import BEHAVIOURS


@pytest.fixture(scope="module")
def script():
    return scripts.load("consensus")


def test_the_page_is_that_of_the_script(script):
    text = script.PAGE.read_text()
    assert script.page(text) == text
    assert all(f"<!-- table: {name} -->" in text for name in script.TABLES)


def test_every_behaviour_leaves_one_model(script):
    for name in BEHAVIOURS:
        outcome = script.played(name)
        assert outcome.counted() == set(outcome.accepted) == set(range(5))
        models = list(outcome.models.values())
        assert all(np.array_equal(model, models[0]) for model in models), name
        assert all(np.array_equal(model, np.zeros(65)) for model in outcome.accepted.values()), name
