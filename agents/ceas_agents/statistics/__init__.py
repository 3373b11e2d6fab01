"""Statistics over seeds and layouts: intervals, resampling and comparisons."""
