"""Contestants play episodes, whose results are written to a folder."""
