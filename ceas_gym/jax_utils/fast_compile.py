"""Quick compilation: how much the compiler optimizes depends on how often a program runs."""

import gc
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial

import jax
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array

HAS_OLD_EMITTERS = jax.__version_info__ < (0, 12)
"""Whether XLA still has its older kernel emitters, and the option that chooses them."""

LEAN: dict[str, bool | int | str] = {
    **({"xla_cpu_use_fusion_emitters": False} if HAS_OLD_EMITTERS else {}),
    "xla_disable_hlo_passes": "tree_reduction_rewriter",
    "xla_cpu_prefer_vector_width": 512,
}
"""Compiles a round in half the time, to a program that is as fast.

XLA's older kernel emitters compile in half the time of its newer ones. Without the tree-reduction
pass, a sum of more than 32 terms stays a single kernel. Vectors of up to 512 bits are preferred.
"""

QUICK = {**LEAN, "xla_backend_optimization_level": 0}
"""Compiles in a quarter of the time, but a heavy program takes several times as long to run."""

often = partial(jax.jit, compiler_options=LEAN)
"""`jax.jit` for programs that run many times: all that contain a round."""

once = partial(jax.jit, compiler_options=QUICK)
"""`jax.jit` for programs that run once, without optimizations that take longer than they save."""


def array(values: object, dtype: DTypeLike = float) -> Array:
    """Returns values as an array of JAX, of the same shape, without compiling anything.

    `jnp.float32(2)` would compile a program that converts a number; a NumPy array is only copied.

    Args:
        values: Numbers or arrays of NumPy.
        dtype: Type of the result; `float` and `int` have the width that JAX is set to.

    Example:
        >>> array([1, 2]).dtype, array(3, np.int32).dtype
        (dtype('float32'), dtype('int32'))
    """
    return jax.device_put(np.asarray(values, jax.dtypes.canonicalize_dtype(dtype)))


@contextmanager
def setting_up() -> Generator[None]:
    """Returns a context that pauses garbage collection and the threads of NumPy's linear algebra.

    Set-up would spend a third of its time on them without gain: the collector searches a million
    objects of freshly imported libraries, and the threads wait in a busy loop for small matrices.

    Example:
        >>> with setting_up():
        ...     gc.isenabled()
        False
    """
    from threadpoolctl import threadpool_limits

    collects = gc.isenabled()
    gc.disable()
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        if collects:
            gc.enable()
