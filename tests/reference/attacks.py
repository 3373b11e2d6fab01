"""The attacks of the reference, computed from their definitions."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from reference.pairs import Array


class View(NamedTuple):
    """What the coalition knows: updates of shape (nodes, parameters), weights of shape (nodes,)."""

    updates: Array
    weights: Array
    honest: list[int]
    bad: list[int]
    rule: Callable[[Array], Array]


def attack(name: str, strength: Array, view: View) -> Array:
    """Returns the vector that all Byzantine nodes send, shape (parameters,).

    Args:
        name: One of the attacks below.
        strength: Factor of the attack; its own default if NaN.
        view: What the coalition knows.

    Source:
        Xie, Koyejo and Gupta, UAI 2019, arXiv:1903.03936 (IPM); Baruch, Baruch and Goldberg,
        NeurIPS 2019, arXiv:1902.06156 (ALIE); sign flips are elementary.
    """
    nothing = 0 * view.updates[0]
    models = view.honest if view.weights[view.honest].any() else view.bad
    total = max(sum(view.weights[models]), 1e-30)
    mean = sum((view.weights[k] / total * view.updates[k] for k in models), start=nothing)
    squares = sum(((view.updates[k] - mean) ** 2 for k in models), start=nothing)
    deviation = np.sqrt(squares / max(len(models) - 1, 1))
    if name == "white_box":
        return worst(mean, deviation, view)
    support = majority(len(view.honest), len(view.bad))
    own = {"sign_flip": 1.0, "scaled_sign_flip": 10.0, "ipm": 0.5, "alie": support}[name]
    times = own if np.isnan(strength) or name == "sign_flip" else strength
    with np.errstate(invalid="ignore"):  # Infinity times zero: such an update is rejected.
        return mean - times * deviation if name == "alie" else -times * mean


def majority(honest: int, bad: int) -> float:
    """Returns the shift of ALIE in standard deviations, Phi^-1((n-f-s) / (n-f)), at least 0.

    With s honest nodes beyond that shift, the Byzantine nodes are in the majority.

    Args:
        honest: Number n - f of honest nodes that are counted, at least 0.
        bad: Number f of Byzantine nodes, at least 0.

    Source:
        Baruch, Baruch and Goldberg, NeurIPS 2019, arXiv:1902.06156.
    """
    supporters = (honest + bad) // 2 + 1 - bad
    share = (honest - supporters) / max(honest, 1)
    return float(norm.ppf(min(max(share, 0.5), 0.999)))


def worst(mean: Array, deviation: Array, view: View) -> Array:
    """Returns the candidate whose aggregate has the least inner product with the honest mean.

    Args:
        mean: Weighted mean of the honest updates, shape (parameters,).
        deviation: Their standard deviation, shape (parameters,), at least 0.
        view: What the coalition knows.

    Source:
        After the optimised attacks of Shejwalkar and Houmansadr, NDSS 2021, who maximise the
        distance to the honest mean; here the inner product with it is minimised.
    """
    candidates = [-length * mean for length in (0.1, 0.5, 1.0, 3.0, 10.0)]
    back = mean * np.linalg.norm(deviation) / max(np.linalg.norm(mean), 1e-30)
    for shift in (np.sign(mean) * deviation, back):
        candidates += [mean - times * shift for times in (0.25, 0.5, 1.0, 1.5, 2.5)]
    harm = []
    for vector in candidates:
        sent = view.updates.copy()
        sent[view.bad] = vector
        harm.append(view.rule(sent) @ mean)
    return candidates[int(np.argmin(harm))]
