"""Learned schedulers as JAX policies: the deterministic part of what was trained, without torch.

One small network serves every node, and sees of the others their mean: so it does not matter in
which order the nodes come, or how many there are. With x_k a node's features beside those of the
whole network,

    e_k = tanh(B tanh(A x_k)),   c = mean_k e_k,   request_k = D tanh(C [e_k, c])

with a bias in each layer, and a request for every window. A residual scheduler sees, and adds its
requests to, those of CEAS.
"""

import os
import zipfile
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ceas_agents.ceas import ceas
from ceas_agents.policies import Policy
from ceas_gym.types import Observation, Params


class Layer(NamedTuple):
    """An affine map."""

    weight: Float[Array, "inputs outputs"]
    bias: Float[Array, " outputs"]


class Weights(NamedTuple):
    """Of the four layers, A to D."""

    first: Layer
    second: Layer
    third: Layer
    last: Layer


def requests(
    weights: Weights,
    observation: Observation,
    base: Float[Array, "windows nodes"] | None = None,
) -> Float[Array, "windows nodes"]:
    """Returns the action that the network asks for, in [-1, 1].

    Args:
        weights: Trained.
        observation: What the hub knows.
        base: Action that it adds to, if it is a residual.
    """
    nodes = observation.nodes
    common = jnp.broadcast_to(observation.network, (len(nodes), len(observation.network)))
    seen = [nodes, common] if base is None else [nodes, common, base.T]
    each = jnp.tanh(_apply(weights.first, jnp.concatenate(seen, axis=1)))
    each = jnp.tanh(_apply(weights.second, each))
    pooled = jnp.broadcast_to(each.mean(axis=0), each.shape)
    hidden = jnp.tanh(_apply(weights.third, jnp.concatenate([each, pooled], axis=1)))
    asked = _apply(weights.last, hidden).T
    return jnp.clip(asked if base is None else base + asked, -1, 1)


def policy(weights: Weights, *, residual: bool) -> Policy:
    """Returns the scheduler of these weights.

    Args:
        weights: Trained.
        residual: Whether they were trained to add to CEAS.
    """

    def act(params: Params, observation: Observation, key: Key[Array, ""]) -> Array:
        base = ceas(params, observation, key) if residual else None
        return requests(weights, observation, base)

    return act


def save(weights: Weights, path: Path) -> None:
    """Writes the weights as a whole file of NumPy's (`.npz`), or nothing."""
    arrays = {
        f"{name}.{part}": np.asarray(value, np.float32)
        for name, layer in weights._asdict().items()
        for part, value in layer._asdict().items()
    }
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    beside.replace(path)


def load_weights(path: Path) -> Weights:
    """Returns the weights of a file.

    Raises:
        ValueError: If the file holds something else.
        OSError: If it can't be read.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            layers = [
                Layer(*(jnp.asarray(arrays[f"{name}.{part}"]) for part in Layer._fields))
                for name in Weights._fields
            ]
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} holds no weights of a scheduler: {error}") from error
    return Weights(*layers)


def _apply(layer: Layer, values: Float[Array, "nodes inputs"]) -> Float[Array, "nodes outputs"]:
    return values @ layer.weight + layer.bias
