"""Makes the parameters of the simulation, arrays and functions, from a scenario's settings."""

from dataclasses import replace
from functools import lru_cache

import jax
import numpy as np

from ceas_gym import layouts, sabotage, trials
from ceas_gym.consensus import rules
from ceas_gym.consensus import setup as consensus
from ceas_gym.jax_utils.fast_compile import array, setting_up
from ceas_gym.learning import setup as learning
from ceas_gym.network import setup as network
from ceas_gym.registry import asked_by
from ceas_gym.scenario import Scenario
from ceas_gym.task import rewards
from ceas_gym.types import Learning, Network, Params


def build(scenario: Scenario) -> Params:
    """Returns the parameters of a scenario: arrays for its numbers, functions for its names.

    Scenarios that differ only in numbers share one compilation; those that differ in the shape of
    an array or in the name of a function do not.

    Args:
        scenario: Checked settings. Times in s and lengths in km become probabilities and factors
            for each window.

    Raises:
        ValueError: If a name is unknown, a user's function fails, or data and circuit do not fit
            each other; it names the setting. `config.naming` adds the file.
    """
    return _build(scenario, bool(jax.config.read("jax_enable_x64")))


@lru_cache(maxsize=64)
@setting_up()
def _build(scenario: Scenario, wide: bool) -> Params:
    # `wide` is part of the cache's key, because a program may change the width of JAX's numbers.
    del wide
    # Names come first, so that a mistyped one is found before any data are encoded.
    protocol = consensus.build(scenario.consensus, scenario.tolerated_nodes)
    _check_rule(scenario)
    adversary = consensus.build_adversary(
        scenario.attack, scenario.episode.rounds, sabotage.SABOTAGE
    )
    with asked_by("episode.reward"):
        reward = rewards.get(scenario.episode.reward)
    drawn = layouts.scenarios(scenario)
    words = learning.words_of([each.learning for each in drawn])
    learners = [learning.build(each.learning, each.network.nodes, words) for each in drawn]
    params = Params(
        network=_network(scenario, learners[0]),
        learning=learners[0],
        consensus=protocol,
        adversary=adversary,
        rounds=array(scenario.episode.rounds, np.int32),
        reward=reward,
    )
    trials.check(scenario, params)
    if len(drawn) == 1:
        return params
    networks = [_network(each, learners[0]) for each in drawn]
    return replace(params, layouts=layouts.stacked(networks, learners))


def _check_rule(scenario: Scenario) -> None:
    is_set = scenario.consensus.tolerated_nodes is not None
    source = "consensus.tolerated_nodes" if is_set else "attack.byzantine_nodes"
    with asked_by("consensus.rule"):
        try:
            rules.check(scenario.consensus.rule, scenario.network.nodes, scenario.tolerated_nodes)
        except ValueError as error:
            raise ValueError(f"{error} (f is {source}, n is network.nodes)") from error


def _network(scenario: Scenario, learner: Learning) -> Network:
    return network.build(
        scenario.network,
        scenario.hardware,
        scenario.consensus.key,
        qubits=learner.scheme.pairs_per_shot(scenario.learning.qubits),
        parameters=learner.program.parameters,
        accepts_unauthenticated=scenario.consensus.unauthenticated_updates == "accept",
        verification=scenario.consensus.verification,
    )
