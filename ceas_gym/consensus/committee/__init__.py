"""Consensus that trusts no single hub."""
