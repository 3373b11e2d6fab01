"""PPO in JAX: play, advantage and update in one compiled program, without torch.

Each module is a few pure functions, in the style of PureJaxRL (github.com/luchris429/purejaxrl) and
Rejax (github.com/keraJLi/rejax). `environment` says what is learned on, `network` what is trained,
and `loop` puts `rollout`, `advantage` and `update` together.
"""
