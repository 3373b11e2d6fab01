"""Random rounds of a few nodes, on which rules are tried."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NODES, SIZE, BAD = 9, 4, 2


def random_case(seed: int) -> tuple[Floats, Floats]:
    """Updates with outliers, and uneven weights."""
    random = np.random.default_rng(seed)
    updates = random.normal(size=(NODES, SIZE))
    updates[:BAD] += 5 * random.normal(size=SIZE)
    return updates, random.dirichlet(np.full(NODES, 10.0))
