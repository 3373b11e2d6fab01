"""A small star to be altered by hand, and double precision where a test asks for it."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from ceas_gym.network import setup
from ceas_gym.scenario import HardwareSettings, KeySettings, NetworkSettings
from ceas_gym.types import Network


@pytest.fixture
def exact() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@pytest.fixture
def star() -> Callable[..., Network]:
    """Returns a builder of three-node networks whose fields are replaced by hand."""

    def build(**changes: Any) -> Network:
        settings = NetworkSettings(nodes=3, windows=4, oldest_windows=6)
        network = setup.build(
            settings, HardwareSettings(), KeySettings(), 2, 8, accepts_unauthenticated=False
        )
        arrays = {
            name: value if isinstance(value, bool | int) else jnp.asarray(value)
            for name, value in changes.items()
        }
        return dataclasses.replace(network, **arrays)

    return build
