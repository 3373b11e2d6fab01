"""Calls compiled functions for many rows, on all cores."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from ceas_gym.jax_utils import parallel


def computed(call: Callable[..., jax.Array], *arguments: Any) -> NDArray[Any]:  # noqa: ANN401
    """Returns the results of a compiled function for all rows, shape (rows, ...).

    Args:
        call: A function of some rows of each argument, which returns as many rows.
        *arguments: Pytrees of arrays of shape (rows, ...), with at least one row.

    Example:
        >>> computed(jax.jit(lambda a, b: a + b), np.arange(4), np.ones(4))
        array([1., 2., 3., 4.], dtype=float32)
    """
    parts = parallel.parts(len(jax.tree.leaves(arguments)[0]))
    cut = [[_rows(argument, part) for part in parts] for argument in arguments]
    return np.concatenate([np.asarray(each) for each in parallel.side_by_side(call, *cut)])


def _rows(argument: Any, part: slice) -> Any:  # noqa: ANN401 - any pytree
    return jax.tree.map(lambda values: values[part], argument)
