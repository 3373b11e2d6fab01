"""The updates of the reference sheet, and double precision where a test asks for it."""

from collections.abc import Iterator

import jax
import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def exact() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="session")
def sheet() -> NDArray[np.float64]:
    """Eleven updates of three parameters, the last three of them ALIE(1.5); made by a formula."""
    i, j = np.arange(11)[:, None], np.arange(3)[None, :]
    updates = np.sin(1 + 1.7 * i + 0.9 * j) + 0.3 * np.cos(2.3 * i * (j + 1))
    updates[8:] = updates[:8].mean(axis=0) + 1.5 * updates[:8].std(axis=0, ddof=1)
    return updates
