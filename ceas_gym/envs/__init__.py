"""The interfaces for users: Gymnasium environments, and the same environment as pure functions."""
