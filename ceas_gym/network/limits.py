"""What a round can hold: whole attempts, and the most pairs that 32 bits count exactly."""

import numpy as np
from jaxtyping import Bool, Float, Int

MOST_IN_A_WINDOW = 2**24
"""Attempts on a link: up to here, numbers of 32 bits are drawn and multiplied exactly."""
MOST_IN_A_ROUND = 2**30
"""The same, summed over windows."""
MOST_PAIRS = 2**23 - 2**16
"""Mean number made in a round, by all nodes. Luck adds less than 2^16 to it, so that pairs made and
pairs stored are 2^24 at most, and every figure of a round is exact in 32 bits."""
MOST_MEMORIES = 2**23
"""Of all nodes, in which pairs are stored from one round to the next."""
MOST_DRAWS = 2**31 - 2**21
"""Of test pairs, times the pairs that they are drawn from: such products are exact in 32 bits."""
MOST_NUMBERS = 2**23
"""In a table by windows, or by ages, of all hops of all nodes."""
ROUNDING = 1e-12
"""Share of a number of attempts by which it may fall short of a whole one, and be that one."""


def whole_attempts(
    fitting: Float[np.ndarray, "nodes hops"], dtype: np.dtype
) -> Float[np.ndarray, "nodes hops"]:
    """Returns how many attempts fit into a window, in numbers of another width.

    What is whole stays whole, and what is not falls into the same whole number: rounded to 32 bits,
    it may not.

    Args:
        fitting: Window over attempt period, in 64 bits; exact but for `ROUNDING`.
        dtype: Of the result.

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
    windows: int,
    channels: int,
) -> None:
    """Checks that the attempts and the pairs of a round can be counted.

    Args:
        attempts: Of a whole channel in a window, on all modes.
        success: Of an attempt.
        is_hop: Whether the route is that long.
        windows: Of a round.
        channels: Of the hub: only so many nodes have a whole one in a window.

    Raises:
        ValueError: If they can't.
    """
    most = float(attempts[is_hop].max())
    if most > MOST_IN_A_WINDOW:
        raise ValueError(
            f"network.window_s and hardware.modes allow {most:.0f} attempts in a window, "
            f"more than the {MOST_IN_A_WINDOW} that can be counted"
        )
    if most * windows > MOST_IN_A_ROUND:
        raise ValueError(
            f"network.windows, network.window_s and hardware.modes allow {most * windows:.0f} "
            f"attempts in a round, more than the {MOST_IN_A_ROUND} that can be counted"
        )
    # A route has no more new pairs than its slowest link.
    pairs = np.sort(np.where(is_hop, attempts * success, np.inf).min(axis=1))
    mean = float(pairs[-channels:].sum()) * windows
    if mean > MOST_PAIRS:
        raise ValueError(
            f"network.windows, network.window_s, network.channels and hardware.modes make "
            f"{mean:.0f} pairs in a round on average, more than the {MOST_PAIRS} that can be "
            "counted exactly"
        )


def check_memories(is_hop: Bool[np.ndarray, "nodes hops"], memories: int) -> None:
    """Checks that the pairs that may be stored can be counted.

    Raises:
        ValueError: If they can't.
    """
    nodes, hops = is_hop.shape
    # Where there are relays, as many again wait there for a round to come.
    total = memories * nodes * (2 if hops > 1 else 1)
    if total > MOST_MEMORIES:
        raise ValueError(
            f"network.memories_per_link = {memories} makes {total} memories of {nodes} nodes, "
            f"more than the {MOST_MEMORIES} whose pairs can be counted exactly"
        )


def check_tests(pairs: int, memories: int) -> None:
    """Checks that so many test pairs can be drawn of those stored.

    Raises:
        ValueError: If they can't.
    """
    if min(pairs, memories) * memories > MOST_DRAWS:
        raise ValueError(
            f"consensus.verification.pairs = {pairs} of "
            f"network.memories_per_link = {memories} pairs are more than can be drawn"
        )


def check_sizes(edge: Int[np.ndarray, "nodes hops"], windows: int, ages: int) -> None:
    """Checks that the tables of a round are not too large.

    Raises:
        ValueError: If they are.
    """
    nodes, hops = edge.shape
    for name, number in (("windows", windows), ("oldest_windows", ages)):
        if edge.size * number > MOST_NUMBERS:
            raise ValueError(
                f"network.{name} = {number} on {nodes} routes of {hops} hops makes tables of "
                f"{edge.size * number} numbers, more than {MOST_NUMBERS}"
            )
