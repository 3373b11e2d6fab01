"""Learners in JAX: play and update in one compiled program, without torch.

Each module is a few pure functions, in the style of PureJaxRL (github.com/luchris429/purejaxrl) and
Rejax (github.com/keraJLi/rejax). `environment` and `scheduling` say what is learned on, `rollout`
plays it, and `loop` repeats play and update. What is trained, and how, is in `ppo` and in `dqn`.
"""
