"""What a barrier would be worth at each horizon, if channel-time until then goes where it should.

Until a barrier at horizon T, the hub has (T + 1) C windows of a whole channel. As if all of that
were one window, and pairs came at their mean rate:

1. The nodes to serve are those that could have most root information with an equal part of it;
   where that is too little for their tags, those that lack least.
2. Key comes first, least need first. A node that would not get its tags in time is not counted;
   if enough others are, it is not served either.
3. The rest is poured over the counted nodes (`water_filling`). It comes last, so that these pairs
   are as fresh as they can be.

The barrier is worth U = G / (G + G0), or nothing without a quorum. G is the information, in shots,
that the median of the updates is worth. Of m nodes that are counted, b collude; u_k is the root
information of node k; to first order in the bias (`aims`), the loss J of the median has

    J^2 = (pi/2) / G,        G = ((1 - b/m) sum_k u_k)^2 / (m - b + b^2).

Without colluders it is (sum_k u_k)^2 / m, as in `ceas_gym.task.readiness.worth`. Shared fibres are
left out.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ceas_agents.policies.closed_loop.prospects import HORIZONS, Prospects, time_needed
from ceas_agents.policies.closed_loop.water_filling import pour
from ceas_agents.policies.serving import Placement, colluders
from ceas_gym.types import Params

FITS = 0.98
"""Share of the channel-time that key can use, because windows are filled node by node."""


class Aim(NamedTuple):
    """What a barrier is to achieve."""

    number: Float[Array, ""] | Int[Array, ""] | int
    """Nodes to serve; at least 1."""
    half: Float[Array, ""] | float
    """Information G0 at which a barrier is worth one half, in shots; above 0."""
    enough: Int[Array, ""]
    """Nodes without which a barrier is worth nothing; at least 1."""
    placement: Placement | None = None
    """Where colluders are assumed to be, as for `ceas`; None stands for no colluders."""


class Outlook(NamedTuple):
    """What could be had at a barrier at each horizon."""

    served: Bool[Array, "horizons nodes"]
    """Nodes that get channel-time: those that will have their tags in time, if they are enough."""
    worth: Float[Array, " horizons"]
    """Of the barrier, in [0, 1)."""


def ahead(params: Params, found: Prospects, aim: Aim) -> Outlook:
    """Returns what a barrier at each horizon would be worth, and whom to serve until then.

    Args:
        params: The scenario.
        found: What nodes hold, and what channel-time brings.
        aim: How many nodes to serve, and what a barrier is worth.
    """
    windows = jnp.arange(1, HORIZONS + 1)[:, None]
    channels, need = params.network.switch.channels[0], time_needed(found)
    share = jnp.minimum(1, channels / aim.number)
    served = to_serve(found, need, windows, share, aim.number)
    counted = served & tagged(need, served, windows, windows * channels * FITS)
    for_key = jnp.where(counted, need, 0)
    left = jnp.maximum(windows[:, 0] * channels - for_key.sum(axis=1), 0)
    value = found.pairs * _mean_worth(found, left / channels)
    fitting = jnp.minimum(windows - for_key, found.room / jnp.maximum(found.pairs, 1e-9))
    time = pour(value, found.held, jnp.where(counted, fitting, 0), left)
    gain = worth(params, found.held + value * time, counted, aim)
    # Where there is a quorum, key for nodes that would not be counted is not worth its time.
    return Outlook(jnp.where(gain[:, None] > 0, counted, served), gain)


def to_serve(
    found: Prospects,
    need: Float[Array, " nodes"],
    windows: Int[Array, "horizons 1"],
    share: Float[Array, ""],
    number: Float[Array, ""] | Int[Array, ""] | int,
) -> Bool[Array, "horizons nodes"]:
    """Returns the nodes that could have most root information with an equal share of the channels.

    Nodes that are ready will take part in any case, so they are served too.

    Args:
        found: What nodes hold, and what channel-time brings.
        need: Channel-time until each node is ready, in windows.
        windows: Until the barrier.
        share: Of a channel for each node that is served, in [0, 1].
        number: Nodes to serve.
    """
    left = windows * share - need
    mean = jnp.cumsum(found.worth, axis=0) / windows
    roots = jnp.sqrt(found.held + found.pairs * mean * jnp.maximum(left, 0))
    score = jnp.where(left >= 0, roots, left)
    return found.able & ((_rank(score) < number) | (need <= 0))


def tagged(
    need: Float[Array, " nodes"],
    served: Bool[Array, "horizons nodes"],
    windows: Int[Array, "horizons 1"],
    time: Float[Array, "horizons 1"],
) -> Bool[Array, "horizons nodes"]:
    """Returns which nodes can be ready at each horizon, least need first.

    Args:
        need: Channel-time until each node is ready, in windows.
        served: Nodes that get channel-time.
        windows: Until the barrier; a node has at most one channel at a time.
        time: Channel-time of all nodes together, in windows.
    """
    order = jnp.argsort(need)
    sorted_need = jnp.where(served, need, 0)[:, order]
    until = jnp.zeros_like(sorted_need).at[:, order].set(jnp.cumsum(sorted_need, axis=1))
    return (need <= windows) & (until <= time)


def worth(
    params: Params,
    information: Float[Array, "*batch nodes"],
    counted: Bool[Array, "*batch nodes"],
    aim: Aim,
) -> Float[Array, "*batch"]:
    """Returns what a barrier with this information is worth, in [0, 1).

    Args:
        params: The information at which minibatch noise dominates.
        information: Of each node, in shots; at least 0.
        counted: Nodes that take part.
        aim: How many of them are enough, and what information is worth.

    Source:
        Huber and Ronchetti, Robust Statistics, 2nd ed. (2009), chapter 3; the bias is derived in
        `aims`.
    """
    floor, number = params.learning.batch_floor, counted.sum(axis=-1)
    roots = jnp.where(counted, jnp.sqrt(information * floor / (information + floor)), 0)
    bad = 0 * number if aim.placement is None else colluders(params, number, aim.placement)
    honest = _honest(roots, number, bad, aim.placement)
    shots = honest**2 / jnp.maximum(number - bad + bad**2, 1)
    return jnp.where(number >= aim.enough, shots / (shots + aim.half), 0)


def _honest(roots: Array, number: Array, bad: Array, placement: Placement | None) -> Array:
    # The expected sum of the honest nodes' root information.
    if placement != "best":
        return roots.sum(axis=-1) * (1 - bad / jnp.maximum(number, 1))
    above = jnp.arange(roots.shape[-1]) - bad[..., None] + 1
    return (jnp.sort(roots, axis=-1, descending=True) * jnp.clip(above, 0, 1)).sum(axis=-1)


def _mean_worth(found: Prospects, windows: Float[Array, " horizons"]) -> Array:
    # Mean worth of pairs made at equal rates in the last windows before each barrier.
    mean = jnp.cumsum(found.worth, axis=0) / jnp.arange(1, HORIZONS + 1)[:, None]
    last = jnp.clip(jnp.ceil(windows), 1, jnp.arange(1, HORIZONS + 1)).astype(jnp.int32) - 1
    return mean[last]


def _rank(score: Float[Array, "horizons nodes"]) -> Int[Array, "horizons nodes"]:
    # From 0 for the greatest; equal ones in order of place. Faster than sorting twice.
    place = jnp.arange(score.shape[-1])
    first, other = score[..., :, None], score[..., None, :]
    before = (other > first) | ((other == first) & (place < place[:, None]))
    return before.sum(axis=-1)
