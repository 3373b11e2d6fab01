"""Batches: applies one function to many rows, in the way that suits the hardware.

A core of a processor computes its rows one after the other, because the data of one row fit its
cache. So a row in a batch takes the same operations in the same order as a row alone. The rows are
divided among the cores. An accelerator computes all rows at once.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import jax


def each(function: Callable[..., Any], *rows: Any) -> Any:  # noqa: ANN401 - any pytrees
    """Returns the function's results for every row, as first axis; for use inside `jit`.

    Args:
        function: Takes one row of each further argument.
        rows: Pytrees of arrays of shape (rows, ...).

    Example:
        >>> import jax.numpy as jnp
        >>> each(lambda a, b: a + b.sum(), jnp.arange(2), jnp.ones((2, 3))).tolist()
        [3.0, 4.0]
    """
    if jax.default_backend() == "cpu":
        return jax.lax.map(lambda row: function(*row), rows)
    return jax.vmap(function)(*rows)


def parts(rows: int, cores: int | None = None) -> list[slice]:
    """Returns the rows of each part that is computed at the same time: one part for each core.

    All parts have the same size, because each size is compiled separately. Where the number of
    cores does not divide the number of rows, only as many cores are used as do.

    Args:
        rows: Number of rows, in [1, infinity).
        cores: Number of cores; by default those that this process may use (`usable_cores`).

    Example:
        >>> parts(6, cores=2)
        [slice(0, 3, None), slice(3, 6, None)]
        >>> parts(9, cores=4)
        [slice(0, 3, None), slice(3, 6, None), slice(6, 9, None)]
    """
    most = min(rows, usable_cores() if cores is None else cores)
    number = max(count for count in range(1, most + 1) if rows % count == 0)
    size = rows // number
    return [slice(first, first + size) for first in range(0, rows, size)]


def side_by_side(call: Callable[..., Any], *arguments: Sequence[Any]) -> list[Any]:
    """Returns a compiled function's results for each part; all parts are computed at once.

    JAX computes calls from one thread one after the other. So each part but the first is called
    from a thread of its own. The first call compiles the function for all parts.

    Args:
        call: A compiled function, or one that `jit` compiles at its first call.
        arguments: For each argument of the function, its values for the parts, shape (parts,).

    Example:
        >>> import jax.numpy as jnp
        >>> [int(total) for total in side_by_side(jax.jit(jnp.sum), [jnp.arange(3), jnp.ones(3)])]
        [3, 3]
    """
    first, *others = zip(*arguments, strict=True)
    begun = call(*first)
    if not others:
        return [begun]
    return [begun, *_threads().map(lambda given: jax.block_until_ready(call(*given)), others)]


def usable_cores() -> int:
    """Returns how many cores compute at the same time, in [1, infinity).

    On a processor, these are the cores that this process may use: those that `PJRT_NPROC` in the
    environment tells XLA, or else all that the system allows. An accelerator counts as one.
    """
    if jax.default_backend() != "cpu":
        return 1
    if told := os.environ.get("PJRT_NPROC"):
        return int(told)
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(usable_cores(), thread_name_prefix="ceas_gym")
