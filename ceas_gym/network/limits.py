"""Limits of a round: whole attempts, and as many pairs as 32 bits count exactly."""

import numpy as np
from jaxtyping import Bool, Float, Int

MOST_IN_A_WINDOW = 2**24
"""Attempts on a link in a window, up to which 32-bit numbers are drawn and multiplied exactly."""
MOST_WINDOWS = 2**30
"""Windows of an episode."""
MOST_IN_A_ROUND = 2**30
"""Attempts on a link, summed over the windows of a round."""
MOST_PAIRS = 2**23 - 2**16
"""Mean number of pairs of all nodes in a round. Fluctuations add less than 2^16 to it, so new and
stored pairs together are at most 2^24, and every count of a round is exact in 32 bits."""
MOST_MEMORIES = 2**23
"""Memories of all nodes, in which pairs are stored from one round to the next."""
MOST_DRAWS = 2**31 - 2**21
"""Product of test pairs and the stored pairs that they are drawn from, which fits in 32 bits."""
MOST_SLOTS = 1000
"""Slots by which key is kept apart by its age."""
MOST_NUMBERS = 2**23
"""Entries of a table with an axis of windows or ages, for all hops of all nodes."""
ROUNDING = 1e-12
"""Share by which a number of attempts may fall short of a whole number and still count as it."""


def whole(number: float) -> int:
    """Returns the whole part of a number, which may fall short of a whole number by `ROUNDING`.

    Args:
        number: At least 0.

    Example:
        >>> whole(0.3 / 0.1), whole(2.9)
        (3, 2)
    """
    return int(np.floor(number * (1 + ROUNDING)))


def countable(setting: str, windows: int) -> int:
    """Returns a number of windows that the clock of an episode can count.

    Args:
        setting: Setting that the number follows from.
        windows: At least 0.

    Raises:
        ValueError: If it is above `MOST_WINDOWS`.
    """
    if windows > MOST_WINDOWS:
        raise ValueError(
            f"{setting} makes an episode of {windows} windows, more than the {MOST_WINDOWS} that "
            "can be counted"
        )
    return windows


def whole_attempts(
    fitting: Float[np.ndarray, "nodes hops"], dtype: np.dtype
) -> Float[np.ndarray, "nodes hops"]:
    """Returns how many attempts fit into a window, converted to another type.

    Whole numbers stay whole, and for the others the whole part stays the same. Plain rounding to 32
    bits could raise the whole part.

    Args:
        fitting: Length of a window over the attempt period, in 64 bits; exact up to `ROUNDING`.
        dtype: Type of the result.

    Example:
        >>> fitting = np.array([[0.1 / 0.001, 0.3 / 0.1, 7.99999999, 2.5]])
        >>> whole_attempts(fitting, np.dtype("float32")).tolist()
        [[100.0, 3.0, 7.0, 2.5]]
    """
    whole, rounded = np.floor(fitting * (1 + ROUNDING)), fitting.astype(dtype)
    return np.where(np.floor(rounded) == whole, rounded, whole).astype(dtype)


def check_counts(
    attempts: Float[np.ndarray, "nodes hops"],
    success: Float[np.ndarray, "nodes hops"],
    is_hop: Bool[np.ndarray, "nodes hops"],
    *,
    longest: tuple[str, int],
    channels: int,
) -> None:
    """Checks that the attempts and the pairs of a round can be counted; returns nothing.

    Args:
        attempts: Attempts of all modes in a window on a whole channel; at least 0.
        success: Success probability of an attempt, in [0, 1].
        is_hop: Whether the route has this hop.
        longest: Most windows in a round, at least 1, after the name of their setting in `network`.
        channels: Channels of the hub, so that at most as many nodes have a whole one in a window.

    Raises:
        ValueError: If attempts or pairs are too many to be counted exactly.
    """
    most = float(attempts[is_hop].max())
    if most > MOST_IN_A_WINDOW:
        raise ValueError(
            f"network.window_s and hardware.modes allow {most:.0f} attempts in a window, "
            f"more than the {MOST_IN_A_WINDOW} that can be counted"
        )
    name, windows = longest
    if most * windows > MOST_IN_A_ROUND:
        raise ValueError(
            f"network.{name}, network.window_s and hardware.modes allow {most * windows:.0f} "
            f"attempts in a round, more than the {MOST_IN_A_ROUND} that can be counted"
        )
    # A route has no more new pairs than its slowest link.
    pairs = np.sort(np.where(is_hop, attempts * success, np.inf).min(axis=1))
    mean = float(pairs[-channels:].sum()) * windows
    if mean > MOST_PAIRS:
        raise ValueError(
            f"network.{name}, network.window_s, network.channels and hardware.modes make "
            f"{mean:.0f} pairs in a round on average, more than the {MOST_PAIRS} that can be "
            "counted exactly"
        )


def check_memories(is_hop: Bool[np.ndarray, "nodes hops"], memories: int) -> None:
    """Checks that the pairs that may be stored can be counted; returns nothing.

    Args:
        is_hop: Whether the route has this hop.
        memories: Memories of each link; at least 1.

    Raises:
        ValueError: If all nodes together have too many memories.
    """
    nodes, hops = is_hop.shape
    # Where there are relays, as many pairs again may wait there for later rounds.
    total = memories * nodes * (2 if hops > 1 else 1)
    if total > MOST_MEMORIES:
        raise ValueError(
            f"network.memories_per_link = {memories} makes {total} memories of {nodes} nodes, "
            f"more than the {MOST_MEMORIES} whose pairs can be counted exactly"
        )


def check_tests(pairs: int, memories: int) -> None:
    """Checks that so many test pairs can be drawn from the stored pairs; returns nothing.

    Args:
        pairs: Test pairs of a node in a round; at least 0.
        memories: Memories of each link; at least 1.

    Raises:
        ValueError: If the product of the two would overflow 32 bits.
    """
    if min(pairs, memories) * memories > MOST_DRAWS:
        raise ValueError(
            f"consensus.verification.pairs = {pairs} of "
            f"network.memories_per_link = {memories} pairs are more than can be drawn"
        )


def check_sizes(edge: Int[np.ndarray, "nodes hops"], windows: int, ages: int) -> None:
    """Checks that the tables of a round are not too large; returns nothing.

    Args:
        edge: Fibre edge of each hop.
        windows: Windows in a round; at least 1.
        ages: Greatest age of a pair, in windows; at least 1.

    Raises:
        ValueError: If a table by windows or by ages has too many entries.
    """
    nodes, hops = edge.shape
    for name, number in (("windows", windows), ("oldest_windows", ages)):
        if edge.size * number > MOST_NUMBERS:
            raise ValueError(
                f"network.{name} = {number} on {nodes} routes of {hops} hops makes tables of "
                f"{edge.size * number} numbers, more than {MOST_NUMBERS}"
            )
