"""What a learner on the device plays: an environment as three pure functions."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jaxtyping import Array, Bool, Float, Key, PyTree

WATCHED = ("accuracy", "utilization")
"""Metrics of the last step of an episode that are logged beside its return; shares in [0, 1]."""


class Outcome(NamedTuple):
    """What one step of an environment results in, before any reset."""

    state: PyTree
    observation: PyTree
    reward: Float[Array, ""]
    terminated: Bool[Array, ""]
    """Whether the episode is over, so that nothing can be earned any more."""
    truncated: Bool[Array, ""]
    """Whether a time limit has cut it short, so that its last observation still has a value."""
    metrics: dict[str, Array]
    """The metrics of `WATCHED`, or some of them."""


class Environment(NamedTuple):
    """An environment: functions of one row, which a program maps over rows and seeds.

    The parameters are any pytree, and an argument of the compiled program. Functions must be equal
    where they are the same, so that a program is compiled only once: take those of a module.
    """

    reset: Callable[[Any, Key[Array, ""]], tuple[PyTree, PyTree]]
    """(parameters, random key) -> state and observation at the start of an episode."""
    step: Callable[[Any, PyTree, Array], Outcome]
    """(parameters, state, action) -> outcome; all chance comes from the state."""
    observe: Callable[[Any, PyTree, PyTree], Any]
    """(parameters, state, observation) -> what the network sees, a pytree."""
    can_truncate: bool = False
    """Whether `truncated` may ever be true; only then does the program compute what it takes."""
