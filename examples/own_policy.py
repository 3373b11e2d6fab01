"""Your own policy, evaluated on the same seeds and at the same learning rate as CEAS.

`ceas-gym tune` finds a learning rate for it, as for the shipped policies.
"""

import jax.numpy as jnp
import numpy as np

from ceas_agents.evaluation import play
from ceas_agents.evaluation.contestants import Contestant, get
from ceas_gym import config
from ceas_gym.task import actions
from ceas_gym.task.observations import NODE_FEATURES

TAGS = [feature.name for feature in NODE_FEATURES].index("tags")


def tags_first(params, observation, key):
    """Returns an action that shares the channels in proportion to each node's lack of key."""
    del key  # only random policies need it
    lack = 1.05 - observation.nodes[:, TAGS]
    share = params.network.switch.channels[0] * lack / lack.sum()
    return actions.encode(jnp.broadcast_to(share, (params.network.windows, share.size)))


scenario = config.load("tiny", {"episode.rounds": 10})
contestants = [get("ceas"), Contestant("tags-first", tags_first, overrides={})]
params = play.prepare(scenario, contestants)

for contestant in contestants:
    played = play.episodes(contestant, params[contestant.name], steps=10, seeds=range(4))
    rows = [play.summary(steps, scenario.episode.target_accuracy) for _, steps in played]
    accuracy = np.mean([row["final_accuracy"] for row in rows])
    used = np.mean([row["utilization"] for row in rows])
    print(f"{contestant.name}: accuracy {accuracy:.2f}, {used:.0%} of the pairs useful")
