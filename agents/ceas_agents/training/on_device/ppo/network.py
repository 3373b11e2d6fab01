"""What PPO trains: the network of each node as actor, its spread, and a critic on the pool.

Requests are normal around those of the network, with one standard deviation for each window of a
step, the same for all nodes. Where a step is a window, the barrier fires with the logistic function
of the network's leaning as chance.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn.initializers import orthogonal
from jaxtyping import Array, Bool, Float, Key

from ceas_agents.policies import node_network
from ceas_agents.policies.node_network import Asked, Layer, Layers, Seen, apply, embed
from ceas_agents.training.on_device.ppo.settings import Network


class Weights(NamedTuple):
    """All numbers that are trained."""

    actor: Layers
    """As for `node_network.ask`."""
    log_std: Float[Array, " windows"]
    """Logarithm of the standard deviation of requests."""
    critic: Layers
    """Two layers for each node, then two on their mean."""


class Choice(NamedTuple):
    """What was drawn."""

    requests: Float[Array, "*rows windows nodes"]
    """Not clipped."""
    fires: Bool[Array, "*rows"] | None
    """None where a step is a round."""


class Decision(NamedTuple):
    """A choice, and what the network thinks of it and of its situation."""

    choice: Choice
    log_density: Float[Array, "*rows"]
    value: Float[Array, "*rows"]


def begin(key: Key[Array, ""], width: int, windows: int, shape: Network, *, fires: bool) -> Weights:
    """Returns weights before training: orthogonal, and zero in the last layers of the actor.

    So a network with a base begins with what the base does.

    Args:
        key: Random key of the weights.
        width: Numbers that the network sees of each node, at least 1.
        windows: Requests of each node, at least 1.
        shape: Width of the hidden layers, and where requests and barrier begin.
        fires: Whether the network also says when the barrier fires.

    Source:
        Initialization and gains as in Stable-Baselines3's PPO.
    """
    keys, hidden = iter(jax.random.split(key, 8)), shape.hidden
    leaning = _zero(hidden, 1, shape.leaning_init)
    barrier = (_layer(next(keys), hidden, hidden), leaning) if fires else ()
    first, second = _layer(next(keys), width, hidden), _layer(next(keys), hidden, hidden)
    third = _layer(next(keys), 2 * hidden, hidden)
    actor = (first, second, third, _zero(hidden, windows), *barrier)
    inner = [_layer(next(keys), inputs, hidden) for inputs in (width, hidden, hidden)]
    critic = (*inner, _layer(next(keys), hidden, 1, 1.0))
    return Weights(actor, jnp.full(windows, shape.log_std_init, jnp.float32), critic)


def value(weights: Weights, seen: Seen) -> Float[Array, "*rows"]:
    """Returns the expected discounted return, in units of the scaled reward.

    Args:
        weights: Only the critic is used.
        seen: What the network sees, with any axes in front.
    """
    first, second, third, last = weights.critic
    each = embed(first, second, seen)
    return apply(last, jnp.tanh(apply(third, each.mean(axis=-2))))[..., 0]


def decide(
    weights: Weights, seen: Seen, key: Key[Array, ""]
) -> tuple[Float[Array, "rows ..."], Decision]:
    """Returns the action of each row, in [-1, 1], and the decision for it.

    Args:
        weights: Of actor and critic.
        seen: What the network sees, with the rows as first axis.
        key: Random key.
    """
    choice, density = draw(weights, seen, key)
    actions = jax.vmap(node_network.action)(*choice)
    return actions, Decision(choice, density, value(weights, seen))


def draw(weights: Weights, seen: Seen, key: Key[Array, ""]) -> tuple[Choice, Float[Array, "*rows"]]:
    """Returns a random choice of each row, and the logarithm of its density.

    Args:
        weights: The critic is not used.
        seen: What the network sees, with any axes in front.
        key: Random key.
    """
    asked = node_network.ask(weights.actor, seen)
    requests_key, barrier_key = jax.random.split(key)
    noise = jax.random.normal(requests_key, asked.requests.shape, asked.requests.dtype)
    requests = asked.requests + noise * _std(weights)
    fires = None
    if asked.leaning is not None:
        fires = jax.random.bernoulli(barrier_key, jax.nn.sigmoid(asked.leaning))
    choice = Choice(requests, fires)
    return choice, _log_density(weights, asked, choice)


def judge(
    weights: Weights, seen: Seen, choice: Choice
) -> tuple[Float[Array, "*rows"], Float[Array, "*rows"]]:
    """Returns the logarithm of the density of choices, and the entropy of each row, in nats.

    Args:
        weights: The critic is not used.
        seen: What the network sees, with any axes in front.
        choice: What was drawn, with the same axes in front.
    """
    asked = node_network.ask(weights.actor, seen)
    return _log_density(weights, asked, choice), _entropy(weights, asked)


def _log_density(weights: Weights, asked: Asked, choice: Choice) -> Array:
    off = (choice.requests - asked.requests) / _std(weights)
    each = -0.5 * off**2 - weights.log_std[:, None] - 0.5 * math.log(2 * math.pi)
    density = each.sum(axis=(-2, -1))
    if asked.leaning is None or choice.fires is None:
        return density
    return density + jax.nn.log_sigmoid(jnp.where(choice.fires, 1, -1) * asked.leaning)


def _entropy(weights: Weights, asked: Asked) -> Array:
    nodes = asked.requests.shape[-1]
    of_each = weights.log_std + 0.5 * (1 + math.log(2 * math.pi))
    entropy = jnp.broadcast_to(nodes * of_each.sum(), asked.requests.shape[:-2])
    if asked.leaning is None:
        return entropy
    chance, leaning = jax.nn.sigmoid(asked.leaning), asked.leaning
    return (
        entropy - chance * jax.nn.log_sigmoid(leaning) - (1 - chance) * jax.nn.log_sigmoid(-leaning)
    )


def _std(weights: Weights) -> Float[Array, "windows 1"]:
    return jnp.exp(weights.log_std)[:, None]


def _layer(key: Array, inputs: int, outputs: int, gain: float = 2**0.5) -> Layer:
    return Layer(orthogonal(gain)(key, (inputs, outputs), jnp.float32), jnp.zeros(outputs))


def _zero(inputs: int, outputs: int, bias: float = 0.0) -> Layer:
    return Layer(jnp.zeros((inputs, outputs)), jnp.full(outputs, bias, jnp.float32))
