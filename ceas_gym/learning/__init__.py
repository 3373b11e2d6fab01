"""The learning half: a distributed quantum neural network. Knows nothing of links and memories."""
