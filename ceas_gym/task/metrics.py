"""The figures of a round that `info` carries: the simulator's view, for people, not for agents."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ceas_gym.jax_utils import tally
from ceas_gym.types import Metrics, Round, State


def useful_pairs(happened: Round) -> Int[Array, ""]:
    """Returns the round's pairs that did useful work.

    Those measured into key, and those spent on shots of an update that was accepted, as its node
    made it, into a committed round.
    """
    received, ledger = happened.received, happened.ledger
    worked = received.counted & ~received.forged & (happened.delivery.shots > 0)
    spent = jnp.where(worked & happened.verdict.committed, ledger.spent, 0)
    return (spent + ledger.keyed).sum()


def before_any_round(state: State) -> Metrics:
    """Returns the metrics that `reset` reports: those of a round in which nothing happened."""
    zero = jnp.float32(0)
    return {name: zero for name in NAMES} | _scores(state)


def of_round(
    after: State,
    happened: Round,
    useful: Int[Array, ""],
    exact: Float[Array, " parameters"],
) -> Metrics:
    """Returns the metrics of one round.

    Pairs are those of hub and node, not of the links to relays on the way. They are counts of this
    round, but for those stored at its end. Generated ones and those stored before are spent,
    keyed, expired, blocked, sacrificed to purification, tested or still stored; the wasted ones
    are those of the spent that did no useful work. A test is neither useful nor wasted.

    Args:
        after: State after the round.
        happened: In it.
        useful: Pairs that did useful work.
        exact: Noiseless gradient at the parameters before the round.
    """
    ledger, delivery = happened.ledger, happened.delivery
    received, verdict = happened.received, happened.verdict
    values = {
        "pairs_generated": ledger.generated.sum(),
        "pairs_spent": ledger.spent.sum(),
        "pairs_wasted": ledger.spent.sum() + ledger.keyed.sum() - useful,
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
        "byzantine_weight": jnp.where(after.byzantine | received.forged, verdict.weights, 0).sum(),
        "certificate": verdict.certificate,
        "gradient_error": jnp.linalg.norm(verdict.update - exact),
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
    *("gradient_error", "layout"),
)
"""Every metric, in the order of `info`."""
