"""The metrics of a step in `info`. They are for people: they use all that the simulator knows."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from ceas_gym.jax_utils import tally
from ceas_gym.network import teams
from ceas_gym.types import Ledger, Metrics, Params, Round, State


def fates(before: State, happened: Round) -> Ledger:
    """Returns what became of pairs in the step alone; `happened.ledger` counts the whole round.

    Args:
        before: State before the step.
        happened: Record of the step.
    """
    return jax.tree.map(jnp.subtract, happened.ledger, before.gathered.ledger)


def useful_pairs(params: Params, before: State, happened: Round) -> Int[Array, ""]:
    """Returns the number of useful pairs of the step, at least 0.

    A pair is useful if it was keyed, or spent on an update that was counted, as its team sent it,
    in a committed round. Pairs that were spent before the barrier count at the barrier.

    Args:
        params: The scenario.
        before: State before the step.
        happened: Record of the step.
    """
    return _useful_spent(params, happened) + fates(before, happened).keyed.sum()


def _useful_spent(params: Params, happened: Round) -> Int[Array, ""]:
    received = happened.received
    worked = received.counted & ~received.forged & (happened.delivery.shots > 0)
    useful = teams.of_nodes(params.network.teams, worked & happened.verdict.committed)
    return jnp.where(useful, happened.ledger.spent, 0).sum()


def before_any_step(state: State) -> Metrics:
    """Returns the metrics that `reset` reports: those of a step in which nothing happened.

    Args:
        state: State at the start of an episode.

    Returns:
        Scalars, of shape (), by the names in `NAMES`.
    """
    zero = jnp.float32(0)
    return {name: zero for name in NAMES} | _scores(state)


def of_step(params: Params, before: State, after: State, happened: Round) -> Metrics:
    """Returns the metrics of one step: of a round, or of a window.

    Where a step is a window, shots, nodes, weights and errors are zero unless the barrier fires.
    `fired` says whether it did, and `time_s` is the part of the budget that is over, in s.

    Pairs are those of hub and node, not those of single links. `pairs_stored` counts the pairs at
    the end of the step, the others count what happened in it. Each pair that was generated, or
    stored before, is spent, keyed, expired, blocked, sacrificed, tested or still stored. Wasted
    pairs are spent pairs that are not useful. `member_pairs` counts pairs of the links among the
    members of the committee, all of which become key; the other numbers leave them out.
    `exposed_members` is the number of members that are exposed at the end of the step.

    Args:
        params: The scenario.
        before: State before the step.
        after: State after the step.
        happened: Record of the step.

    Returns:
        Scalars, of shape (), by the names in `NAMES`.
    """
    ledger, delivery = fates(before, happened), happened.delivery
    received, verdict = happened.received, happened.verdict
    results, whole = after.trap_results, happened.ledger.spent.sum()
    values = {
        "pairs_generated": ledger.generated.sum(),
        "pairs_spent": ledger.spent.sum(),
        "pairs_wasted": jnp.where(happened.fired, whole - _useful_spent(params, happened), 0),
        "pairs_keyed": ledger.keyed.sum(),
        "pairs_expired": ledger.expired.sum(),
        "pairs_blocked": ledger.blocked.sum(),
        "pairs_sacrificed": ledger.sacrificed.sum(),
        "pairs_tested": ledger.tested.sum(),
        "pairs_stored": after.memory.pairs.sum(),
        "utilization": tally.share(after.useful, after.generated),
        "shots": delivery.shots.sum(),
        "authenticated_nodes": delivery.authenticated.sum(),
        "accepted_nodes": received.counted.sum(),
        "committed": verdict.committed,
        "byzantine_weight": jnp.where(
            happened.coalition.teams | received.forged, verdict.weights, 0
        ).sum(),
        "certificate": verdict.certificate,
        "gradient_error": jnp.linalg.norm(verdict.update - happened.exact),
        "member_pairs": happened.member_pairs,
        "exposed_members": 0 if results is None else results.exposed.sum(),
        "fired": happened.fired,
        "time_s": after.clock * params.network.window_s,
    }
    return {name: jnp.asarray(value, jnp.float32) for name, value in values.items()} | _scores(
        after
    )


def _scores(state: State) -> Metrics:
    return {
        "layout": state.layout.astype(jnp.float32),
        "accuracy": state.scores.accuracy,
        "validation_accuracy": state.scores.validation_accuracy,
        "validation_loss": state.scores.validation_loss,
    }


NAMES = (
    *("accuracy", "validation_accuracy", "validation_loss"),
    *("pairs_generated", "pairs_spent", "pairs_wasted", "pairs_keyed", "pairs_expired"),
    *("pairs_blocked", "pairs_sacrificed", "pairs_tested", "pairs_stored", "utilization", "shots"),
    *("authenticated_nodes", "accepted_nodes", "committed", "byzantine_weight", "certificate"),
    *("gradient_error", "member_pairs", "exposed_members", "layout", "fired", "time_s"),
)
"""Names of all metrics, in the order of `info`."""
