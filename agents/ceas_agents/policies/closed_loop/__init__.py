"""Policies for the decision `window`: shares of one window, and whether the barrier fires."""
