"""Closed forms of entanglement physics, as pure functions of arrays."""
