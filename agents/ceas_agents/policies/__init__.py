"""Who schedules: the reference policy, baselines, heuristics, learned ones."""
