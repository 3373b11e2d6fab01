"""Policies: the reference policy CEAS, baselines, heuristics and learned schedulers."""
