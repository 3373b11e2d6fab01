"""`ceas-gym tune`: equal effort for every contestant."""
