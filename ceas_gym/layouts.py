"""Layouts: networks and splits of the data, of which each episode plays one.

All layouts are drawn when the parameters are built, and are stored in one `Params`, so that one
compiled program can play them all. Results over many seeds then hold for networks of this type, not
for a single network.
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
"""Number of seeds. Seeds are counted modulo this, so that 0 follows the last one."""


def scenarios(scenario: Scenario) -> list[Scenario]:
    """Returns a scenario for each layout, which differ in their seeds; the first is the given one.

    Args:
        scenario: Its `network.layout_seed` and `learning.data_seed`, in [0, 2^31), are raised by
            the number of the layout.

    Example:
        >>> drawn = scenarios(Scenario.model_validate({"episode": {"layouts": 3}}))
        >>> [each.network.layout_seed for each in drawn]
        [0, 1, 2]
    """
    return [_moved(scenario, number) for number in range(scenario.episode.layouts)]


def stacked(networks: Sequence[Network], learners: Sequence[Learning]) -> Layouts:
    """Returns the arrays that differ between layouts, with the layouts as first axis.

    The layouts have the same functions, and arrays of the same shape; only shards may differ in
    size, and are padded with zeros.

    Args:
        networks: Network of each layout, shape (layouts,).
        learners: Data and circuit of each layout, shape (layouts,).
    """
    return Layouts(_differing(networks), _differing(learners), len(networks))


def number(params: Params, key: Key[Array, ""]) -> Int[Array, ""]:
    """Returns which layout the episode of this random key plays, in [0, layouts).

    The last word of a seed's key is the seed itself, if it is below 2^32. So consecutive seeds play
    the layouts in turn. An episode without a seed has a random key, and so a random layout.

    Args:
        params: The scenario with all its layouts.
        key: Random key at the start of the episode.
    """
    if params.layouts is None:
        return jnp.int32(0)
    last = jax.random.key_data(key)[-1]
    return (last % jnp.uint32(params.layouts.count)).astype(jnp.int32)


def chosen(params: Params, layout: Int[Array, ""] | int) -> Params:
    """Returns the parameters of a single layout, without the others.

    Args:
        params: The scenario with all its layouts.
        layout: Number of the layout, in [0, layouts).
    """
    if params.layouts is None:
        return params
    network = _with(params.network, params.layouts.network, layout)
    learning = _with(params.learning, params.layouts.learning, layout)
    return replace(params, network=network, learning=learning, layouts=None)


def every(params: Params) -> list[Params]:
    """Returns the parameters of each layout in a list, of shape (layouts,).

    Args:
        params: The scenario with all its layouts.
    """
    if params.layouts is None:
        return [params]
    # With arrays of NumPy, because operations on arrays of JAX would be compiled.
    held = replace(params, layouts=jax.device_get(params.layouts))
    drawn = [chosen(held, layout) for layout in range(params.layouts.count)]
    return [jax.tree.map(lambda leaf: array(leaf, leaf.dtype), each) for each in drawn]


def of(params: Params, state: State) -> Params:
    """Returns the parameters of an episode's own layout, which its policy is called with.

    Args:
        params: The scenario with all its layouts.
        state: State of the episode; its `layout`, in [0, layouts), is used.
    """
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
    # Arrays in which any layout differs from the first, by their places in the record.
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
    # Stacks arrays, with zeros at the end of axes that are shorter than in the largest layout.
    shape = np.max([leaf.shape for leaf in leaves], axis=0, initial=0)
    stack = np.zeros((len(leaves), *shape.astype(int)), leaves[0].dtype)
    for place, leaf in enumerate(leaves):
        stack[(place, *map(slice, leaf.shape))] = leaf
    return array(stack, stack.dtype)
