"""Upper bounds for schedulers: an oracle's information, useful pairs, and exact optima."""
