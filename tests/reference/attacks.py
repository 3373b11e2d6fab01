"""The attacks of the slow reference, by their definitions."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from reference.pairs import Array


class View(NamedTuple):
    """What the coalition knows."""

    updates: Array
    weights: Array
    honest: list[int]
    bad: list[int]
    rule: Callable[[Array], Array]


def attack(name: str, strength: Array, view: View) -> Array:
    """Returns the vector that all bad nodes send."""
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
    with np.errstate(invalid="ignore"):  # Boundless times nothing: such an update is rejected.
        return mean - times * deviation if name == "alie" else -times * mean


def majority(honest: int, bad: int) -> float:
    """Returns the shift that leaves the bad with a majority's support, Phi^-1((n-f-s) / (n-f))."""
    supporters = (honest + bad) // 2 + 1 - bad
    share = (honest - supporters) / max(honest, 1)
    return float(norm.ppf(min(max(share, 0.5), 0.999)))


def worst(mean: Array, deviation: Array, view: View) -> Array:
    """Returns the candidate whose aggregate has the least product with the honest mean."""
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
