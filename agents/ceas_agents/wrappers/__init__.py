"""Environments of Stable-Baselines3 in other forms, to train on."""
