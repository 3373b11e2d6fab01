"""The random numbers of the reference, which are all inputs."""

from collections.abc import Callable
from typing import NamedTuple

from reference.pairs import Array


class Draws(NamedTuple):
    """The random numbers of a measured gradient of each node."""

    samples: Array
    """Indices of the training samples that each node draws, shape (nodes, batch)."""
    luck_of_slopes: Array
    """Uniform numbers, shape (nodes, batch, observables), which decide the measured predictions."""
    normals: Array
    """Standard normal numbers for the shot noise, shape (nodes, parameters)."""


class Luck(NamedTuple):
    """All random numbers of a round."""

    herald: Callable[[Array, Array], Array]
    """Successful attempts, of numbers and probabilities of shape (windows, nodes, hops)."""
    purify: Callable[[Array, Array], Array]
    """Successful couples, of numbers and probabilities of shape (nodes, ages)."""
    verify: Callable[[Array, Array], Array]
    """Passed tests, of numbers and probabilities of shape (nodes, ages)."""
    drawn: Array
    """A uniform number in [0, 1) for each node, by which its tested pairs are drawn."""
    trap: Callable[[int, Array, Array], Array]
    """Passed traps of a member, of its number, and of numbers and probabilities, shape (nodes,)."""
    true: Draws
    """For the part of the gradient that is measured on true data."""
    false: Draws
    """For the part that is measured on false data."""
    rests: Array
    """A uniform number in [0, 1) for each node, which decides whether a last shot is false."""
    moves: Array
    """A uniform number in [0, 1) for each edge, which decides its next condition."""
    guesses: Array
    """Two uniform numbers of each node: a forged tag passes if both are below the root of its
    probability."""
    shocks: Array
    """A standard normal number for each vertex, by which its coherence time drifts."""
