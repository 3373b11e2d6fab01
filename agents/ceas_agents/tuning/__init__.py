"""`ceas-gym tune`: the best settings of every contestant, with equal effort."""
