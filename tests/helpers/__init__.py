"""Functions that several test modules share."""
