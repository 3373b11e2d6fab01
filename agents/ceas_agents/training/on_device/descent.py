"""What learners share of an update: Adam, after a limit on the length of the whole gradient."""

from typing import Generic, NamedTuple, TypeVar

import optax
from jaxtyping import PyTree

Weights = TypeVar("Weights")


class Trained(NamedTuple, Generic[Weights]):
    """Weights, and what Adam remembers of its gradients."""

    weights: Weights
    memory: optax.OptState


def optimizer(rate: float, longest: float, epsilon: float) -> optax.GradientTransformation:
    """Returns Adam after a limit on the length of the whole gradient.

    Args:
        rate: Learning rate, above 0.
        longest: Greatest length of the gradient, above 0.
        epsilon: Added to the root of the mean square that a gradient is divided by.

    Source:
        Kingma and Ba, ICLR 2015, arXiv:1412.6980.
    """
    return optax.chain(optax.clip_by_global_norm(longest), optax.adam(rate, eps=epsilon))


def begin(step: optax.GradientTransformation, weights: Weights) -> Trained[Weights]:
    """Returns weights that no gradient has changed yet.

    Args:
        step: The optimizer.
        weights: A pytree of arrays.
    """
    return Trained(weights, step.init(weights))  # pyright: ignore[reportArgumentType]


def descend(
    step: optax.GradientTransformation, trained: Trained[Weights], slope: PyTree
) -> Trained[Weights]:
    """Returns the weights after one step down a gradient.

    Args:
        step: The optimizer.
        trained: Before the step.
        slope: The gradient, of the form of the weights.
    """
    change, memory = step.update(slope, trained.memory)
    return Trained(optax.apply_updates(trained.weights, change), memory)  # pyright: ignore
