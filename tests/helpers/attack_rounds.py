"""Rounds for the tests of attacks: honest updates, corrupted updates, and the coalition's view."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from ceas_gym.consensus import attacks, rules, setup
from ceas_gym.consensus.attacks import View
from ceas_gym.scenario import AttackSettings, ConsensusSettings
from ceas_gym.types import Adversary, Consensus, Received
from helpers import adversaries
from helpers.coalitions import coalition

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
NODES, SIZE, BAD = 9, 4, 3
BAD_ONES = np.arange(NODES) < BAD
UNSET = float("nan")

corrupt = jax.jit(attacks.corrupt)


class Round(NamedTuple):
    """Updates, votes (weights) of shape (nodes,), and which nodes are counted."""

    received: Received
    votes: Floats


def round_of(seed: int) -> Round:
    """Returns honest updates, shape (9, 4), unequal weights, and one node that is not counted."""
    random = np.random.default_rng(seed)
    updates = random.normal(size=SIZE) + random.normal(size=(NODES, SIZE))
    votes = random.dirichlet(np.full(NODES, 40.0))
    votes[8] = 0
    received = Received(
        updates=jnp.asarray(updates),
        information=jnp.ones(NODES),
        counted=jnp.arange(NODES) < 8,
        forged=jnp.zeros(NODES, bool),
    )
    return Round(received, votes / votes.sum())


def adversary(name: str, strength: float | None = None) -> Adversary:
    """Returns an adversary with 3 Byzantine nodes, which plays in 30 rounds."""
    settings = AttackSettings(name=name, strength=strength, byzantine_nodes=BAD)
    return adversaries.build_adversary(settings, rounds=30)


def hub(rule: str) -> Consensus:
    """Returns the hub's protocol with a rule that is set for 3 Byzantine nodes."""
    return setup.build(ConsensusSettings(rule=rule), BAD)


def corrupted(case: Round, name: str, bad: Flags = BAD_ONES, **options: Any) -> Floats:
    """Returns the updates that reach the rule, shape (nodes, parameters).

    By default, the coalition acts, and all its members send an update.

    Args:
        case: Honest updates and weights.
        name: Name of the attack.
        bad: Whether a node sends the coalition's update, shape (nodes,).
        **options: The attack's `strength`, the `rule`, the `members` of the coalition, whether they
            are `acting`, and a `seed`.
    """
    members = jnp.asarray(options.get("members", bad))
    group = coalition(members, options.get("acting", True), options.get("seed", 0))
    plan = adversary(name, options.get("strength"))
    consensus = hub(options.get("rule", "mean"))
    votes = jnp.asarray(case.votes, case.received.updates.dtype)
    return np.asarray(corrupt(plan, consensus, case.received, votes, group, jnp.asarray(bad)))


def sent(name: str, seed: int = 0, strength: float | None = None, rule: str = "mean") -> Floats:
    """Returns the updates of a drawn round that reach the rule, shape (nodes, parameters)."""
    return corrupted(round_of(seed), name, strength=strength, rule=rule)


def honest_figures(seed: int = 0) -> tuple[Floats, Floats]:
    """Returns mean and sample standard deviation of the honest updates, shape (parameters,)."""
    received, votes = round_of(seed)
    members = np.asarray(received.updates)[BAD:8]
    share = votes[BAD:8] / votes[BAD:8].sum()
    mean = share @ members
    return mean, np.sqrt(((members - mean) ** 2).sum(axis=0) / (len(members) - 1))


def view_of(updates: Floats, bad: Flags, votes: Floats | None = None, **options: Any) -> View:
    """Returns what the coalition knows of a round; by default, all nodes are counted.

    Args:
        updates: All updates, shape (nodes, parameters).
        bad: Whether a node is Byzantine, shape (nodes,).
        votes: Weights in [0, 1], shape (nodes,); equal by default.
        **options: Which nodes are `counted`, the attack's `strength`, and the `rule`.
    """
    votes = np.full(len(updates), 1 / len(updates)) if votes is None else votes
    counted = options.get("counted", np.ones(len(updates), bool))
    rule, weights = rules.get(options.get("rule", "mean")), jnp.asarray(votes)
    return View(
        updates=jnp.asarray(updates),
        weights=weights,
        honest=jnp.asarray(counted & ~bad),
        bad=jnp.asarray(counted & bad),
        strength=jnp.asarray(options.get("strength", UNSET)),
        key=jax.random.key(0),
        aggregate=lambda rows: rule(rows, weights, jnp.int32(bad.sum())),
    )
