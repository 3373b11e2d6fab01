"""The checkpoint of a learner in JAX: the arrays of its state, in one file of NumPy."""

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree
from numpy.typing import NDArray

FILE = "checkpoint.npz"
STEPS = "steps"
UNREADABLE = (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)
"""What NumPy raises when a file is not in its format, or is damaged."""


def save(state: PyTree, steps: int, folder: Path) -> None:
    """Writes the checkpoint in place of an older one, either completely or not at all.

    Args:
        state: Arrays and random keys.
        steps: Decisions so far, over all rows.
        folder: Where the file is written.

    Raises:
        OSError: If the file can't be written.
    """
    held = {name: np.asarray(_plain(leaf)) for name, leaf in _leaves(state).items()}
    beside = folder / f".{FILE}.{os.getpid()}"
    with beside.open("wb") as file:
        np.savez(file, allow_pickle=False, **{STEPS: np.int64(steps)}, **held)
    beside.replace(folder / FILE)


def load(like: PyTree, folder: Path) -> tuple[PyTree, int]:
    """Returns the state that was saved, and the decisions until then.

    Args:
        like: A state of the same form: what the same plan begins with.
        folder: Where `save` wrote its file.

    Raises:
        ValueError: If the file is not what `save` wrote, or holds a state of another form.
        OSError: If the file can't be read.
    """
    path = folder / FILE
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            found = {name: held[name] for name in held.files}
        steps = int(found.pop(STEPS))
    except UNREADABLE as error:
        raise ValueError(f"{path} can't be resumed: {error}") from error
    _require_form(like, found, path)
    leaves = [_as(leaf, found[name]) for name, leaf in _leaves(like).items()]
    return jax.tree.unflatten(jax.tree.structure(like), leaves), steps


def _leaves(state: PyTree) -> dict[str, Array]:
    return {
        jax.tree_util.keystr(path): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
    }


def _require_form(like: PyTree, found: Mapping[str, NDArray[Any]], path: Path) -> None:
    expected = {name: _form(_plain(leaf)) for name, leaf in _leaves(like).items()}
    given = {name: _form(values) for name, values in found.items()}
    for name in sorted(expected.keys() | given.keys()):
        if expected.get(name) != given.get(name):
            raise ValueError(
                f"{path} can't be resumed: it holds a state of another form, with "
                f"{given.get(name, 'nothing')} as {name} instead of {expected.get(name, 'nothing')}"
            )


def _form(values: Array | NDArray[Any]) -> str:
    return f"{values.dtype}{list(values.shape)}"


def _plain(leaf: Array) -> Array:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _as(like: Array, values: NDArray[Any]) -> Array:
    if not _is_key(like):
        # A copy, because the learner's memory is used again.
        return jnp.array(values)
    return jax.random.wrap_key_data(jnp.asarray(values), impl=jax.random.key_impl(like))


def _is_key(leaf: Array) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
