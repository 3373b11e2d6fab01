"""Keeps compiled programs for the next command, in the user's cache folder."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import jax

FOLDER = "JAX_COMPILATION_CACHE_DIR"
SHORTEST = "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"
SHORTEST_S = "0.2"
"""Shortest compilation, in s, for which a program is kept."""


def keep() -> None:
    """Keeps programs that this process and its children compile, and uses those kept before.

    A program is identified by its contents, the version of JAX and the type of processor, so it is
    the same that would be compiled. Only programs that take 0.2 s or more to compile are kept. The
    folder may be deleted at any time. Settings of JAX's cache in the environment take precedence.
    """
    os.environ.setdefault(FOLDER, str(folder()))
    os.environ.setdefault(SHORTEST, SHORTEST_S)
    # JAX has already read the environment, so its configuration is set as well.
    jax.config.update(FOLDER.lower(), os.environ[FOLDER])
    jax.config.update(SHORTEST.lower(), float(os.environ[SHORTEST]))


def keep_nothing() -> None:
    """Neither keeps compiled programs nor uses those kept before."""
    os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
    jax.config.update("jax_enable_compilation_cache", False)


def folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns the project's folder within the user's cache folder, as this system names it.

    Args:
        environment: Environment variables.

    Example:
        >>> folder({"XDG_CACHE_HOME": "/caches"}).as_posix()
        '/caches/ceas-gym/jax'
    """
    home = Path.home()
    default = home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    given = environment.get("XDG_CACHE_HOME") or environment.get("LOCALAPPDATA")
    return (Path(given) if given else default) / "ceas-gym" / "jax"
