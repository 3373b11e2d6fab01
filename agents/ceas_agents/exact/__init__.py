"""Exact optima of small problems, for comparison with what is learnt or simulated."""
