"""Layouts: networks and splits of the data, of which each episode plays one.

All of them are drawn when the parameters are built, and held in one set of parameters, so that one
compiled program plays them all. What is measured over many seeds then speaks of such networks, not
of one network.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key

from ceas_gym.jax_utils.fast_compile import array
from ceas_gym.scenario import Scenario
from ceas_gym.types import Layouts, Learning, Network, Params, State

P = TypeVar("P", Network, Learning)
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
    network = _with(params.network, params.layouts.network, layout)
    learning = _with(params.learning, params.layouts.learning, layout)
    return replace(params, network=network, learning=learning, layouts=None)


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


def _differing(parts: Sequence[Network | Learning]) -> dict[str, Array]:
    # Of the arrays, by their places, those in which any layout differs from the first.
    columns = zip(*(jax.tree_util.tree_leaves_with_path(part) for part in parts), strict=True)
    found: dict[str, Array] = {}
    for column in columns:
        leaves = [leaf for _, leaf in column]
        if not all(np.array_equal(leaves[0], other) for other in leaves[1:]):
            found[jax.tree_util.keystr(column[0][0])] = _padded(leaves)
    return found


def _with(part: P, stacks: dict[str, Array], layout: Int[Array, ""] | int) -> P:
    def chosen(path: Any, leaf: Array) -> Array:  # noqa: ANN401 - as JAX has it
        stack = stacks.get(jax.tree_util.keystr(path))
        return leaf if stack is None else stack[layout]

    return jax.tree_util.tree_map_with_path(chosen, part)


def _padded(leaves: Sequence[Array]) -> Array:
    # With zeros at the end of each axis: shards have as many samples as the largest of any layout.
    shape = np.max([leaf.shape for leaf in leaves], axis=0, initial=0)
    stack = np.zeros((len(leaves), *shape.astype(int)), leaves[0].dtype)
    for place, leaf in enumerate(leaves):
        stack[(place, *map(slice, leaf.shape))] = leaf
    return array(stack, stack.dtype)
