"""Plays an episode of windows: waits until a quorum is ready, and then fires the barrier."""

import gymnasium as gym
import numpy as np

import ceas_gym
from ceas_gym.task.observations import PLACE

env = gym.make(
    "ceas_gym/CEAS-v1",
    scenario="tiny",
    overrides={
        "episode.decision": "window",
        "episode.budget_s": 8.0,
        "network.window_s": 0.1,  # too short to make key for a quorum
        "network.barrier_windows": 2,
    },
)
observation, info = env.reset(seed=0)
action = np.zeros(env.action_space.shape, np.float32)  # all nodes ask for the same share
terminated, windows = False, 0
while not terminated:
    # The feature is the number of ready nodes over twice the quorum.
    is_quorum = observation["network"][PLACE["ready"]] >= 0.5
    action[-1] = 1.0 if is_quorum else -1.0  # above zero, it fires at the end of this window
    observation, reward, terminated, truncated, info = env.step(action)
    windows += 1
    if info["fired"]:
        print(f"{info['time_s']:.1f} s: fired after {windows} windows", end=", ")
        print(f"{info['shots']:.0f} shots, {info['accepted_nodes']:.0f} nodes accepted")
        windows = 0

print(f"accuracy {info['accuracy']:.2f} after {info['time_s']:.1f} s")
