"""Robust rules: functions (updates, weights, byzantine) -> update, by name.

`updates` has the shape (nodes, parameters), `weights` sum to one and are zero where a node is not
counted, `byzantine` is the number f of nodes to withstand. Rules trim by weight, not by a number of
entries: the weight beta of the f heaviest nodes. A node with the weight of k equal nodes is treated
like k such nodes (except by bucketing). Nothing is sorted: ranks by comparison are faster for a few
dozen nodes, and exact where the weight of a node must be split.

The table says under which changes of all updates the result changes in the same way, and a constant
C of how far Byzantine nodes can move the result:

| rule               | translation | scale | rotation | C                                    |
|--------------------|-------------|-------|----------|--------------------------------------|
| `mean`             | yes         | yes   | yes      | infinite                             |
| `median`           | yes         | yes   | no       | sqrt(parameters)                     |
| `trimmed_mean`     | yes         | yes   | no       | sqrt(parameters)                     |
| `geometric_median` | yes         | yes   | yes      | 1 + 5 / (1 - 2 beta)^2               |
| `centred_clipping` | yes         | yes   | no       | (1 + 5 beta) sqrt(parameters)        |
| `krum`             | yes         | yes   | yes      | 1 + sqrt((1 - beta) / (1 - 2 beta))  |
| `multi_krum`       | yes         | yes   | yes      | 1 + sqrt((1 - beta) / (1 - 2 beta))  |
| `clip+`            | no          | yes   | yes      | that of what follows, plus 1         |
| `nnm+`             | yes         | yes   | yes      | 3 times that of what follows, plus 1 |
| `bucketing+`       | yes         | yes   | yes      | that of what follows, plus 1         |

Whatever f nodes send, the distance of the result from any honest update is at most C times the
honest range, which is the greatest distance between two honest updates. Honest are all other nodes
with a weight. The bound needs beta < 1/2, after bucketing for 2 f nodes. `median` and
`trimmed_mean` stay within the honest range in every coordinate. Rounding adds an error of a few
machine epsilons of the honest updates' size, times C. The docstrings derive the constants. They
also bound squared errors by the honest spread, which is the weighted mean squared distance of
honest updates from their mean.

The order of the nodes matters only in ties: between scores for Krum, between weights for
bucketing.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array

from ceas_gym.consensus.rules.location import (
    centred_clipping,
    geometric_median,
    mean,
    median,
    trimmed_mean,
)
from ceas_gym.consensus.rules.neighbours import krum, multi_krum, nnm
from ceas_gym.consensus.rules.preprocessing import BUCKET, bucketing, clip, spoiled
from ceas_gym.consensus.rules.units import Rule, finite, within_reach
from ceas_gym.registry import by_name, resolve

RULES: dict[str, Rule] = {
    "mean": mean,
    "median": median,
    "trimmed_mean": trimmed_mean,
    "geometric_median": geometric_median,
    "centred_clipping": centred_clipping,
    "krum": krum,
    "multi_krum": multi_krum,
}
PRE_STEPS: dict[str, Rule] = {"clip": clip, "nnm": nnm, "bucketing": bucketing}


@functools.cache
def get(name: str) -> Rule:
    """Returns the rule of that name, after the pre-steps that the name joins to it by `+`.

    The rule replaces NaN by zero, and limits components to a quarter of the largest finite number.
    Updates without weight have no influence, whatever they hold. If all updates are multiplied by a
    power of two, the result is multiplied by it exactly, unless numbers overflow or underflow.

    A user's own part gets the updates on their original scale. No component exceeds 2^52 times the
    largest honest one (2^410 times in 64 bits), unless all honest updates are zero.

    Args:
        name: Such as `"median"` or `"clip+nnm+trimmed_mean"`; each part may be `module:function`.

    Returns:
        A function (updates, weights, byzantine) -> aggregate of shape (parameters,).

    Raises:
        ValueError: If a part is unknown. The returned function raises the error of `check` when
            `byzantine` is a number; it can't when `byzantine` is traced.

    Example:
        >>> updates = jnp.array([[1.0], [2.0], [3.0], [100.0], [-50.0]])
        >>> get("trimmed_mean")(updates, jnp.full(5, 0.2), 1).tolist()
        [2.0]
    """
    *steps, rule = map(_guarded, _parts(name))
    return _Pipeline(name, steps, rule)


@dataclass(frozen=True, eq=False)
class _Pipeline:
    """Pre-steps and a rule; a copied or unpickled one is the same object that `get` returns."""

    name: str
    steps: list[Rule]
    rule: Rule

    def __call__(self, updates: Array, weights: Array, byzantine: Array) -> Array:
        if not isinstance(byzantine, Tracer):
            check(self.name, updates.shape[0], int(byzantine))
        updates, weights = finite(updates), jnp.asarray(weights)
        for step in self.steps:
            updates = step(updates, weights, byzantine)
            if step is bucketing:
                byzantine = spoiled(weights, byzantine)
        return self.rule(updates, weights, byzantine)

    def __reduce__(self) -> tuple[Callable[..., Rule], tuple[object, ...]]:
        same = functools.partial(_Pipeline, self.name, self.steps, self.rule)
        return by_name(functools.partial(get, self.name), same, self.name)


def votes_needed(name: str) -> int:
    """Returns the factor c of the rule's precondition c f < n: 2, doubled by each bucketing.

    Raises:
        ValueError: If a part of the name is unknown.

    Example:
        >>> votes_needed("krum"), votes_needed("bucketing+krum")
        (2, 4)
    """
    return 2 * BUCKET ** _parts(name).count(bucketing)


def clips(name: str) -> bool:
    """Returns whether clipping is the first step of the rule.

    Raises:
        ValueError: If a part of the name is unknown.

    Example:
        >>> clips("clip+nnm+median"), clips("nnm+clip+median")
        (True, False)
    """
    return _parts(name)[0] is clip


def check(name: str, nodes: int, byzantine: int) -> None:
    """Checks that the rule can withstand so many Byzantine nodes; returns nothing.

    No rule withstands half of the nodes. All rules here withstand any number below half, except the
    mean, which withstands none. With bucketing, one Byzantine node spoils two rows.

    Args:
        name: As for `get`.
        nodes: Number n of all nodes that may be counted; at least 1.
        byzantine: Number f of nodes to withstand; at least 0.

    Raises:
        ValueError: If the precondition 2 f < n (4 f < n with bucketing) fails, or a part of the
            name is unknown.

    Source:
        That no rule withstands half of the nodes: Allouah et al., AISTATS 2023, arXiv:2302.01772.

    Example:
        >>> check("bucketing+krum", nodes=12, byzantine=3)
        Traceback (most recent call last):
        ...
        ValueError: rule 'bucketing+krum' needs 4 f < n, but f = 3 and n = 12
    """
    factor = votes_needed(name)
    if not 0 <= factor * byzantine < nodes:
        raise ValueError(f"rule {name!r} needs {factor} f < n, but f = {byzantine} and n = {nodes}")


def _parts(name: str) -> list[Rule]:
    *before, last = name.split("+")
    if "" in (*before, last):
        raise ValueError(f"rule {name!r} has an empty part")
    if first := next((part for part in before if part in RULES), None):
        raise ValueError(f"rule {name!r}: {first!r} is a rule and comes last, after pre-steps")
    if last in PRE_STEPS:
        raise ValueError(f"{last!r} is a pre-step; put a rule after it: {name}+median")
    steps = [resolve("pre-step", part, PRE_STEPS) for part in before]
    return [*steps, resolve("rule", last, RULES)]


def _guarded(part: Rule) -> Rule:
    shipped = part in (*RULES.values(), *PRE_STEPS.values())
    return part if shipped else within_reach(part)
