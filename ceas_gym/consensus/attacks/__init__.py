"""Coordinated attacks by name: what the Byzantine nodes send, and what else they do.

The coalition knows all honest updates of the round, the weights and the rule. An attack is a
function from a `View` to the update that all Byzantine nodes send, or to one update for each node.
What else they do is sabotage: a record of hooks that change the network or the messages to the hub.
A name joins at most one attack and any number of sabotages by `+`, as in `white_box+exhaustion`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_gym.consensus.attacks.adaptive import opportunistic, white_box
from ceas_gym.consensus.attacks.spread import (
    a_little_is_enough,
    mimic,
    min_max,
    min_sum,
    signed_a_little_is_enough,
)
from ceas_gym.consensus.attacks.vectors import (
    gaussian,
    huge,
    inner_product,
    label_flip,
    non_finite,
    none,
    scaled_sign_flip,
    sign_flip,
)
from ceas_gym.consensus.attacks.view import View
from ceas_gym.registry import resolve
from ceas_gym.types import Adversary, Coalition, Consensus, Received, Sabotage

Attack = Callable[[View], Array]

ATTACKS: dict[str, Attack] = {
    "none": none,
    "label_flip": label_flip,
    "sign_flip": sign_flip,
    "scaled_sign_flip": scaled_sign_flip,
    "gaussian": gaussian,
    "non_finite": non_finite,
    "huge": huge,
    "ipm": inner_product,
    "alie": a_little_is_enough,
    "signed_alie": signed_a_little_is_enough,
    "min_max": min_max,
    "min_sum": min_sum,
    "mimic": mimic,
    "white_box": white_box,
    "opportunistic": opportunistic,
}
SENDS_AS_IS = (none, label_flip)
"""Attacks that replace no update: they need no `View`, and do not use unauthenticated messages."""


class Composite(NamedTuple):
    """An attack that stands for several parts joined by `+`, with its own defaults."""

    name: str
    about: str
    placement: str = "random"
    onset: float = 0.0
    """Share of the rounds that are over when the attack begins; in [0, 1]."""


COMPOSITES = {
    "sleeper": Composite(
        "white_box",
        "Behaves well for a third of the rounds, then as white_box.",
        onset=1 / 3,
    ),
    "ceas_adversary": Composite(
        "white_box+exhaustion+forgery",
        "The attack white_box with exhaustion and forgery, from the best links.",
        "best_links",
    ),
}


class Plan(NamedTuple):
    """What the name of an attack stands for."""

    send: Attack
    sabotage: tuple[Sabotage, ...]
    placement: str
    onset: float


def plan(name: str, sabotage: Mapping[str, Sabotage]) -> Plan:
    """Returns what a coalition does under a name.

    Args:
        name: One of `ATTACKS` or a user's own `module:function`, a sabotage or a user's own
            `module:RECORD`, one of `COMPOSITES`, or several of these joined by `+`.
        sabotage: The known sabotage records by name.

    Returns:
        The attack, the sabotage, the placement, and the onset as a share of the rounds in [0, 1].

    Raises:
        ValueError: If a part is unknown or empty, or more than one part is an attack.

    Example:
        >>> plan("sleeper", {}).onset
        0.3333333333333333
    """
    named = name.split("+")
    if "" in named:
        raise ValueError(f"attack {name!r} has an empty part")
    # The hint for a mistyped name should search all of them.
    known: dict[str, Any] = {**ATTACKS, **sabotage, **dict.fromkeys(COMPOSITES, none)}
    found = {part: resolve("attack", part, known, Sabotage) for part in named}
    senders = [part for part in named if not isinstance(found[part], Sabotage)]
    if len(senders) > 1:
        raise ValueError(f"attack {name!r} sends both {senders[0]!r} and {senders[1]!r}; name one")
    wholes = [COMPOSITES.get(part, Composite(part, "")) for part in named]
    parts = [part for whole in wholes for part in whole.name.split("+")]
    acts = [(known | found)[part] for part in parts]
    return Plan(
        send=next((act for act in acts if not isinstance(act, Sabotage)), none),
        sabotage=tuple(dict.fromkeys(act for act in acts if isinstance(act, Sabotage))),
        placement=next((w.placement for w in wholes if w.placement != "random"), "random"),
        onset=max(whole.onset for whole in wholes),
    )


def replaces(adversary: Adversary, coalition: Coalition) -> Bool[Array, ""]:
    """Returns whether the coalition replaces updates by its own in this round."""
    return coalition.acting.any() & (adversary.attack not in SENDS_AS_IS)


def replaceable(adversary: Adversary, coalition: Coalition, received: Received) -> Received:
    """Returns the received updates; none counts as forged while the coalition replaces none."""
    return replace(received, forged=received.forged & replaces(adversary, coalition))


def corrupt(
    adversary: Adversary,
    consensus: Consensus,
    received: Received,
    weights: Float[Array, " nodes"],
    coalition: Coalition,
    bad: Bool[Array, " nodes"],
) -> Float[Array, "nodes parameters"]:
    """Returns the updates that the rule aggregates, with those of the coalition replaced.

    Args:
        adversary: The attack and its strength.
        consensus: The rule, which the coalition knows.
        received: What the nodes would send honestly.
        weights: Weights of this round; sum 1, zero where not counted.
        coalition: The Byzantine nodes. Cached updates of members are not used as honest ones.
            Before the onset, members send the honest mean.
        bad: Nodes whose update of this round the coalition chooses.
    """
    if adversary.attack in SENDS_AS_IS:
        return received.updates
    view = View(
        updates=received.updates,
        weights=weights,
        honest=received.counted & ~bad & ~coalition.teams,
        bad=received.counted & bad,
        strength=adversary.strength,
        key=jax.random.fold_in(coalition.key, 1),
        aggregate=lambda updates: consensus.rule(updates, weights, consensus.tolerated),
    )
    sent = checked(adversary.attack, view)
    return view.send(jnp.where(coalition.acting.any(), sent, view.mean))


def checked(attack: Attack, view: View) -> Array:
    """Returns the result of an attack, shape (parameters,) or (nodes, parameters).

    Raises:
        ValueError: If the attack, which may be a user's own, returns another shape.
    """
    sent = attack(view)
    nodes, parameters = view.updates.shape
    shape = jnp.shape(sent)
    if shape not in ((parameters,), (nodes, parameters)):
        raise ValueError(
            f"attack {getattr(attack, '__name__', attack)} must return an array of shape "
            f"({parameters},) or ({nodes}, {parameters}), but returned {shape}"
        )
    return sent
