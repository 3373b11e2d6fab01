"""Draws the picture of a round in `replay.md`: `python docs/picture.py`."""

import functools
from pathlib import Path
from typing import Any

import gymnasium as gym
import jax
import numpy as np
from matplotlib import image

import ceas_agents
import ceas_gym
from ceas_gym.types import Observation

FIGURE = Path(__file__).parent / "figures" / "picture.png"
SCENARIO, POLICY, SEED, ROUNDS = "paper", "ceas", 3, 10


def main() -> None:
    """Plays the rounds, and writes the picture of the last one."""
    env: Any = gym.make("ceas_gym/CEAS-v1", scenario=SCENARIO, render_mode="rgb_array")
    observation, _ = env.reset(seed=SEED)
    policy = jax.jit(functools.partial(ceas_agents.load(POLICY), ceas_gym.make_params(SCENARIO)))
    for key in jax.random.split(jax.random.key(SEED), ROUNDS):
        seen = Observation(observation["nodes"], observation["network"])
        observation, *_ = env.step(np.asarray(policy(seen, key)))
    image.imsave(FIGURE, env.render())
    print(f"Written: {FIGURE}")


if __name__ == "__main__":
    main()
