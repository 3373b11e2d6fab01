"""What DQN trains, the network of `policies.choice_network`, and how its choices are explored."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ceas_agents.policies import choice_network
from ceas_agents.policies.choice_network import Shown
from ceas_agents.policies.node_network import Layer, Layers
from ceas_agents.training.on_device.dqn.settings import Network


def begin(key: Key[Array, ""], inputs: int, choices: int, shape: Network) -> Layers:
    """Returns layers before training.

    Weights and biases are uniform within one over the root of the number of a layer's inputs.

    Args:
        key: Random key of the weights.
        inputs: Features that the network sees, at least 1.
        choices: How many it values, at least 1.
        shape: Widths of the hidden layers.

    Source:
        The initialization of PyTorch's linear layers, which Stable-Baselines3's DQN keeps.
    """
    widths = [inputs, *shape.net_arch, choices]
    keys = jax.random.split(key, len(widths) - 1)
    return tuple(map(_layer, keys, widths[:-1], widths[1:]))


def explore(
    layers: Layers, epsilon: Float[Array, ""], shown: Shown, key: Key[Array, ""]
) -> tuple[Int[Array, " rows"], Int[Array, " rows"]]:
    """Returns the choice of each row, as action and as what to keep of the decision.

    It is a random one of the allowed choices with a chance of epsilon, else the one that is valued
    most.

    Args:
        layers: Of the network.
        epsilon: In [0, 1].
        shown: Features and allowed choices, with the rows as first axis.
        key: Random key.
    """
    chance_key, choice_key = jax.random.split(key)
    greedy = choice_network.best(choice_network.values(layers, shown.features), shown.allowed)
    logits = jnp.where(shown.allowed, 0.0, -jnp.inf)
    drawn = jax.random.categorical(choice_key, logits, axis=-1)
    explores = jax.random.uniform(chance_key, greedy.shape) < epsilon
    choice = jnp.where(explores, drawn, greedy)
    return choice, choice


def _layer(key: Array, inputs: int, outputs: int) -> Layer:
    most = 1 / math.sqrt(inputs)
    weight_key, bias_key = jax.random.split(key)
    draw = jax.random.uniform
    return Layer(
        draw(weight_key, (inputs, outputs), jnp.float32, -most, most),
        draw(bias_key, (outputs,), jnp.float32, -most, most),
    )
