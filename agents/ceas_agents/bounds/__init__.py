"""What no scheduler can exceed: an oracle's, of pairs, and exact optima."""
