"""Contestants play episodes, and what comes of it is written down."""
