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
        rule = rules.get(settings.rule)
    with asked_by("consensus.weights"):
        weighting = resolve("weights", settings.weights, weights.WEIGHTINGS)
    return Consensus(
        tolerated=jnp.int32(tolerated_nodes),
        momentum=jnp.float32(settings.momentum),
        share_budget=jnp.float32(settings.share_budget),
        largest_share=jnp.float32(settings.largest_share),
        cache_age=jnp.int32(settings.cache_age_rounds),
        rule=rule,
        weighting=weighting,
        lapse=protocol.LAPSES[settings.lapse],
    )


def build_adversary(settings: AttackSettings) -> Adversary:
    """Returns the coalition.

    Raises:
        ValueError: If the attack is unknown.
    """
    strength = float("nan") if settings.strength is None else settings.strength
    with asked_by("attack.name"):
        attack = attacks.get(settings.name)
    return Adversary(
        byzantine_nodes=jnp.int32(settings.byzantine_nodes),
        strength=jnp.float32(strength),
        attack=attack,
        placement=placement.PLACEMENTS[settings.placement],
        poisons_labels=settings.name == "label_flip",
    )
