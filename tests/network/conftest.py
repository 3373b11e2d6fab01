"""Double precision where a test asks for it."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture
def exact() -> Iterator[None]:
    with jax.enable_x64(True):
        yield
