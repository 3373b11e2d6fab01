"""Batches: one function of many rows, in the way that suits the machine.

A processor takes the rows one after the other: each is a chain of small operations whose data fit
its cache, and a row computes what it computes alone, in the same order. Its cores share the rows
among them. An accelerator takes all rows at once.
"""

import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax


def each(function: Callable[..., Any], *rows: Any) -> Any:  # noqa: ANN401 - any pytrees
    """Returns what the function makes of every row; for use inside `jit`.

    Args:
        function: Of one row of each of the arguments.
        rows: Pytrees of arrays, all with the rows as first axis.

    Example:
        >>> import jax.numpy as jnp
        >>> each(lambda a, b: a + b.sum(), jnp.arange(2), jnp.ones((2, 3))).tolist()
        [3.0, 4.0]
    """
    if jax.default_backend() == "cpu":
        return jax.lax.map(lambda row: function(*row), rows)
    return jax.vmap(function)(*rows)


def parts(rows: int, cores: int | None = None) -> list[slice]:
    """Returns which rows to compute side by side: a part for each core, all together elsewhere.

    A compiled call returns before it is done, so that the next part's can begin.

    Args:
        rows: How many there are.
        cores: By default those that this process may use, on a processor.

    Example:
        >>> parts(5, cores=2)
        [slice(0, 3, None), slice(3, 5, None)]
        >>> parts(1, cores=2)
        [slice(0, 1, None)]
    """
    number = min(rows, usable_cores() if cores is None else cores)
    edges = [-(-rows * part // number) for part in range(number + 1)]
    return [slice(*edge) for edge in pairwise(edges)]


def usable_cores() -> int:
    """Returns how many cores compute at once: those that this process may use, or one device."""
    if jax.default_backend() != "cpu":
        return 1
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
