"""The paper's claims, measured: experiments, figures, and a report that opens in a browser."""
