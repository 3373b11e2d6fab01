"""The library's functions compiled, once for all tests that can share a program."""

import functools
from collections.abc import Callable
from typing import Any

import jax

from ceas_gym import dynamics

for_long = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 1})
"""Compiles what runs for thousands of slots: unoptimized, as `conftest.py` has it, it would spend
ten times as long in them as in the compiler."""

reset, step = jax.jit(dynamics.reset), jax.jit(dynamics.step)


@functools.cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function compiled; the same program for all who ask."""
    return jax.jit(function)
