"""What the coalition knows when it chooses what its nodes send."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key


@dataclass(frozen=True)
class View:
    """What the coalition knows before it sends.

    A user's own attack is a function of a `View`, named `module:function` in the scenario:

        def half_back(view):
            return -view.strength_or(0.5) * view.mean
    """

    updates: Float[Array, "nodes parameters"]
    """What every node would send honestly."""
    weights: Float[Array, " nodes"]
    """Weights of this round; sum 1, zero where a node is not counted."""
    honest: Bool[Array, " nodes"]
    """Nodes that are counted, not Byzantine, and whose update the coalition can't replace."""
    bad: Bool[Array, " nodes"]
    """Nodes that are counted, and whose update the coalition chooses."""
    strength: Float[Array, ""]
    """The attack's parameter; NaN stands for the default of the attack."""
    key: Key[Array, ""]
    """Random key, for attacks that draw random numbers."""
    aggregate: Callable[[Array], Array]
    """The hub's rule at this round's weights: from shape (nodes, parameters) to (parameters,)."""

    @property
    def models(self) -> Bool[Array, " nodes"]:
        """Returns the nodes from whose updates attacks compute their own: the honest ones.

        Where no honest node has weight, these are the bad nodes with their honest updates.
        """
        any_honest = jnp.where(self.honest, self.weights, 0).sum() > 0
        return jnp.where(any_honest, self.honest, self.bad)

    @property
    def mean(self) -> Float[Array, " parameters"]:
        """Returns the weighted mean of the honest updates; zero where no node has weight."""
        share = jnp.where(self.models, self.weights, 0)
        # Updates that are not counted may be infinite, and zero times infinity is NaN.
        updates = jnp.where(self.models[:, None], self.updates, 0)
        return share @ updates / jnp.maximum(share.sum(), 1e-30)

    @property
    def deviation(self) -> Float[Array, " parameters"]:
        """Returns the standard deviation of the honest updates in each coordinate.

        It is taken around the weighted `mean`, with equal votes and the divisor n - 1 of n honest
        nodes; it is zero for a single node.
        """
        count = jnp.maximum(self.models.sum() - 1, 1)
        square = jnp.where(self.models[:, None], (self.updates - self.mean) ** 2, 0)
        return jnp.sqrt(square.sum(axis=0) / count)

    def strength_or(self, default: Array | float) -> Array:
        """Returns the strength that the scenario sets, or `default` where it sets none."""
        return jnp.where(jnp.isnan(self.strength), default, self.strength)

    def send(
        self, vector: Float[Array, " parameters"] | Float[Array, "nodes parameters"]
    ) -> Float[Array, "nodes parameters"]:
        """Returns all updates, with those of the bad nodes replaced.

        Args:
            vector: The update that all bad nodes send; or one row for every node, of which the bad
                nodes send theirs.
        """
        return jnp.where(self.bad[:, None], vector, self.updates)
