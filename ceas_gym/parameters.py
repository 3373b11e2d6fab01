"""Makes the parameters of the simulation, arrays and functions, from a scenario's settings."""

from dataclasses import replace
from functools import lru_cache

import jax
import numpy as np

from ceas_gym import layouts, pacing, sabotage, trials
from ceas_gym.consensus import committee_sabotage, hubs, rules
from ceas_gym.consensus import setup as consensus
from ceas_gym.consensus.committee.settings import Committee
from ceas_gym.jax_utils.fast_compile import array, setting_up
from ceas_gym.learning import setup as learning
from ceas_gym.network import ages, durations, member_links
from ceas_gym.network import sabotage as of_the_network
from ceas_gym.network import setup as network
from ceas_gym.registry import asked_by
from ceas_gym.scenario import Scenario
from ceas_gym.task import rewards
from ceas_gym.types import Adversary, Learning, MemberLink, Network, Pace, Params


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
    consensus.build(scenario.consensus, scenario.tolerated_nodes)
    _check_rule(scenario)
    names = consensus.build_adversary(scenario.attack, scenario.episode.rounds, sabotage.SABOTAGE)
    _check_committee(scenario, names)
    with asked_by("episode.reward"):
        reward = rewards.get(scenario.episode.reward)
    drawn = layouts.scenarios(scenario)
    words = learning.words_of([each.learning for each in drawn], scenario.network.team_size)
    learners = [_learning(each, words) for each in drawn]
    committee = _committee(scenario, learners[0])
    pace = pacing.pace(drawn, learners[0], committee)
    adversary = consensus.build_adversary(
        scenario.attack, pacing.rounds(scenario, pace), sabotage.SABOTAGE
    )
    link = _member_link(scenario, committee, pace)
    hubs.check(committee, link, scenario.network.windows)
    networks = [_network(each, learners[0], committee, pace) for each in drawn]
    if _keeps_decay(adversary):
        networks = ages.fitted(networks)
    params = Params(
        network=networks[0],
        learning=learners[0],
        consensus=consensus.build(scenario.consensus, scenario.tolerated_nodes, committee, link),
        adversary=adversary,
        budget=array(pacing.budget(scenario, pace), np.int32),
        rounds=array(pacing.rounds(scenario, pace), np.int32),
        reward=reward,
        by_window=pace.by_window,
    )
    trials.check(scenario, params)
    if len(drawn) == 1:
        return params
    return replace(params, layouts=layouts.stacked(networks, learners))


def networks(scenario: Scenario) -> list[Params]:
    """Returns the parameters of each layout, all of them with the data of the first one.

    This is quicker than `build`, for what depends on the network alone.

    Args:
        scenario: Checked settings.

    Raises:
        ValueError: As `build`.
    """
    drawn = layouts.scenarios(scenario)
    alone = scenario.episode.model_copy(update={"layouts": 1})
    first = build(scenario.model_copy(update={"episode": alone}))
    committee = _committee(scenario, first.learning)
    pace = pacing.pace(drawn, first.learning, committee)
    built = [_network(each, first.learning, committee, pace) for each in drawn]
    if _keeps_decay(first.adversary):
        built = ages.fitted(built)
    return [replace(first, network=one) for one in built]


def _check_rule(scenario: Scenario) -> None:
    is_set = scenario.consensus.tolerated_nodes is not None
    source = "consensus.tolerated_nodes" if is_set else "attack.byzantine_nodes"
    with asked_by("consensus.rule"):
        try:
            rules.check(scenario.consensus.rule, scenario.teams, scenario.tolerated_nodes)
        except ValueError as error:
            n = "network.nodes" if scenario.network.team_size == 1 else "the number of teams"
            raise ValueError(f"{error} (f is {source}, n is {n})") from error


def _check_committee(scenario: Scenario, adversary: Adversary) -> None:
    needing = set(committee_sabotage.SABOTAGE.values()) & set(adversary.sabotage)
    committee, name = scenario.consensus.committee, scenario.attack.name
    if needing and not committee.byzantine:
        raise ValueError(
            f"attack.name = {name} needs Byzantine members, but consensus.committee.byzantine = 0; "
            "set it to 1, and members to 4 or more (3 with signatures)"
        )
    false_data = committee_sabotage.SABOTAGE["false_data"]
    if false_data in needing and scenario.network.team_size > 1:
        raise ValueError(
            f"attack.name = {name} with learning.scheme = {scenario.learning.scheme}: members can "
            "serve false data only where they teleport whole samples; take another attack, or the "
            "scheme data"
        )
    if committee_sabotage.SABOTAGE["leader_stall"] in needing and committee.signatures != "none":
        raise ValueError(
            f"attack.name = {name} with consensus.committee.signatures = {committee.signatures}: "
            "that agreement has no leaders who could stall"
        )


def _keeps_decay(adversary: Adversary) -> bool:
    # A user's own sabotage may let pairs live longer than the scenario says.
    return all(act.links in (None, of_the_network.jam) for act in adversary.sabotage)


def _committee(scenario: Scenario, learner: Learning) -> Committee:
    return hubs.committee(
        scenario.consensus,
        scenario.teams,
        parameters=learner.program.parameters,
        pairs_of_node=scenario.network.memories_per_link,
    )


def _member_link(scenario: Scenario, committee: Committee, pace: Pace) -> MemberLink | None:
    if committee.members == 1:
        return None
    tags = hubs.tags(scenario.consensus, committee)
    steps = durations.of_pace(scenario.network, pace)
    budget = network.key_budget(scenario.consensus.key, tags, scenario.hardware, steps)
    return member_links.build(
        scenario.consensus.committee, scenario.hardware, budget, scenario.network.window_s
    )


def _learning(scenario: Scenario, words: tuple[int, ...]) -> Learning:
    traps = scenario.consensus.committee.trap_share > 0
    return learning.build(
        scenario.learning,
        scenario.teams,
        words,
        qpus=scenario.network.team_size,
        gate_contraction=scenario.hardware.gate_contraction,
        traps=traps,
    )


def _network(scenario: Scenario, learner: Learning, committee: Committee, pace: Pace) -> Network:
    return network.build(
        scenario.network,
        scenario.hardware,
        scenario.consensus.key,
        tags=hubs.tags(scenario.consensus, committee),
        shot=learner.shot,
        accepts_unauthenticated=scenario.consensus.unauthenticated_updates == "accept",
        verification=scenario.consensus.verification,
        pace=pace,
    )
