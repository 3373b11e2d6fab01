"""The network that is applied to every node, where a step is a round and where it is a window.

With x_k the features of node k, followed by those of the whole network and by what a base policy
asks for,

    e_k = tanh(B tanh(A x_k)),   c = mean_k e_k,   request_k = base_k + D tanh(C [e_k, c])

with a bias in each layer. Where a step is a window, two further layers say from the pooled context
how much the network leans towards firing the barrier,

    leaning = F tanh(E c) + 4 (where the base fires: 1, where it waits: -1, without a base: 0)

and the barrier fires if it leans above zero. So neither the order of the nodes nor their number
matters. It never fires where that would be below the quorum by the hub's own estimate
(`task.dispatch.may_fire`), because such a barrier commits nothing.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_gym.task import actions, dispatch
from ceas_gym.types import Observation, Params


class Layer(NamedTuple):
    """An affine map: inputs @ weight + bias."""

    weight: Float[Array, "inputs outputs"]
    bias: Float[Array, " outputs"]


Layers = tuple[Layer, ...]
OF_ROUNDS, OF_WINDOWS = 4, 6
"""Layers where a step is a round (A to D), and where it is a window (A to F)."""
CERTAIN = 4.0
"""How much a network leans towards what its base does, before it has learned anything: a barrier
that is drawn by chance then agrees with the base in 98 of 100 windows."""
NEVER = -30.0
"""Leaning where the barrier may not fire."""


class Seen(NamedTuple):
    """What the network sees of an observation, for one row or with further axes in front."""

    nodes: Float[Array, "*rows nodes inputs"]
    """Features of each node and of the network, in [0, 1], and what the base does, in [-1, 1]."""
    base: Float[Array, "*rows windows nodes"]
    """Requests of the base policy, in [-1, 1]; zero without one."""
    leaning: Float[Array, "*rows"]
    """`CERTAIN` where the base fires the barrier, its negative where it waits; zero without one."""
    may_fire: Bool[Array, "*rows"]
    """Whether the barrier may fire."""


class Asked(NamedTuple):
    """What the network asks for, before it is clipped to the action space."""

    requests: Float[Array, "*rows windows nodes"]
    leaning: Float[Array, "*rows"] | None
    """Above zero, the barrier fires; None where a step is a round."""


def inputs(
    params: Params, observation: Observation, base: Float[Array, "..."] | None
) -> Float[Array, "nodes inputs"]:
    """Returns what the network sees of each node: its features, the network's, and the base's.

    Args:
        params: The scenario, whose number of windows decides how many requests the base makes.
        observation: The features that are shown, every entry in [0, 1].
        base: Action of the base policy, in [-1, 1]; or None.
    """
    shown = [observation.nodes, _to_all(observation.network, observation)]
    if base is not None:
        shown.append(_requests(params, base).T)
        if params.by_window:
            shown.append(_to_all(base[-1:], observation))
    return jnp.concatenate(shown, axis=1)


def see(
    params: Params,
    observation: Observation,
    shown: Observation,
    base: Float[Array, "..."] | None = None,
) -> Seen:
    """Returns what the network of a row sees.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        shown: The features of it that the network was trained on.
        base: Action of the base policy, of the shape that `task.actions.shape` returns; or None.
    """
    nodes = len(observation.nodes)
    nothing = jnp.zeros((actions.windows(params), nodes))
    fires = base is not None and params.by_window
    return Seen(
        nodes=inputs(params, shown, base),
        base=nothing if base is None else _requests(params, base),
        leaning=CERTAIN * jnp.sign(base[-1]) if fires and base is not None else jnp.zeros(()),
        may_fire=dispatch.may_fire(params, observation) if params.by_window else jnp.bool_(True),
    )


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
    each = jnp.tanh(apply(second, jnp.tanh(apply(first, seen.nodes))))
    context = each.mean(axis=-2, keepdims=True)
    pooled = jnp.broadcast_to(context, each.shape)
    hidden = jnp.tanh(apply(third, jnp.concatenate([each, pooled], axis=-1)))
    requests = seen.base + jnp.swapaxes(apply(last, hidden), -1, -2)
    if not barrier:
        return Asked(requests, None)
    leaning = _leaning(barrier, context[..., 0, :]) + seen.leaning
    return Asked(requests, jnp.where(seen.may_fire, leaning, NEVER))


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
    # Full precision: otherwise an accelerator may round the factors to ten bits.
    return jnp.matmul(seen, layer.weight, precision="highest") + layer.bias


def _leaning(barrier: list[Layer], context: Array) -> Array:
    first, last = barrier
    return apply(last, jnp.tanh(apply(first, context)))[..., 0]


def _requests(params: Params, base: Array) -> Float[Array, "windows nodes"]:
    return base[None, :-1] if params.by_window else base


def _to_all(values: Array, observation: Observation) -> Array:
    return jnp.broadcast_to(values, (len(observation.nodes), len(values)))
