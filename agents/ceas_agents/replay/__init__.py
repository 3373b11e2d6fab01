"""`ceas-gym replay`: an episode of a run as a page that opens in any browser, without a network."""
