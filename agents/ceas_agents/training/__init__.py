"""Training of schedulers, with Stable-Baselines3 or on the device."""
