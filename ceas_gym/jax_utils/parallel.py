"""Batches: one function of many rows, in the way that suits the machine.

A processor takes the rows one after the other: each is a chain of small operations whose data fit
its cache, and a row computes what it computes alone, in the same order. Its cores share the rows
among them. An accelerator takes all rows at once.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
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

    Parts are equal, since each size would be compiled anew: where the cores do not divide the rows,
    as many of them are used as do.

    Args:
        rows: How many there are.
        cores: By default those that this process may use, on a processor.

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
    """Returns what a compiled function makes of each part, all parts computed at the same time.

    JAX computes in turn what one thread asks for, so every part but the first is asked for by a
    thread of its own. The first part compiles the function for all.

    Args:
        call: A function that is compiled, or that `jit` compiles at its first call.
        arguments: Of each argument, one value for each part.

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
    """Returns how many cores compute at once: those that this process may use, or one device."""
    if jax.default_backend() != "cpu":
        return 1
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(usable_cores(), thread_name_prefix="ceas_gym")
