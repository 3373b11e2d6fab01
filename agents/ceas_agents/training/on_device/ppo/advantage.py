"""Generalized advantage estimation."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

Steps = Float[Array, "..."]
"""Of shape (steps, ...), such as (steps, rows)."""


def advantages(
    rewards: Steps,
    values: Steps,
    ended: Bool[Array, "..."],
    last: Float[Array, "..."],
    discount: float,
    decay: float,
) -> Steps:
    """Returns how much better each step turned out than the critic expected.

    The difference is delta_t = r_t + discount * V_(t+1) - V_t, and the advantage is the sum of
    (discount * decay)^k delta_(t+k) until the episode ends. Where it has ended, V_(t+1) is zero;
    if a time limit has ended it, the reward must already hold what would have come.

    Args:
        rewards: Of each step and row.
        values: What the critic expected before each step.
        ended: Whether the episode was over after the step.
        last: What the critic expects after the last step.
        discount: In [0, 1].
        decay: Weight of later differences, called lambda; in [0, 1].

    Source:
        Schulman et al., High-dimensional continuous control using generalized advantage
        estimation, ICLR 2016, arXiv:1506.02438.

    Example:
        >>> rewards, values = jnp.ones((2, 1)), jnp.zeros((2, 1))
        >>> ended = jnp.array([[False], [True]])
        >>> advantages(rewards, values, ended, jnp.ones(1), 0.5, 1.0)[:, 0].tolist()
        [1.5, 1.0]
    """

    def one(later: Array, step: tuple[Array, Array, Array, Array]) -> tuple[Array, Array]:
        reward, value, following, goes_on = step
        delta = reward + discount * following * goes_on - value
        advantage = delta + discount * decay * goes_on * later
        return advantage, advantage

    following = jnp.concatenate([values[1:], last[None]])
    steps = (rewards, values, following, (~ended).astype(values.dtype))
    return jax.lax.scan(one, jnp.zeros_like(last), steps, reverse=True)[1]
