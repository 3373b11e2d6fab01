"""From settings to `Consensus` and `Adversary`: names become functions, numbers arrays."""

from collections.abc import Mapping

import numpy as np

from ceas_gym.consensus import attacks, hubs, placement, protocol, rules, weights
from ceas_gym.consensus.committee.settings import Committee
from ceas_gym.jax_utils.fast_compile import array
from ceas_gym.registry import asked_by, resolve
from ceas_gym.scenario import AttackSettings, ConsensusSettings
from ceas_gym.types import Adversary, Consensus, MemberLink, Sabotage

ALONE = Committee(members=1)
"""A single hub, which needs no agreement."""


def build(
    settings: ConsensusSettings,
    tolerated_nodes: int,
    committee: Committee = ALONE,
    link: MemberLink | None = None,
) -> Consensus:
    """Returns the protocol by which the hub or the committee decides.

    Args:
        settings: Section `consensus` of the scenario.
        tolerated_nodes: Number of Byzantine nodes that the rule is set for; at least 0.
        committee: The committee (`hubs.committee`); by default a single hub.
        link: The link of two of its members, if there are several.

    Raises:
        ValueError: If the rule or the weights are unknown.
    """
    with asked_by("consensus.rule"):
        rule, votes_needed = rules.get(settings.rule), rules.votes_needed(settings.rule)
    with asked_by("consensus.weights"):
        weighting = resolve("weights", settings.weights, weights.WEIGHTINGS)
    return Consensus(
        tolerated=array(tolerated_nodes, np.int32),
        votes_needed=array(votes_needed, np.int32),
        momentum=array(settings.momentum, np.float32),
        share_budget=array(settings.share_budget, np.float32),
        largest_share=array(settings.largest_share, np.float32),
        cache_age=array(settings.cache_age_rounds, np.int32),
        forgery_probability=array(_forgery_probability(settings, committee), np.float32),
        members=hubs.members(committee, link, settings.committee.trap_share),
        rule=rule,
        weighting=weighting,
        cap=weights.CAPS[settings.cap],
        unauthenticated_updates=protocol.UNAUTHENTICATED[settings.unauthenticated_updates],
        trusts_claims=settings.weights == "claimed",
        clips=rules.clips(settings.rule),
    )


def _forgery_probability(settings: ConsensusSettings, committee: Committee) -> float:
    # An update counts if c - b members name it, of whom b may be Byzantine. With signatures it
    # counts if one honest member holds it.
    fooled = 1 if committee.signatures != "none" else committee.support - committee.byzantine
    return 2.0 ** -(settings.key.security_bits * fooled)


def build_adversary(
    settings: AttackSettings, rounds: int, sabotage: Mapping[str, Sabotage]
) -> Adversary:
    """Returns the adversary: attack, sabotage and placement of the coalition.

    Args:
        settings: Section `attack` of the scenario.
        rounds: Length of an episode, in rounds; at least 1.
        sabotage: The known sabotage records by name.

    Raises:
        ValueError: If the attack is unknown.
    """
    strength = float("nan") if settings.strength is None else settings.strength
    with asked_by("attack.name"):
        plan = attacks.plan(settings.name, sabotage)
    onset = int(plan.onset * rounds) if settings.onset_round is None else settings.onset_round
    return Adversary(
        byzantine_nodes=array(settings.byzantine_nodes, np.int32),
        strength=array(strength, np.float32),
        onset=array(onset, np.int32),
        request_factor=array(settings.request_factor, np.float32),
        claim_factor=array(settings.claim_factor, np.float32),
        jammed_rate=array(settings.jammed_rate, np.float32),
        attack=plan.send,
        sabotage=plan.sabotage,
        placement=placement.PLACEMENTS[settings.placement or plan.placement],
        poisons_labels=plan.send is attacks.label_flip,
    )
