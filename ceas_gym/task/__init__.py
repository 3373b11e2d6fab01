"""What is asked of a scheduler: actions, observations, rewards and metrics."""
