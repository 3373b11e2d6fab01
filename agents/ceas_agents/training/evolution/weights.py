"""The weights of a network as one vector, which a search can move, and what they begin as."""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_agents.policies import steering
from ceas_agents.policies.closed_loop import trust
from ceas_agents.policies.networks import Layer, Layers
from ceas_gym.task.readiness import HALF

Widths = tuple[int, ...]
"""Inputs, hidden layers, and outputs of a network; at least two, each at least 1."""


def size(widths: Widths) -> int:
    """Returns the number of weights, with a bias for each output of a layer.

    Example:
        >>> size((2, 3))
        9
    """
    return sum((inputs + 1) * outputs for inputs, outputs in pairwise(widths))


def layers(weights: NDArray[np.float32], widths: Widths) -> Layers:
    """Returns the layers of networks; each layer has its weights, then its bias, in the vector.

    Args:
        weights: Shape (..., size(widths)).
        widths: Of the layers.

    Returns:
        Weights of shape (..., inputs, outputs), and biases of shape (..., outputs).

    Example:
        >>> [[weight, bias]] = layers(np.arange(9.0), (2, 3))
        >>> weight.tolist(), bias.tolist()
        ([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], [6.0, 7.0, 8.0])
    """
    found: list[Layer] = []
    begin = 0
    for inputs, outputs in pairwise(widths):
        end = begin + inputs * outputs
        weight = weights[..., begin:end].reshape(*weights.shape[:-1], inputs, outputs)
        found.append(Layer(weight, weights[..., end : end + outputs]))  # pyright: ignore
        begin = end + outputs
    return tuple(found)


class Sign(NamedTuple):
    """By what a wary start judges that learning goes badly."""

    early: float
    """Progress from which it judges."""
    slopes: dict[str, float]
    """Of the features that are weighed and added up."""
    limit: float
    """Above which the sum is bad."""
    few: float
    """Reliance below which trust was lost before."""


SIGNS: dict[tuple[str, ...], Sign] = {
    ("progress", "validation_accuracy"): Sign(0.12, {"validation_accuracy": -1.0}, -0.4, 0.5),
    # Losses are shown as shares of twice the loss of guessing.
    ("progress", "validation_accuracy", "validation_loss", "lowest_loss"): Sign(
        trust.EARLY, {"validation_loss": 2.0, "lowest_loss": -2.0}, trust.RISE, trust.FEW
    ),
}
"""Signs of a wary start by what the network sees, besides its reliance."""
WARY_HIDDEN = 3
"""Hidden units of a wary start."""
STEEP, SURE = 30.0, 4.0
"""Slope of the hidden units, and how far the output for nodes passed over is from undecided."""


def wary(sees: tuple[str, ...]) -> NDArray[np.float32]:
    """Returns weights that pass over the best links once learning has gone badly with them.

    Each hidden unit is near 1 or -1: it is not too early (A), the sign is bad (B), and the best
    links were passed over in the last round (C). They are passed over in this one if C, or both A
    and B, which is A + B + 2 C + 1 > 0 in these numbers (`closed_loop.trust`).

    Args:
        sees: Features of the network, a key of `SIGNS`.
    """
    sign = SIGNS[sees]
    seen = [(float(name == "progress"), sign.slopes.get(name, 0.0), 0.0) for name in sees]
    first = np.array([*seen, (0.0, 0.0, -1.0)]), np.array([-sign.early, -sign.limit, sign.few])
    weight = np.zeros((WARY_HIDDEN, steering.OUTPUTS))
    weight[:, -1] = SURE * np.array([1, 1, 2])
    bias = np.array([0.0, math.log(1000 / HALF), SURE - steering.PASSED_OVER])
    parts = (*(STEEP * each for each in first), weight, bias)
    return np.concatenate([part.ravel() for part in parts]).astype(np.float32)
