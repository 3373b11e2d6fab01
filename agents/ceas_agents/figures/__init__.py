"""Figures in a common style."""
