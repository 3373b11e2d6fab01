"""What the coalition sees when it decides what its nodes send."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key


@dataclass(frozen=True)
class View:
    """What the coalition sees before it sends."""

    updates: Float[Array, "nodes parameters"]
    """What every node would send honestly."""
    weights: Float[Array, " nodes"]
    honest: Bool[Array, " nodes"]
    """Counted, not Byzantine, and not open to replacement."""
    bad: Bool[Array, " nodes"]
    """Counted, and sent by the coalition."""
    strength: Float[Array, ""]
    """The attack's parameter; NaN asks for its own default."""
    key: Key[Array, ""]
    """For attacks that draw something."""
    aggregate: Callable[[Array], Array]
    """The hub's rule at this round's weights, from all updates to one."""

    @property
    def mean(self) -> Float[Array, " parameters"]:
        """Returns the weighted mean of the honest updates."""
        share = jnp.where(self.honest, self.weights, 0)
        return share @ self.updates / jnp.maximum(share.sum(), 1e-30)

    @property
    def deviation(self) -> Float[Array, " parameters"]:
        """Returns the standard deviation of the honest updates per coordinate."""
        count = jnp.maximum(self.honest.sum() - 1, 1)
        square = jnp.where(self.honest[:, None], (self.updates - self.mean) ** 2, 0)
        return jnp.sqrt(square.sum(axis=0) / count)

    def strength_or(self, default: Array | float) -> Array:
        """Returns the scenario's strength, or the attack's own where none is set."""
        return jnp.where(jnp.isnan(self.strength), default, self.strength)

    def send(self, vector: Float[Array, " parameters"]) -> Float[Array, "nodes parameters"]:
        """Returns all updates, those of the bad nodes replaced by the vector."""
        return jnp.where(self.bad[:, None], vector, self.updates)
