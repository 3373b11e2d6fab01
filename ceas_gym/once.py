"""Compiling for set-up: what runs only once should be compiled quickly, not to run quickly."""

from functools import partial

import jax

once = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
"""`jax.jit` without the optimizations that take longer than they save."""
