"""Compiled functions of the library, each compiled once for all tests that can share it."""

import functools
from collections.abc import Callable
from typing import Any

import jax

from ceas_gym import dynamics

for_long = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 1})
"""Compiles functions that run for thousands of slots, with optimization.

Without it, which `conftest.py` sets, they would run ten times as long as they compile.
"""

reset, step = jax.jit(dynamics.reset), jax.jit(dynamics.step)


@functools.cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the compiled function, which is the same object for all callers."""
    return jax.jit(function)
