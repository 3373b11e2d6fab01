"""PPO: an actor and a critic learn from what the actor has just played."""
