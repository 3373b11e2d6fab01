"""Double DQN: a network values the choices, and learns from a memory of what was played."""
