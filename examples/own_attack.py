"""Your own attack: what the Byzantine nodes send, and what they do in the network."""

from dataclasses import replace

import gymnasium as gym
import jax.numpy as jnp
import numpy as np

import ceas_gym  # registers the environments
from ceas_gym.types import Sabotage


def backwards(view):
    """Returns the honest mean with its sign reversed; `view` holds all that the coalition knows."""
    return -view.strength_or(1.5) * view.mean


def jam_the_best(params, coalition, links):
    """Returns the links, with a tenth of the success probability on an honest node's best link."""
    del params
    rate = links.success_probability  # shape (nodes, hops)
    target = jnp.where(coalition.acting, 0, rate[:, 0]).argmax()
    is_jammed = coalition.acting.any() & (jnp.arange(len(rate)) == target)
    return replace(links, success_probability=jnp.where(is_jammed[:, None], 0.1 * rate, rate))


JAM = Sabotage(about="Jam the best link of an honest node.", links=jam_the_best)

for attack in (f"{__name__}:backwards", f"{__name__}:backwards+{__name__}:JAM"):
    overrides = {"attack.name": attack, "episode.rounds": 10}
    env = gym.make("ceas_gym/CEAS-v1", scenario="tiny", overrides=overrides)
    env.reset(seed=0)
    pairs, info = 0.0, {}
    for _ in range(10):
        *_, info = env.step(np.zeros(env.action_space.shape, np.float32))
        pairs += info["pairs_generated"]
    print(f"{attack}: {pairs:.0f} pairs generated, accuracy {info['accuracy']:.2f}")
