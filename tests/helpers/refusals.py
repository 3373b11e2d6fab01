"""The messages with which a scenario is rejected."""

import pytest

from ceas_gym import config


def refusal(scenario, overrides=None) -> str:
    """Returns the message with which a scenario is rejected: one printable line."""
    with pytest.raises(config.ScenarioError) as caught:
        config.load(scenario, overrides)
    assert str(caught.value).isprintable()
    return str(caught.value)
