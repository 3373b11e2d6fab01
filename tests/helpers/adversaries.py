"""Coalitions as a scenario builds them, with all sabotage known."""

from functools import partial

from ceas_gym.consensus import attacks, setup
from ceas_gym.sabotage import SABOTAGE

plan = partial(attacks.plan, sabotage=SABOTAGE)
build_adversary = partial(setup.build_adversary, sabotage=SABOTAGE)
