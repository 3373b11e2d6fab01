"""How the hub makes one update of the nodes': tags, weights, attacks, robust rules."""
