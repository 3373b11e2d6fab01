"""The weights of a network as one vector, which a search can move."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ceas_agents.policies.networks import Layer, Layers

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
