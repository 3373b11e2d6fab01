"""Functions that build a coalition from settings, with all kinds of sabotage registered."""

from functools import partial

from ceas_gym.consensus import attacks, setup
from ceas_gym.sabotage import SABOTAGE

plan = partial(attacks.plan, sabotage=SABOTAGE)
build_adversary = partial(setup.build_adversary, sabotage=SABOTAGE)
