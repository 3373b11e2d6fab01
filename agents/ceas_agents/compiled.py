"""Compiled programs, kept for the next command in the user's cache folder."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import jax

FOLDER = "JAX_COMPILATION_CACHE_DIR"
SHORTEST = "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"
SHORTEST_S = "0.2"
"""Of compilation, for a program to be kept."""


def keep() -> None:
    """Keeps what this process and those that it starts compile, and uses what was kept.

    A program is found by its contents, the version of JAX and the kind of processor, so one that is
    found is the one that would be compiled. The folder may be deleted at any time. What the
    environment already says of JAX's cache stays.
    """
    os.environ.setdefault(FOLDER, str(folder()))
    os.environ.setdefault(SHORTEST, SHORTEST_S)
    # JAX has read its variables already.
    jax.config.update(FOLDER.lower(), os.environ[FOLDER])
    jax.config.update(SHORTEST.lower(), float(os.environ[SHORTEST]))


def keep_nothing() -> None:
    """Neither keeps what is compiled nor uses what was kept."""
    os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
    jax.config.update("jax_enable_compilation_cache", False)


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
