"""What the loader says of a scenario that it refuses."""

import pytest

from ceas_gym import config


def refusal(scenario, overrides=None) -> str:
    """Returns the message, which is one printable line."""
    with pytest.raises(config.ScenarioError) as caught:
        config.load(scenario, overrides)
    assert str(caught.value).isprintable()
    return str(caught.value)
