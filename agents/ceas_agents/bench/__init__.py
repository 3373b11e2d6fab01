"""`ceas-gym bench`: how fast a round is, beside what a user would write, and where its time goes.

All figures are ratios of calls that take turns in one process, since a machine's speed is not
constant. What is counted as a round of an alternative is its gradients alone.
"""
