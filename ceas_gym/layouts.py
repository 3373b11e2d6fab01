"""Layouts: networks and splits of the data, of which each episode plays one.

All of them are drawn when the parameters are built, and held in one set of parameters, so that one
compiled program plays them all. What is measured over many seeds then speaks of such networks, not
of one network.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key

from ceas_gym.jax_utils.fast_compile import array
from ceas_gym.scenario import Scenario
from ceas_gym.types import Layouts, Learning, Network, Params, State

SEEDS = 2**31
"""After the last of them comes seed 0."""


def scenarios(scenario: Scenario) -> list[Scenario]:
    """Returns the scenario with the seeds of each of its layouts, the first its own.

    Example:
        >>> drawn = scenarios(Scenario.model_validate({"episode": {"layouts": 3}}))
        >>> [each.network.layout_seed for each in drawn]
        [0, 1, 2]
    """
    return [_moved(scenario, number) for number in range(scenario.episode.layouts)]


def stacked(networks: Sequence[Network], learners: Sequence[Learning]) -> Layouts:
    """Returns what differs between layouts that share all functions and, but for shards, all sizes.

    Args:
        networks: Of each layout.
        learners: The same.
    """
    return Layouts(_differing(networks), _differing(learners), len(networks))


def number(params: Params, key: Key[Array, ""]) -> Int[Array, ""]:
    """Returns which layout the episode of this key plays.

    The last word of a seed's key is the seed, below 2^32, so consecutive seeds take turns. Where an
    episode follows another without a seed, its key is random, and so is its layout.
    """
    if params.layouts is None:
        return jnp.int32(0)
    last = jax.random.key_data(key)[-1]
    return (last % jnp.uint32(params.layouts.count)).astype(jnp.int32)


def chosen(params: Params, layout: Int[Array, ""] | int) -> Params:
    """Returns the parameters of one layout, in which there is no other."""
    if params.layouts is None:
        return params
    network, learning = jax.tree.map(
        lambda stack: stack[layout], (params.layouts.network, params.layouts.learning)
    )
    return replace(
        params,
        network=replace(params.network, **network),
        learning=replace(params.learning, **learning),
        layouts=None,
    )


def every(params: Params) -> list[Params]:
    """Returns the parameters of each layout, in order."""
    if params.layouts is None:
        return [params]
    # On the host, where nothing is compiled.
    held = replace(params, layouts=jax.device_get(params.layouts))
    drawn = [chosen(held, layout) for layout in range(params.layouts.count)]
    return [jax.tree.map(lambda leaf: array(leaf, leaf.dtype), each) for each in drawn]


def of(params: Params, state: State) -> Params:
    """Returns the parameters of an episode: what a policy is called with."""
    return chosen(params, state.layout)


def _moved(scenario: Scenario, number: int) -> Scenario:
    network, learning = scenario.network, scenario.learning
    layout_seed = (network.layout_seed + number) % SEEDS
    data_seed = (learning.data_seed + number) % SEEDS
    moved = {
        "network": network.model_copy(update={"layout_seed": layout_seed}),
        "learning": learning.model_copy(update={"data_seed": data_seed}),
    }
    return scenario.model_copy(update=moved)


def _differing(parts: Sequence[Any]) -> dict[str, Any]:
    # Of the fields that hold arrays, those in which any layout differs from the first.
    found: dict[str, Any] = {}
    for field in fields(parts[0]):
        values = [getattr(part, field.name) for part in parts]
        if not field.metadata.get("static") and not _same(values):
            found[field.name] = jax.tree.map(lambda *leaves: _padded(leaves), *values)
    return found


def _same(values: Sequence[Any]) -> bool:
    leaves = [jax.tree.leaves(value) for value in values]
    return all(
        np.array_equal(one, other)
        for others in leaves[1:]
        for one, other in zip(leaves[0], others, strict=True)
    )


def _padded(leaves: Sequence[Array]) -> Array:
    # With zeros at the end of each axis: shards have as many samples as the largest of any layout.
    shape = np.max([leaf.shape for leaf in leaves], axis=0, initial=0)
    stack = np.zeros((len(leaves), *shape.astype(int)), leaves[0].dtype)
    for place, leaf in enumerate(leaves):
        stack[(place, *map(slice, leaf.shape))] = leaf
    return array(stack, stack.dtype)
