"""Draws the picture of a round in `replay.md`: `python docs/picture.py`."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from PIL import Image

import ceas_gym  # noqa: F401 - registers the environments
from ceas_gym.task.observations import COLUMN

FIGURE = Path(__file__).parent / "figures" / "picture.png"
SCENARIO, SEED, ROUNDS, SERVED = "paper", 3, 3, 33


def main() -> None:
    """Plays rounds in which the best links share the channels, and draws the last one."""
    env: Any = gym.make("ceas_gym/CEAS-v1", scenario=SCENARIO, render_mode="rgb_array")
    observation, _ = env.reset(seed=SEED)
    for _ in range(ROUNDS):
        best = np.argsort(-observation["nodes"][:, COLUMN["rate"]])[:SERVED]
        action = np.full(env.action_space.shape, -1, np.float32)
        action[:, best] = 0
        observation, *_ = env.step(action)
    # With few colours, the file is a third as large.
    Image.fromarray(env.render()).quantize(128).save(FIGURE, optimize=True)
    print(f"Written: {FIGURE}")


if __name__ == "__main__":
    main()
