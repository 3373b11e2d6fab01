"""Training of schedulers with Stable-Baselines3."""
