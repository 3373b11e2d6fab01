"""The network half: from channel-time to what the learners get. Knows nothing of learning."""
