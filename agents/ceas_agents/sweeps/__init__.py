"""`ceas-gym sweep`: episodes of every combination of what a file varies."""
