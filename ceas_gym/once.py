"""Set-up without waiting: what runs once is compiled quickly, and numbers are only copied."""

from functools import partial

import jax
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array

QUICK = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
"""Compiles in a quarter of the time; a heavy program takes several times as long to run."""

once = partial(jax.jit, compiler_options=QUICK)
"""`jax.jit` without the optimizations that take longer than they save."""


def array(values: object, dtype: DTypeLike = float) -> Array:
    """Returns values as an array of JAX.

    `jnp.float32(2)` compiles a program that converts a number; a NumPy array is only copied.

    Args:
        values: Numbers or arrays of NumPy.
        dtype: What they become; `float` has the width that JAX is set to.

    Example:
        >>> array([1, 2]).dtype, array(3, np.int32).dtype
        (dtype('float32'), dtype('int32'))
    """
    return jax.device_put(np.asarray(values, jax.dtypes.canonicalize_dtype(dtype)))
