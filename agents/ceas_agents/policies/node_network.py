"""The network that is applied to every node, where a step is a round and where it is a window.

With x_k the features of node k, followed by those of the whole network and by what a base policy
asks for,

    e_k = tanh(B tanh(A x_k)),   c = mean_k e_k,   request_k = base_k + D tanh(C [e_k, c])

with a bias in each layer. Where a step is a window, two further layers say from the pooled context
how much the network leans towards firing the barrier,

    leaning = F tanh(E c) + 4 (where the base fires: 1, where it waits: -1, without a base: 0)

and the barrier fires if it leans above zero. So neither the order of the nodes nor their number
matters.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_gym.types import Observation, Params


class Layer(NamedTuple):
    """An affine map: inputs @ weight + bias."""

    weight: Float[Array, "inputs outputs"]
    bias: Float[Array, " outputs"]


Layers = tuple[Layer, ...]
Activation = Callable[[Float[Array, "..."]], Float[Array, "..."]]
OF_ROUNDS, OF_WINDOWS = 4, 6
"""Layers where a step is a round (A to D), and where it is a window (A to F)."""
CERTAIN = 4.0
"""How much a network leans towards what its base does, before it has learned anything: a barrier
that is drawn by chance then agrees with the base in 98 of 100 windows."""


class Seen(NamedTuple):
    """What the network sees of an observation, for one row or with further axes in front."""

    nodes: Float[Array, "*rows nodes features"]
    """Features of each node, in [0, 1]."""
    network: Float[Array, "*rows features"]
    """Features of the whole network, in [0, 1]; where a step is a window and there is a base, also
    1 if the base fires the barrier, and -1 if it waits."""
    base: Float[Array, "*rows windows nodes"] | None
    """Requests of the base policy, in [-1, 1]; None without one."""
    leaning: Float[Array, "*rows"]
    """`CERTAIN` where the base fires the barrier, its negative where it waits; zero without one."""


class Asked(NamedTuple):
    """What the network asks for, before it is clipped to the action space."""

    requests: Float[Array, "*rows windows nodes"]
    leaning: Float[Array, "*rows"] | None
    """Above zero, the barrier fires; None where a step is a round."""


def see(params: Params, shown: Observation, base: Float[Array, "..."] | None = None) -> Seen:
    """Returns what the network of a row sees.

    Args:
        params: The scenario.
        shown: The features of the observation that the network was trained on, in [0, 1].
        base: Action of the base policy, of the shape that `task.actions.shape` returns; or None.
    """
    seen = Seen(shown.nodes, shown.network, base, jnp.zeros(()))
    if base is None or not params.by_window:
        return seen
    sign = jnp.sign(base[-1])
    network = jnp.append(shown.network, sign)
    return seen._replace(network=network, base=base[None, :-1], leaning=CERTAIN * sign)


def width(seen: Seen) -> int:
    """Returns how many numbers the network sees of each node.

    Args:
        seen: What it sees, with any axes in front.
    """
    windows = 0 if seen.base is None else seen.base.shape[-2]
    return seen.nodes.shape[-1] + seen.network.shape[-1] + windows


def ask(layers: Layers, seen: Seen) -> Asked:
    """Returns what the network asks for.

    Args:
        layers: A to D or, where a step is a window, A to F.
        seen: What it sees, with any axes in front.

    Source:
        Zaheer et al., Deep Sets, NeurIPS 30 (2017), arXiv:1703.06114; Silver et al., Residual
        Policy Learning, arXiv:1812.06298.
    """
    first, second, third, last, *barrier = layers
    each = embed(first, second, seen)
    context = each.mean(axis=-2)
    # The context is the same for all nodes, so its part is computed once.
    own = each.shape[-1]
    common = apply(Layer(third.weight[own:], third.bias), context)
    hidden = jnp.tanh(_times(each, third.weight[:own]) + common[..., None, :])
    requests = jnp.swapaxes(apply(last, hidden), -1, -2)
    if seen.base is not None:
        requests = seen.base + requests
    if not barrier:
        return Asked(requests, None)
    return Asked(requests, _leaning(barrier, context) + seen.leaning)


def embed(first: Layer, second: Layer, seen: Seen) -> Float[Array, "*rows nodes hidden"]:
    """Returns e_k of each node, in [-1, 1].

    Args:
        first: Its inputs are the node's features, the network's, and the base's requests.
        second: Of the same width.
        seen: What the network sees, with any axes in front.
    """
    own, shared = seen.nodes.shape[-1], seen.network.shape[-1]
    of_nodes, of_network, of_base = jnp.split(first.weight, [own, own + shared])
    # What all nodes share is computed once.
    common = apply(Layer(of_network, first.bias), seen.network)
    inside = _times(seen.nodes, of_nodes) + common[..., None, :]
    if seen.base is not None:
        inside = inside + _times(jnp.swapaxes(seen.base, -1, -2), of_base)
    return jnp.tanh(apply(second, jnp.tanh(inside)))


def action(requests: Array, fires: Bool[Array, ""] | None) -> Float[Array, "..."]:
    """Returns the action in [-1, 1] of one row, of the shape that `task.actions.shape` returns.

    Args:
        requests: Of each window and node, shape (windows, nodes); clipped to [-1, 1].
        fires: Whether the barrier fires; None where a step is a round.

    Example:
        >>> action(jnp.array([[0.5, 2.0]]), jnp.array(True)).tolist()
        [0.5, 1.0, 1.0]
    """
    clipped = jnp.clip(requests, -1, 1)
    if fires is None:
        return clipped
    return jnp.append(clipped[0], jnp.where(fires, 1.0, -1.0))


def apply(layer: Layer, seen: Float[Array, "... inputs"]) -> Float[Array, "... outputs"]:
    """Returns inputs @ weight + bias, shape (..., outputs).

    Args:
        layer: An affine map.
        seen: Shape (..., inputs).
    """
    return _times(seen, layer.weight) + layer.bias


def through(layers: Layers, seen: Float[Array, "... inputs"], activation: Activation) -> Array:
    """Returns what layers make of their inputs, shape (..., outputs).

    Args:
        layers: From the input to the output.
        seen: Shape (..., inputs).
        activation: After each layer but the last.
    """
    *hidden, last = layers
    for layer in hidden:
        seen = activation(apply(layer, seen))
    return apply(last, seen)


@jax.custom_vjp
def _times(seen: Array, weight: Array) -> Array:
    # Full precision: otherwise an accelerator may round the factors to ten bits.
    return jnp.matmul(seen, weight, precision="highest")


def _kept(seen: Array, weight: Array) -> tuple[Array, tuple[Array, Array]]:
    return _times(seen, weight), (seen, weight)


def _slopes(kept: tuple[Array, Array], slope: Array) -> tuple[Array, Array]:
    # JAX's own rule makes a processor transpose all of `slope`, which takes as long as the product.
    seen, weight = kept
    rows, slopes = (each.reshape(-1, each.shape[-1]) for each in (seen, slope))
    of_weight = jax.lax.dot_general(rows, slopes, (((0,), (0,)), ((), ())), precision="highest")
    return jnp.matmul(slope, weight.T, precision="highest"), of_weight


_times.defvjp(_kept, _slopes)


def _leaning(barrier: list[Layer], context: Array) -> Array:
    first, last = barrier
    return apply(last, jnp.tanh(apply(first, context)))[..., 0]
