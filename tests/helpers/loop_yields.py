"""What channel-time yields in a closed loop, by hand."""

from typing import Any

import numpy as np

from ceas_agents.bounds.yields import Yields

TWO: dict[str, Any] = {
    "nodes": (0, 1),
    "pairs": (400.0, 200.0),
    "variance": (0.0, 0.0),
    "whole": (1.0, 1.0),
    "value": ((0.25, 0.2), (0.2, 0.15), (0.1, 0.1)),
    "most": (125.0, 100.0),
    "bits": (0.2, 0.4),
    "tag_bits": 20.0,
    "passes": ((1.0, 1.0),),
    "channels": (1.0,),
    "barrier": 1,
    "longest": 3,
    "budget": 24,
}
"""Two nodes that share a channel."""


def by_hand(**changes: Any) -> Yields:
    """Returns the yields of two nodes, or of other figures.

    Args:
        **changes: New figures, as numbers or lists, in the units of `Yields`.
    """
    figures = TWO | changes
    return Yields(**{name: _array(value) for name, value in figures.items()})


def alone(**changes: Any) -> Yields:
    """Returns the yields of the first of the two nodes on its own, without key.

    Args:
        **changes: As for `by_hand`.
    """
    first = {
        name: (value[0],)
        for name, value in TWO.items()
        if name in ("nodes", "pairs", "variance", "whole", "most", "bits")
    }
    rest = {"value": ((0.25,), (0.2,), (0.1,)), "passes": ((1.0,),), "tag_bits": 0.0}
    return by_hand(**first | rest | changes)


def _array(value: Any) -> Any:
    return np.array(value) if isinstance(value, tuple) else value
