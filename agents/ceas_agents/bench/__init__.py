"""`ceas-gym bench`: the time of a round, compared with alternatives, and where the time goes.

All figures are ratios of calls that take turns in one process, because the speed of a computer is
not constant. For the alternatives, only the gradients of a round are timed.
"""
