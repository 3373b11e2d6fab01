"""Statistics over seeds and layouts: intervals, resampling, comparisons."""
