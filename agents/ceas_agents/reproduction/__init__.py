"""Measures the paper's claims: experiments, figures, and a report that opens in a browser."""
