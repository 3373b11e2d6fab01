"""Your own aggregation rule, compared with the shipped median under the same attack."""

import gymnasium as gym
import jax.numpy as jnp
import numpy as np

import ceas_gym  # registers the environments


def near_the_median(updates, weights, byzantine):
    """Returns the weighted mean of the updates, with less weight for those far from the median.

    Args:
        updates: Shape (nodes, parameters); finite.
        weights: Shape (nodes,). They sum to one, and are zero for nodes that are not counted.
        byzantine: Number of nodes to withstand.
    """
    del byzantine
    counted = jnp.where((weights > 0)[:, None], updates, jnp.nan)
    distance = jnp.linalg.norm(updates - jnp.nan_to_num(jnp.nanmedian(counted, axis=0)), axis=1)
    near = weights / (1e-6 + distance**2)
    return near @ updates / jnp.maximum(near.sum(), 1e-30)


for rule in ("median", f"{__name__}:near_the_median"):
    overrides = {"consensus.rule": rule, "attack.name": "sign_flip", "episode.rounds": 10}
    env = gym.make("ceas_gym/CEAS-v1", scenario="tiny", overrides=overrides)
    env.reset(seed=0)
    info = {}
    for _ in range(10):
        *_, info = env.step(np.zeros(env.action_space.shape, np.float32))
    print(f"{rule}: accuracy {info['accuracy']:.2f}, error {info['gradient_error']:.3f}")
