"""Sabotage by Byzantine members of the committee: it costs time and pairs, never safety.

Byzantine members begin in the round of `onset`, like Byzantine nodes. What each of these does
message by message is in `consensus.committee.behaviours`, under the same name.
"""

from dataclasses import replace

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_gym.types import Coalition, Delivery, Params, Sabotage

ROUNDING = 1e-3
"""Part of a shot by which a share of the shots may be rounded up."""


def stall(params: Params, coalition: Coalition, time: Float[Array, " windows"]) -> Array:
    """Returns the share of each window that is left when leaders stalled in the last agreement.

    The agreement then took longer, and so the first windows of this round.

    Args:
        params: Windows by which a stalled agreement is late.
        coalition: Its round decides who led the last agreement.
        time: Share of each window in which pairs are generated, in [0, 1].

    Example:
        A delay of a window and a half leaves half of the second window:

        >>> from types import SimpleNamespace
        >>> delays = SimpleNamespace(delay=jnp.array([0.0, 1.5]))
        >>> hubs = SimpleNamespace(members=delays)
        >>> params = SimpleNamespace(consensus=hubs, adversary=SimpleNamespace(onset=0))
        >>> stall(params, SimpleNamespace(round=jnp.int32(2)), jnp.ones(3)).tolist()
        [0.0, 0.5, 1.0]
    """
    delays = params.consensus.members.delay
    late = delays[(coalition.round - 1) % delays.size]
    # A round that ended before the onset was not late.
    late = jnp.where(coalition.round > params.adversary.onset, late, 0)
    return jnp.minimum(time, jnp.clip(1 + jnp.arange(time.size) - late, 0, 1))


def equivocate(params: Params, coalition: Coalition, pairs: Float[Array, ""]) -> Array:
    """Returns the pairs that members' links use up when Byzantine members tell different stories.

    Honest members agree all the same. They send updates again to members that claim to lack them.
    """
    more = params.consensus.members.fetch_pairs
    return pairs + jnp.where(_act(params, coalition), more, 0)


def withhold(params: Params, coalition: Coalition, delivery: Delivery) -> Delivery:
    """Returns the delivery without the shots for which Byzantine members send no corrections.

    All nodes still accept the model, because honest members confirm it. The pairs are spent.
    """
    lost = jnp.where(_act(params, coalition), coalition.served, 0)
    gone = jnp.ceil(lost * delivery.shots - ROUNDING)
    kept = delivery.shots - gone.astype(delivery.shots.dtype)
    return replace(delivery, shots=kept, authenticated=delivery.authenticated & (kept > 0))


def _act(params: Params, coalition: Coalition) -> Bool[Array, ""]:
    return coalition.round >= params.adversary.onset


SABOTAGE: dict[str, Sabotage] = {
    "leader_stall": Sabotage(
        about="Byzantine members of the committee are silent when they lead the agreement.",
        time=stall,
    ),
    "equivocation": Sabotage(
        about="Byzantine members of the committee tell different members different things.",
        member_pairs=equivocate,
    ),
    "withheld_confirmation": Sabotage(
        about="Byzantine members of the committee send nodes neither model nor corrections.",
        delivery=withhold,
    ),
}
