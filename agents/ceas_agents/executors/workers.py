"""What every worker has in common, whoever starts it: one core, and the caller's modules."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ONE_CORE = ("PJRT_NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that tell XLA, and what NumPy and torch build on, how many cores to use."""
SHARED = ("JAX_", "XLA_")
"""How the caller's variables begin that decide what is compiled and where programs are kept."""


def environment() -> dict[str, str]:
    """Returns the variables of a worker's environment.

    A worker computes on one core, has the modules that this process has, and compiles the same
    programs into the same cache.
    """
    places = [str(Path(place).absolute()) for place in sys.path]
    shared = {name: value for name, value in os.environ.items() if name.startswith(SHARED)}
    return shared | dict.fromkeys(ONE_CORE, "1") | {"PYTHONPATH": os.pathsep.join(places)}


@contextmanager
def inherited() -> Iterator[None]:
    """Gives processes that start within its context the environment of a worker."""
    before = dict(os.environ)
    os.environ.update(environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
