"""Trains the agent of a plan whose learner is `jax.snes`, stage by stage."""

from pathlib import Path

import jax
import numpy as np

from ceas_agents.policies import steering
from ceas_agents.policies.checkpoints import Agent
from ceas_agents.policies.networks import columns
from ceas_agents.policies.rollout import most_steps
from ceas_agents.training import plan as plans
from ceas_agents.training.evolution import episodes, search, settings, weights
from ceas_agents.training.evolution.episodes import Played
from ceas_agents.training.evolution.search import Search
from ceas_agents.training.on_device import checkpoint
from ceas_agents.training.on_device.environment import WATCHED
from ceas_agents.training.plan import Plan
from ceas_agents.training.trainer import Row, Tell
from ceas_gym import parameters
from ceas_gym.jax_utils import randomness
from ceas_gym.jax_utils.fast_compile import array

SEARCH_STREAM = 0x5E5
"""Folded into a random key to make that of the search."""


class Trainer:
    """A search in progress."""

    def __init__(self, plan: Plan) -> None:
        """Begins a search around the start that the plan names.

        Args:
            plan: Names the scenarios, and all arguments.

        Raises:
            ValueError: If an argument of the search or of its network is wrong.
        """
        chosen, source = plan.settings, plan.name
        self._plan, self.steps = plan, 0
        self._evolution = settings.hyperparameters(chosen.hyperparameters, source)
        network = settings.network(chosen.network, source)
        self._features = network.features
        inputs = sum(map(len, self._features)) + 1
        self._widths = (inputs, *network.hidden, steering.OUTPUTS)
        self._params = [parameters.build(scenario) for scenario in plan.scenarios]
        size = weights.size(self._widths)
        start = weights.wary() if network.start == "wary" else np.zeros(size)
        self._search = Search(
            center=array(start),
            spread=array(np.full(size, self._evolution.spread)),
            # Not the key of the first episode.
            key=jax.random.fold_in(randomness.key(plans.seeds(plan, 0)), SEARCH_STREAM),
            generation=array(0, np.int32),
        )

    def learn(self, stage: int, tell: Tell) -> Row:
        """Returns what the candidates of one more stage earned.

        Args:
            stage: Not used, because every generation has episodes of its own.
            tell: Called after each generation with the steps so far, over all episodes.

        Returns:
            Means over all candidates and episodes of the stage: the return, which is a sum of
            rewards, and shares in [0, 1].
        """
        del stage
        end = plans.stage_end(self._plan, self.steps)
        rows: list[Row] = []
        while self.steps < end:
            rows.append(self._generation())
            tell(self.steps)
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def _generation(self) -> Row:
        # All candidates play the same episodes, on all scenarios.
        searched, number = self._search, self._evolution.episodes
        deviations = search.ask_compiled(searched, self._plan.settings.rows)
        center, spread, offsets = map(np.asarray, (searched.center, searched.spread, deviations))
        layers = weights.layers(center + spread * offsets, self._widths)
        first = plans.seeds(self._plan, 0) + int(searched.generation) * number
        keys, seen = randomness.keys(range(first, first + number)), columns(self._features)
        played = [
            episodes.on_all_cores(most_steps(params), seen, params, layers, keys)
            for params in self._params
        ]
        scores = np.mean([each.earned.mean(axis=1) for each in played], axis=0)
        self._search = search.tell_compiled(searched, deviations, array(scores))
        self.steps += int(sum(each.steps.sum() for each in played))
        return _told(played)

    def agent(self) -> Agent:
        """Returns the network at the center of the search, with its features."""
        center = np.asarray(self._search.center)
        return Agent("steered", weights.layers(center, self._widths), self._features)

    def log_to(self, folder: Path) -> None:
        """Does nothing, because all that is told is in the learning curve.

        Args:
            folder: Not used.
        """

    def log(self, values: Row) -> None:
        """Does nothing, because all that is told is in the learning curve.

        Args:
            values: By name; shares in [0, 1], and returns.
        """

    def save(self, folder: Path) -> None:
        """Writes the checkpoint in place of an older one, either completely or not at all.

        Args:
            folder: Where the file is written.

        Raises:
            OSError: If the file can't be written.
        """
        checkpoint.save(self._search, self.steps, folder)

    def resume(self, folder: Path) -> None:
        """Goes on from the checkpoint in a folder.

        Args:
            folder: Where `save` wrote its file, for the same plan.

        Raises:
            ValueError: If the file is not what `save` wrote, or holds a state of another form.
            OSError: If the file can't be read.
        """
        self._search, self.steps = checkpoint.load(self._search, folder)


def _told(played: list[Played]) -> Row:
    metrics = {
        f"train_{name}": float(np.mean([each.metrics[name] for each in played])) for name in WATCHED
    }
    return {"train_return": float(np.mean([each.earned for each in played])), **metrics}
