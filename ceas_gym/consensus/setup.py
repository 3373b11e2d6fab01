"""Settings to `Consensus` and `Adversary`: names become functions, numbers become arrays."""

import jax.numpy as jnp

from ceas_gym.consensus import attacks, placement, protocol, rules, weights
from ceas_gym.names import asked_by, resolve
from ceas_gym.scenario import AttackSettings, ConsensusSettings
from ceas_gym.types import Adversary, Consensus


def build(settings: ConsensusSettings, tolerated_nodes: int) -> Consensus:
    """Returns the hub's protocol.

    Raises:
        ValueError: If a rule or weighting is unknown.
    """
    with asked_by("consensus.rule"):
        rule, votes_needed = rules.get(settings.rule), rules.votes_needed(settings.rule)
    with asked_by("consensus.weights"):
        weighting = resolve("weights", settings.weights, weights.WEIGHTINGS)
    return Consensus(
        tolerated=jnp.int32(tolerated_nodes),
        votes_needed=jnp.int32(votes_needed),
        momentum=jnp.float32(settings.momentum),
        share_budget=jnp.float32(settings.share_budget),
        largest_share=jnp.float32(settings.largest_share),
        cache_age=jnp.int32(settings.cache_age_rounds),
        forgery_probability=jnp.float32(2.0**-settings.key.security_bits),
        rule=rule,
        weighting=weighting,
        cap=weights.CAPS[settings.cap],
        lapse=protocol.LAPSES[settings.lapse],
        trusts_claims=settings.weights == "claimed",
        clips=rules.clips(settings.rule),
    )


def build_adversary(settings: AttackSettings, rounds: int) -> Adversary:
    """Returns the coalition.

    Args:
        settings: What the coalition does.
        rounds: Of an episode.

    Raises:
        ValueError: If the attack is unknown.
    """
    strength = float("nan") if settings.strength is None else settings.strength
    with asked_by("attack.name"):
        plan = attacks.plan(settings.name)
    onset = int(plan.onset * rounds) if settings.onset_round is None else settings.onset_round
    return Adversary(
        byzantine_nodes=jnp.int32(settings.byzantine_nodes),
        strength=jnp.float32(strength),
        onset=jnp.int32(onset),
        request_factor=jnp.float32(settings.request_factor),
        claim_factor=jnp.float32(settings.claim_factor),
        jammed_rate=jnp.float32(settings.jammed_rate),
        attack=plan.send,
        sabotage=plan.sabotage,
        placement=placement.PLACEMENTS[settings.placement or plan.placement],
        poisons_labels=plan.send is attacks.label_flip,
    )
