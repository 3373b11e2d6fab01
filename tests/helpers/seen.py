"""Observations by hand: one that the environment returned, with some features changed."""

from typing import Any

import jax.numpy as jnp

from ceas_gym.task.observations import COLUMN, PLACE
from ceas_gym.types import Observation


def nodes(observation: Observation, **features: Any) -> Observation:
    """Returns the observation with these features of all nodes: a number, or one for each node."""
    changed = observation.nodes
    for name, values in features.items():
        changed = changed.at[:, COLUMN[name]].set(jnp.asarray(values, changed.dtype))
    return Observation(changed, observation.network)


def hub(observation: Observation, **features: float) -> Observation:
    """Returns the observation with these features of the network."""
    changed = observation.network
    for name, value in features.items():
        changed = changed.at[PLACE[name]].set(value)
    return Observation(observation.nodes, changed)


def stocked(observation: Observation, params: Any, shots: Any, tags: Any = 1.0) -> Observation:
    """Returns the observation of nodes with fresh pairs for so many shots, and a share of key."""
    network = params.network
    pairs = jnp.broadcast_to(jnp.asarray(shots) * network.qubits, network.nodes)
    ready = (pairs > 0) & (jnp.asarray(tags) >= 1)
    contraction = observation.nodes[:, COLUMN["new_contraction"]]
    share = pairs / network.memories.per_link
    return nodes(
        observation,
        stored=share,
        stored_contraction=jnp.where(pairs > 0, contraction, 0),
        information=share * 0.9,
        information_later=share * 0.8,
        tags=tags,
        ready=ready,
    )
