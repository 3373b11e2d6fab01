"""Compiled programs, kept for the next command in the user's cache folder."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

SHORTEST_S = "0.2"
"""Of compilation, for a program to be kept."""


def keep(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Returns the settings of JAX under which compiled programs are kept and found again.

    A program is found by its contents, the version of JAX and the kind of processor, so one that is
    found is the one that would be compiled. The folder may be deleted at any time.

    Args:
        environment: Variables as they are; what they already say of JAX's cache stays.

    Example:
        >>> keep({"JAX_COMPILATION_CACHE_DIR": "/mine"})["JAX_COMPILATION_CACHE_DIR"]
        '/mine'
    """
    settings = {
        "JAX_COMPILATION_CACHE_DIR": str(folder(environment)),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": SHORTEST_S,
    }
    return {name: environment.get(name, value) for name, value in settings.items()}


def folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns where this system keeps what can be made anew, with a folder of the project's own.

    Example:
        >>> folder({"XDG_CACHE_HOME": "/caches"}).as_posix()
        '/caches/ceas-gym/jax'
    """
    home = Path.home()
    default = home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    given = environment.get("XDG_CACHE_HOME") or environment.get("LOCALAPPDATA")
    return (Path(given) if given else default) / "ceas-gym" / "jax"
