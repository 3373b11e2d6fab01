"""`ceas-gym sweep`: every combination of what a file varies."""
