"""Sabotage by Byzantine members of the committee: it costs time, pairs and true data.

It never makes honest members disagree. Byzantine members begin in the round of `onset`, like
Byzantine nodes. `consensus.committee.behaviours` has what they do message by message, under the
same names, except for `false_data`, which changes no message.
"""

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_gym.types import Coalition, Delivery, Params, Sabotage

ROUNDING = 1e-3
"""Part of a shot by which rounding may make a share of the shots too large."""


def stall(params: Params, coalition: Coalition, time: Float[Array, " windows"]) -> Array:
    """Returns the share of each window that is left after Byzantine kings stalled (`leader_stall`).

    The agreement of the last round took longer, and so it takes the first windows of this round.

    Args:
        params: Windows by which a stalled agreement is late.
        coalition: Its round decides who was king in the last agreement.
        time: Share of each window in which pairs are generated, in [0, 1].

    Example:
        A delay of a window and a half leaves half of the second window:

        >>> from types import SimpleNamespace
        >>> delays = SimpleNamespace(delay=jnp.array([0.0, 1.5]))
        >>> hubs = SimpleNamespace(members=delays)
        >>> params = SimpleNamespace(consensus=hubs, adversary=SimpleNamespace(onset=0))
        >>> now = SimpleNamespace(round=jnp.int32(2), window=0)
        >>> stall(params, now, jnp.ones(3)).tolist()
        [0.0, 0.5, 1.0]
    """
    delays = params.consensus.members.delay
    late = delays[(coalition.round - 1) % delays.size]
    # A round that ended before the onset was not late.
    late = jnp.where(coalition.round > params.adversary.onset, late, 0)
    passed = 1 + coalition.window + jnp.arange(time.size)
    return jnp.minimum(time, jnp.clip(passed - late, 0, 1))


def equivocate(params: Params, coalition: Coalition, pairs: Float[Array, ""]) -> Array:
    """Returns the pairs that members' links use up when Byzantine members lie (`equivocation`).

    Honest members agree all the same. They send updates again to members that claim to lack them.
    """
    more = params.consensus.members.fetch_pairs
    return pairs + jnp.where(_act(params, coalition), more, 0)


def withhold(params: Params, coalition: Coalition, delivery: Delivery) -> Delivery:
    """Returns the delivery without the shots for which Byzantine members send no corrections.

    All nodes still accept the model, because honest members confirm it. The pairs of these shots
    are spent (`withheld_confirmation`).
    """
    lost = jnp.where(_act(params, coalition), coalition.served, 0)

    def left(shots: Array) -> Array:
        return shots - jnp.ceil(lost * shots - ROUNDING).astype(shots.dtype)

    kept, slices = left(delivery.shots), delivery.slices
    if slices is not None:
        slices = left(slices)
        # A slice of a single shot may have none left.
        kept = jnp.where((slices > 0).all(axis=1), kept, 0)
    return replace(
        delivery, shots=kept, authenticated=delivery.authenticated & (kept > 0), slices=slices
    )


def fail_traps(
    params: Params, coalition: Coalition, chance: Float[Array, " nodes"], delivery: Delivery
) -> Array:
    """Returns the chance that a trap of a Byzantine member passes if it sends no corrections: 0."""
    del delivery
    return jnp.where(_act(params, coalition), 0, chance)


def teach_falsely(
    params: Params, coalition: Coalition, learn: Callable[..., Array]
) -> Callable[..., Array]:
    """Returns how nodes measure gradients if Byzantine members teleport false data (`false_data`).

    A node asks for a sample of class y, and a Byzantine member teleports one of the class before.
    So the node takes a sample of class z for one of class z + 1. This is simulated by poisoned
    labels, which is exact for a shard with equally many samples of each class.

    Byzantine members serve a share s of the shots, which are false. Of S shots the whole part of
    s S is false, and one more shot with a probability for which s S are false on average. The true
    and the false part measure predictions of their own. Nodes that poison labels do so in the true
    part only.

    The expected gradient is (1 - s) g + s g_false, with the gradients g and g_false of the parts.
    So its error is s |g_false - g|, and s = b / c if nobody is exposed. All nodes have the same
    error. An aggregation rule returns the common update if all are equal, so no rule removes this
    error; traps do (`consensus.traps`).
    """

    def learn_both(
        delivery: Delivery, poisoned: Bool[Array, " nodes"], key: Key[Array, ""]
    ) -> Float[Array, "nodes parameters"]:
        true_key, false_key, rest_key = jax.random.split(key, 3)
        share = jnp.where(_act(params, coalition), coalition.served, 0)
        false = _rounded(share * delivery.shots, rest_key)
        true = delivery.shots - false
        right = learn(replace(delivery, shots=true), poisoned, true_key)
        wrong = learn(replace(delivery, shots=false), jnp.ones_like(poisoned), false_key)
        part = (false / jnp.maximum(delivery.shots, 1)).astype(right.dtype)[:, None]
        return (1 - part) * right + part * wrong

    return learn_both


def fail_false_traps(
    params: Params, coalition: Coalition, chance: Float[Array, " nodes"], delivery: Delivery
) -> Array:
    """Returns the chance that a trap passes if a sample of the class before was teleported."""
    assert params.learning.trap_chances is not None, "A scenario with traps has their chances."
    overlap = jnp.clip(delivery.contraction @ params.learning.trap_chances.false, 0, 1)
    return jnp.where(_act(params, coalition), jnp.minimum(chance, overlap), chance)


def _rounded(numbers: Float[Array, " nodes"], key: Key[Array, ""]) -> Int[Array, " nodes"]:
    # To a neighbouring integer at random, so that the mean is kept.
    return jnp.floor(numbers + jax.random.uniform(key, numbers.shape)).astype(jnp.int32)


def _act(params: Params, coalition: Coalition) -> Bool[Array, ""]:
    return coalition.round >= params.adversary.onset


SABOTAGE: dict[str, Sabotage] = {
    "leader_stall": Sabotage(
        about="Byzantine members of the committee keep silent when they are king.",
        time=stall,
    ),
    "equivocation": Sabotage(
        about="Byzantine members of the committee tell different members different things.",
        member_pairs=equivocate,
    ),
    "withheld_confirmation": Sabotage(
        about="Byzantine members of the committee send nodes neither model nor corrections.",
        delivery=withhold,
        trap_chance=fail_traps,
    ),
    "false_data": Sabotage(
        about="Byzantine members of the committee teleport samples of another class.",
        learn=teach_falsely,
        trap_chance=fail_false_traps,
    ),
}
