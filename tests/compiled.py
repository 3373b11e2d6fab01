"""The library's functions compiled, once for all tests that can share a program."""

import functools
from collections.abc import Callable
from typing import Any

import jax

from ceas_gym import dynamics

reset, step = jax.jit(dynamics.reset), jax.jit(dynamics.step)


@functools.cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function compiled; the same program for all who ask."""
    return jax.jit(function)
