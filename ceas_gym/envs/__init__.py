"""What users call: the environments of Gymnasium, and the same as pure functions."""
