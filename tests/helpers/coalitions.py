"""Coalitions that tests put together."""

from typing import Any

import jax
import jax.numpy as jnp

from ceas_gym.types import Coalition


def coalition(
    members: Any,
    acting: Any = True,
    key: jax.Array | int = 0,
    number: int = 0,
    served: float = 0.0,
    window: int = 0,
) -> Coalition:
    """Returns a coalition of these nodes, each of which is a team of its own, in a round.

    Args:
        members: Whether a node is Byzantine, shape (nodes,).
        acting: Whether it has begun.
        key: Random key, or its seed.
        number: Number of the round.
        served: Share of the data that Byzantine members of the committee serve.
        window: Number of the step's first window in the round.
    """
    members = jnp.asarray(members, bool)
    return Coalition(
        members=members,
        acting=members & acting,
        teams=members,
        acting_teams=members & acting,
        key=jax.random.key(key) if isinstance(key, int) else key,
        round=jnp.int32(number),
        window=jnp.int32(window),
        served=jnp.float32(served),
    )
