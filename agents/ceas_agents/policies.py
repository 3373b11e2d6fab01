"""Policies: functions (params, observation, key) -> action in JAX, by name."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key

from ceas_agents import heuristics
from ceas_agents.ceas import ceas, focused
from ceas_agents.market import fill_windows
from ceas_agents.scarcity import quorum, tag_windows
from ceas_gym import actions
from ceas_gym.names import calling
from ceas_gym.network import forecast
from ceas_gym.observations import NETWORK_FEATURES, NODE_FEATURES
from ceas_gym.types import Observation, Params

Policy = Callable[[Params, Observation, Key[Array, ""]], Float[Array, "windows nodes"]]
PROGRESS = [feature.name for feature in NETWORK_FEATURES].index("progress")


def uniform(params: Params, observation: Observation, key: Key[Array, ""]) -> Array:
    """Gives every node the same share of the channels in every window."""
    del observation, key
    nodes = params.network.vertex.shape[0]
    share = jnp.minimum(1, params.network.channels[0] / nodes)
    return actions.encode(jnp.full((params.network.windows, nodes), share))


def round_robin(params: Params, observation: Observation, key: Key[Array, ""]) -> Array:
    """Gives whole channels to one group of nodes after the other, window by window."""
    del key
    nodes, windows = params.network.vertex.shape[0], params.network.windows
    now = jnp.round(observation.network[PROGRESS] * params.rounds) * windows
    first = (now + jnp.arange(windows)) * params.network.channels[0]
    turn = (jnp.arange(nodes) - first[:, None]) % nodes
    return actions.encode(jnp.clip(params.network.channels[0] - turn, 0, 1))


def random(params: Params, observation: Observation, key: Key[Array, ""]) -> Array:
    """Asks for random shares."""
    del observation
    shape = (params.network.windows, params.network.vertex.shape[0])
    return jax.random.uniform(key, shape, minval=-1.0, maxval=1.0)


def max_rate(params: Params, observation: Observation, key: Key[Array, ""]) -> Array:
    """Makes as many pairs as the memories hold, fastest links first, blind to decay."""
    del observation, key
    pairs = jnp.maximum(forecast.expected_pairs(params.network), 1e-9)
    return actions.encode(fill_windows(params.network, params.network.memories / pairs))


def static_subset(params: Params, observation: Observation, key: Key[Array, ""]) -> Array:
    """Gives equal shares to the best nodes, two more than a quorum, whatever is observed.

    The best are those that make most pairs of most signal, among those whose share suffices for a
    tag.
    """
    del observation, key
    network, quality = params.network, forecast.quality(params.network)
    count = jnp.minimum(quorum(params.consensus) + 2, quality.size)
    share = jnp.minimum(1, network.channels[0] / count)
    can_tag = tag_windows(network) <= share * network.windows
    served = jnp.argsort(jnp.argsort(jnp.where(can_tag, -quality, jnp.inf))) < count
    asked = jnp.where(served, share, 0)
    return actions.encode(jnp.broadcast_to(asked, (network.windows, quality.size)))


POLICIES: dict[str, Policy] = {
    "ceas": ceas,
    "focused": focused,
    "uniform": uniform,
    "round_robin": round_robin,
    "random": random,
    "static_subset": static_subset,
    "max_rate": max_rate,
    "max_weight": heuristics.max_weight,
    "freshest_first": heuristics.freshest_first,
    "earliest_deadline_first": heuristics.earliest_deadline_first,
    "proportional_fair": heuristics.proportional_fair,
}


def as_pytree(policy: Policy) -> Partial:
    """Returns the policy as an argument of compiled functions: what it has learned is not fixed."""
    return policy if isinstance(policy, Partial) else Partial(policy)


def check(policy: Policy, params: Params) -> None:
    """Tries whether a policy that is not shipped fits the scenario, without computing anything.

    Raises:
        ValueError: If what it has learned does not fit, or a function of the user's own raises an
            error or returns no action.
    """
    if policy in POLICIES.values():
        return
    windows, nodes = params.network.windows, params.network.vertex.shape[0]
    observation = Observation(
        jnp.zeros((nodes, len(NODE_FEATURES))), jnp.zeros(len(NETWORK_FEATURES))
    )
    call = partial(jax.eval_shape, policy, params, observation, jax.random.key(0))
    if jax.tree.leaves(as_pytree(policy)):
        call()
        return
    name = getattr(policy, "__name__", type(policy).__name__)
    with calling("function", name):
        found = call()
    shape = getattr(found, "shape", None)
    if shape != (windows, nodes):
        returned = f"a {type(found).__name__}" if shape is None else f"one of shape {shape}"
        raise ValueError(
            f"function {name!r} must return an array of shape ({windows}, {nodes}), "
            f"but returned {returned}"
        )
