"""From the nodes' updates to the one that the hub applies: tags, weights, attacks, robust rules."""
