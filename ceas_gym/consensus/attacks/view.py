"""What the coalition sees when it decides what its nodes send."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key


@dataclass(frozen=True)
class View:
    """What the coalition sees before it sends.

    An attack of a user's own is a function of it, named `module:function` in the scenario:

        def half_back(view):
            return -view.strength_or(0.5) * view.mean
    """

    updates: Float[Array, "nodes parameters"]
    """What every node would send honestly."""
    weights: Float[Array, " nodes"]
    """Of this round; zero where a node is not counted."""
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
    def models(self) -> Bool[Array, " nodes"]:
        """Returns whose updates the attacks are made of: the honest nodes'.

        Where no honest node has weight, the bad nodes go by what they would have sent honestly.
        """
        any_honest = jnp.where(self.honest, self.weights, 0).sum() > 0
        return jnp.where(any_honest, self.honest, self.bad)

    @property
    def mean(self) -> Float[Array, " parameters"]:
        """Returns the weighted mean of the honest updates; zero where nobody has weight."""
        share = jnp.where(self.models, self.weights, 0)
        # What is not counted may be anything, and nothing times infinity is not a number.
        updates = jnp.where(self.models[:, None], self.updates, 0)
        return share @ updates / jnp.maximum(share.sum(), 1e-30)

    @property
    def deviation(self) -> Float[Array, " parameters"]:
        """Returns the standard deviation of the honest updates per coordinate.

        Around the weighted mean, every node counting alike, with one degree of freedom less than
        nodes; zero where there is but one.
        """
        count = jnp.maximum(self.models.sum() - 1, 1)
        square = jnp.where(self.models[:, None], (self.updates - self.mean) ** 2, 0)
        return jnp.sqrt(square.sum(axis=0) / count)

    def strength_or(self, default: Array | float) -> Array:
        """Returns the scenario's strength, or the attack's own where none is set."""
        return jnp.where(jnp.isnan(self.strength), default, self.strength)

    def send(
        self, vector: Float[Array, " parameters"] | Float[Array, "nodes parameters"]
    ) -> Float[Array, "nodes parameters"]:
        """Returns all updates, those of the bad nodes replaced.

        Args:
            vector: What all bad nodes send; or a row for every node, of which those of the bad
                nodes are sent, so that they may differ.
        """
        return jnp.where(self.bad[:, None], vector, self.updates)
