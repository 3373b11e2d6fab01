"""Plays an episode with a random policy in Gymnasium."""

import gymnasium as gym

import ceas_gym

env = gym.make(
    "ceas_gym/CEAS-v1",
    scenario="tiny",  # four nodes, of which one is Byzantine
    overrides={"attack.name": "sign_flip", "episode.rounds": 10},
)
env.action_space.seed(0)
observation, info = env.reset(seed=0)
print(f"ceas_gym {ceas_gym.__version__}; an action has the shape {env.action_space.shape}")

terminated, total = False, 0.0
while not terminated:
    action = env.action_space.sample()
    observation, reward, terminated, truncated, info = env.step(action)
    total += float(reward)
    print(f"{info['pairs_generated']:.0f} pairs generated, {info['accepted_nodes']:.0f} accepted")

print(f"return {total:.3f} nats, accuracy {info['accuracy']:.2f}")
