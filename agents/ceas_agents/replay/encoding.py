"""Arrays of small whole numbers as short text, which `core.js` reads."""

import base64
import zlib
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

WHOLE = 255
"""Number that stands for the share 1."""


def stack(frames: Int[np.ndarray, "frames ..."]) -> dict[str, Any]:
    """Returns frames as text: each as its difference from the frame before it, compressed.

    Args:
        frames: Numbers in [0, 2^32).

    Returns:
        The `shape`, the `bytes` of a number (1, 2 or 4), and `data`: base64 of zlib's format.
        Differences are modulo 256 to the power of `bytes`, the lowest byte first.

    Example:
        >>> stack(np.array([[1, 2], [1, 3]]))["shape"]
        [2, 2]
    """
    return _packed(frames, _before(frames))


def aging(
    pairs: Int[np.ndarray, "frames nodes ages"],
    clock: Int[np.ndarray, " frames"],
    is_barrier: Bool[np.ndarray, " frames"],
) -> dict[str, Any]:
    """Returns frames of pairs by age as `stack` does, but as differences from the aged frame.

    A pair that only grows older makes no difference, so that only births and deaths take space.
    After a barrier most pairs are spent, so that what is left is told by itself.

    Args:
        pairs: Numbers in [0, 2^32).
        clock: Windows that are over at each frame.
        is_barrier: Whether the frame shows the end of a barrier.
    """
    before, ages = _before(pairs), pairs.shape[2]
    windows = np.where(is_barrier, ages, np.diff(clock, prepend=clock[:1])).clip(0, ages)
    for number, older in enumerate(windows):
        aged = before[number][:, : ages - older]
        before[number] = np.pad(aged, ((0, 0), (older, 0)))
    return _packed(pairs, before)


def shares(values: Float[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Returns shares in [0, 1] as whole numbers up to `WHOLE`, which only a whole share reaches.

    Example:
        >>> shares(np.array([0.0, 0.5, 0.999, 1.0])).tolist()
        [0, 127, 254, 255]
    """
    # Rounded numbers of 32 bits may fall short of a whole share.
    return np.floor(np.clip(values, 0, 1) * WHOLE * (1 + 1e-6)).astype(np.int64)


def _before(frames: NDArray[np.integer]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros_like(frames[:1]), frames[:-1]]).astype(np.int64)


def _packed(frames: NDArray[np.integer], before: NDArray[np.int64]) -> dict[str, Any]:
    largest = int(frames.max(initial=0))
    width = next(each for each in (1, 2, 4) if largest < 256**each)
    changes = (frames.astype(np.int64) - before) % 256**width
    raw = changes.astype(f"<u{width}").tobytes()
    text = base64.b64encode(zlib.compress(raw, 9)).decode("ascii")
    return {"shape": list(frames.shape), "bytes": width, "data": text}


def flags(values: Bool[np.ndarray, " entries"]) -> list[int]:
    """Returns 1 for true and 0 for false, shape (entries,)."""
    return np.asarray(values).astype(int).tolist()
