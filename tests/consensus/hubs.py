"""What the tests of the hub's round share: protocols, deliveries and workers."""

import dataclasses
from typing import Any, NamedTuple

import jax.numpy as jnp
from helpers import adversaries
from jaxtyping import Array

from ceas_gym import dynamics
from ceas_gym.consensus import protocol, setup
from ceas_gym.scenario import AttackSettings, ConsensusSettings
from ceas_gym.types import Cache, Coalition, Delivery, Params, Received, Verdict, Workers


def hub(params: Params, tolerated: int = 1, attack: Any = "none", **settings: Any) -> Params:
    """Returns the scenario with another protocol and coalition."""
    settings = {"weights": "uniform", "rule": "mean", "momentum": 0.9} | settings
    asked = {"name": attack} if isinstance(attack, str) else attack
    return dataclasses.replace(
        params,
        consensus=setup.build(ConsensusSettings.model_validate(settings), tolerated),
        adversary=adversaries.build_adversary(AttackSettings.model_validate(asked), rounds=9),
    )


def delivered(shots: Any, authenticated: Any) -> Delivery:
    """Returns what the network delivers: shots and tags, all with the same signal."""
    shots = jnp.asarray(shots, jnp.int32)
    return Delivery(
        shots=shots,
        contraction=jnp.full((shots.size, 10), jnp.nan),  # The learners' concern, not the hub's.
        signal=jnp.full(shots.size, 0.85),
        authenticated=jnp.asarray(authenticated, bool),
    )


class Remembered(NamedTuple):
    """What the nodes remember, and what the hub does."""

    workers: Workers
    cache: Cache


def at_work(updates: Array) -> Remembered:
    """Returns workers that have something to send, and have never been accepted."""
    return Remembered(Workers(updates), protocol.empty(len(updates), jnp.zeros(updates.shape[1])))


def decide(
    params: Params, before: Remembered, delivery: Delivery, coalition: Coalition
) -> tuple[Remembered, Received, Verdict]:
    """Returns what is remembered after a round, what the hub received, and its verdict."""
    cache, received, verdict = dynamics.agree(
        params, before.workers, before.cache, delivery, coalition
    )
    return before._replace(cache=cache), received, verdict
