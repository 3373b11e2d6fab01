"""Coordinated attacks: functions (View) -> the one update all bad nodes send, by name.

The coalition knows everything: all honest updates of the round, the weights, the rule.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_gym.names import resolve
from ceas_gym.types import Adversary, Consensus, Received


@dataclass(frozen=True)
class View:
    """What the coalition sees before it sends."""

    updates: Float[Array, "nodes parameters"]
    """What every node would send honestly."""
    weights: Float[Array, " nodes"]
    honest: Bool[Array, " nodes"]
    """Counted, not Byzantine, and not open to replacement."""
    bad: Bool[Array, " nodes"]
    """Counted, and sent by the coalition."""
    strength: Float[Array, ""]
    """The attack's parameter; NaN asks for its own default."""
    aggregate: Callable[[Array], Array]
    """The hub's rule at this round's weights, from all updates to one."""

    @property
    def mean(self) -> Float[Array, " parameters"]:
        """Returns the weighted mean of the honest updates."""
        share = jnp.where(self.honest, self.weights, 0)
        return share @ self.updates / jnp.maximum(share.sum(), 1e-30)

    @property
    def deviation(self) -> Float[Array, " parameters"]:
        """Returns the standard deviation of the honest updates per coordinate."""
        count = jnp.maximum(self.honest.sum() - 1, 1)
        square = jnp.where(self.honest[:, None], (self.updates - self.mean) ** 2, 0)
        return jnp.sqrt(square.sum(axis=0) / count)

    def strength_or(self, default: Array | float) -> Array:
        """Returns the scenario's strength, or the attack's own where none is set."""
        return jnp.where(jnp.isnan(self.strength), default, self.strength)

    def send(self, vector: Float[Array, " parameters"]) -> Float[Array, "nodes parameters"]:
        """Returns all updates, those of the bad nodes replaced by the vector."""
        return jnp.where(self.bad[:, None], vector, self.updates)


Attack = Callable[[View], Array]


def none(view: View) -> Array:
    """Sends what an honest node would."""
    return view.mean


def label_flip(view: View) -> Array:
    """Sends honest work on shifted labels: the gradients are poisoned, not the update."""
    return view.mean


def sign_flip(view: View) -> Array:
    """Sends the negated honest mean."""
    return -view.mean


def scaled_sign_flip(view: View) -> Array:
    """Sends the negated honest mean, 10 times as long (`strength`)."""
    return -view.strength_or(10.0) * view.mean


def inner_product(view: View) -> Array:
    """Sends the honest mean, negated and shortened to half (`strength`).

    Source:
        Xie, Koyejo and Gupta, UAI 2019, arXiv:1903.03936 (IPM).
    """
    return -view.strength_or(0.5) * view.mean


def a_little_is_enough(view: View) -> Array:
    """Sends the honest mean shifted by a few honest standard deviations (`strength`).

    The default is the largest shift that still leaves the bad nodes with a majority's support:
    the normal quantile of (n - f - s) / (n - f), s = floor(n / 2) + 1 - f, but not below zero:
    a few bad nodes among many send about the honest mean.

    Source:
        Baruch, Baruch and Goldberg, NeurIPS 2019, arXiv:1902.06156 (ALIE).
    """
    return view.mean - view.strength_or(_alie_quantile(view)) * view.deviation


def white_box(view: View) -> Array:
    """Sends the worst of a set of vectors, by trying the hub's own rule on each.

    Worst is the aggregate with the least inner product with the honest mean. The set holds the
    negated mean at several lengths, and shifts by several standard deviations, plain and against
    the mean's sign.

    Source:
        After the optimised attacks of Shejwalkar and Houmansadr, NDSS 2021; distance to the honest
        mean is replaced by harm done to the descent.
    """
    mean, deviation = view.mean, view.deviation
    lengths = jnp.array([0.1, 0.5, 1.0, 3.0, 10.0])
    shifts = jnp.array([0.25, 0.5, 1.0, 1.5, 2.5])
    against = jnp.sign(mean) * deviation
    candidates = jnp.concatenate(
        [
            -lengths[:, None] * mean,
            mean - shifts[:, None] * deviation,
            mean - shifts[:, None] * against,
        ]
    )
    harm = jax.vmap(lambda vector: view.aggregate(view.send(vector)) @ mean)(candidates)
    return candidates[jnp.argmin(harm)]


ATTACKS: dict[str, Attack] = {
    "none": none,
    "label_flip": label_flip,
    "sign_flip": sign_flip,
    "scaled_sign_flip": scaled_sign_flip,
    "ipm": inner_product,
    "alie": a_little_is_enough,
    "white_box": white_box,
}
SENDS_AS_IS = (none, label_flip)


def get(name: str) -> Attack:
    """Returns the attack of that name, or the user's own `module:function`.

    Raises:
        ValueError: If the name is unknown.
    """
    return resolve("attack", name, ATTACKS)


def corrupt(
    adversary: Adversary,
    consensus: Consensus,
    received: Received,
    weights: Float[Array, " nodes"],
    byzantine: Bool[Array, " nodes"],
    bad: Bool[Array, " nodes"],
) -> Float[Array, "nodes parameters"]:
    """Returns the updates that reach the rule.

    Args:
        adversary: Its attack.
        consensus: The rule, which the coalition knows.
        received: What the nodes sent honestly.
        weights: This round's weights.
        byzantine: Nodes of the coalition, among them those whose cached update is used.
        bad: Nodes whose update of this round the coalition decides.
    """
    if adversary.attack in SENDS_AS_IS:
        return received.updates
    view = View(
        updates=received.updates,
        weights=weights,
        honest=received.counted & ~bad & ~byzantine,
        bad=received.counted & bad,
        strength=adversary.strength,
        aggregate=lambda updates: consensus.rule(updates, weights, consensus.tolerated),
    )
    return view.send(adversary.attack(view))


def _alie_quantile(view: View) -> Array:
    voters = view.honest.sum() + view.bad.sum()
    bad = view.bad.sum()
    supporters = voters // 2 + 1 - bad
    share = (voters - bad - supporters) / jnp.maximum(voters - bad, 1)
    return jax.scipy.stats.norm.ppf(jnp.clip(share, 0.5, 0.999))
