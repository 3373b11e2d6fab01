"""Closed forms are checked in double precision, and may not promote ranks behind our back."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    with jax.enable_x64(True), jax.numpy_rank_promotion("raise"):
        yield
