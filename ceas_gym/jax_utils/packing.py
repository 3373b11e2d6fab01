"""Packs a record into a single array of 32-bit words, and unpacks it again.

The time to pass arguments and results of a compiled function grows with the number of arrays, not
of bytes. To pass a state of thirty arrays takes longer than to compute the smallest scenario.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt32
from numpy.typing import NDArray

from ceas_gym.jax_utils import randomness

Record = TypeVar("Record")
Words = UInt32[Array, "*batch words"]


def pack(record: Any) -> UInt32[Array, " words"]:  # noqa: ANN401 - any pytree
    """Returns all values of a record, one after the other and bit for bit; for use inside `jit`.

    Args:
        record: A pytree of booleans, numbers of 32 or 64 bits, and random keys.

    Raises:
        ValueError: If it holds numbers of another width.

    Example:
        >>> pack((jnp.float32(1), jnp.array([True, False]))).tolist() == [0x3F800000, 1, 0]
        True
    """
    return jnp.concatenate([_encode(leaf).ravel() for leaf in jax.tree.leaves(record)])


def unpack(words: UInt32[Array, " words"], like: Record) -> Record:
    """Returns the record that was packed into words; for use inside `jit`.

    Args:
        words: From `pack`.
        like: Such a record, or its shapes from `jax.eval_shape`. Random keys are returned as
            `jax_utils.randomness.quick` makes them.

    Example:
        >>> record = (jnp.float32(1), jnp.array([True, False]))
        >>> bool(unpack(pack(record), record)[1][0])
        True
    """
    return _cut(words, like, _decode)


def read(words: NDArray[np.uint32], like: Record) -> Record:
    """Returns a batch of records as arrays of NumPy, which share the memory of the words.

    Args:
        words: Packed records, shape (*batch, words).
        like: One such record or its shapes, without random keys and booleans.

    Example:
        >>> read(np.array([[0x3F800000], [0]], np.uint32), jnp.float32(1)).tolist()
        [1.0, 0.0]
    """
    return _cut(words, like, lambda part, like: part.view(like.dtype))


def of_types(new: Record, old: Record) -> Record:
    """Returns a record with the number types of another one, as loops of JAX require it.

    With 64 bits enabled, JAX sums 32-bit integers into 64-bit ones.

    Args:
        new: A pytree.
        old: A pytree of the same structure.

    Example:
        >>> of_types(jnp.float32(2), jnp.int32(1)).dtype
        dtype('int32')
    """
    return jax.tree.map(lambda one, other: _of_type(one, other.dtype), new, old)


def _of_type(value: Array, dtype: Any) -> Array:  # noqa: ANN401 - random keys have types of JAX's
    return value if value.dtype == dtype else value.astype(dtype)


def _cut(words: Any, like: Record, decode: Callable[[Any, Any], Any]) -> Record:  # noqa: ANN401
    leaves, structure = jax.tree.flatten(like)
    ends = np.cumsum([leaf.size * _width(leaf) for leaf in leaves]).tolist()
    parts = [words[..., start:end] for start, end in zip([0, *ends], ends, strict=False)]
    batch = words.shape[:-1]
    values = [
        decode(part, leaf).reshape((*batch, *leaf.shape))
        for part, leaf in zip(parts, leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, values)


def _encode(leaf: Array) -> Array:
    if _is_key(leaf):
        return jax.random.key_data(leaf)
    if leaf.dtype == bool:
        return leaf.astype(jnp.uint32)
    length = leaf.size * _width(leaf)
    return jax.lax.bitcast_convert_type(leaf, jnp.uint32).reshape(length)


def _decode(part: Array, like: Array) -> Array:
    if _is_key(like):
        return jax.random.wrap_key_data(part, impl=randomness.THREEFRY)
    if like.dtype == bool:
        return part > 0
    parts = part if _width(like) == 1 else part.reshape(-1, _width(like))
    return jax.lax.bitcast_convert_type(parts, like.dtype)


def _width(leaf: Array) -> int:
    # Words that one entry takes.
    if _is_key(leaf):
        return 2
    if leaf.dtype == bool:
        return 1
    if leaf.dtype.itemsize not in (4, 8):
        raise ValueError(f"numbers must have 32 or 64 bits, but are {leaf.dtype}")
    return leaf.dtype.itemsize // 4


def _is_key(leaf: Array) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))
