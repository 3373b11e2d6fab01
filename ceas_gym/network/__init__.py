"""The network half of a round: from channel-time to shots and tags. It imports no learning."""
