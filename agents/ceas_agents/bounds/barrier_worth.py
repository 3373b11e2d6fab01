"""What a barrier is worth: objectives of the bounds on closed loops, concave in information.

A bound sets prices: what a shot of information costs each node, and what a bit of key costs it. The
*surplus* of an objective at these prices is the most that a barrier is worth beyond the price of
the information and the tags of the nodes that take part, whichever these are. A linear program
looks for prices under which surplus and channels together are worth least. It needs only a model of
the objective. If a model is wrong, the prices are poor, but the bound still holds.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ceas_agents.bounds.yields import Yields
from ceas_gym.consensus import protocol
from ceas_gym.task import readiness
from ceas_gym.types import Params

HALF = readiness.HALF
LEAST_SHARE = 1e-3
"""Least information of a node in a model, as a share of the most that it brings on average."""
TANGENTS = 24
"""Lines above the root information of a node, and above the worth of all root information."""
STEEPNESS = 48
"""Values that are tried for the worth of root information at the margin, to find the surplus."""
HALVINGS = 50
"""Steps of a bisection."""
Numbers = NDArray[np.float64]


class Prices(NamedTuple):
    """Prices in the unit of the objective."""

    information: Float[np.ndarray, " nodes"]
    """Of a shot of perfect signal that a node brings to a barrier; above 0."""
    key: Float[np.ndarray, " nodes"]
    """Of a secret bit of a node; at least 0."""


class Model(NamedTuple):
    """An objective as a linear program sees it, for barriers with a given number of nodes.

    A barrier is taken to be worth at most c + s sum_k r_k for every line (c, s), where node k
    brings r_k. If this node takes part with a chance z, and with information I on average, then r_k
    is at most c z + s I for every tangent (c, s) of the node. A line may be too low where the
    objective is not concave in the sum.
    """

    served: int | None
    """Nodes that take part in a barrier; None where any number may."""
    lines: Float[np.ndarray, "lines 2"]
    tangents: Float[np.ndarray, "nodes tangents 2"]


class Objective(NamedTuple):
    """What is counted at every barrier."""

    about: str
    """One line, for tables."""
    surplus: Callable[[Yields, Prices], float]
    """The most that a barrier is worth beyond the price of information and tags; at least 0."""
    models: Callable[[Yields], Iterable[Model]]
    """Models for the linear program, the likeliest first."""


def information(params: Params) -> Objective:
    """Returns the reward `information`: the sum over nodes, relative to full memories all the time.

    It is counted whether the hub commits or not.

    Args:
        params: The scenario.
    """
    network = params.network
    full = network.nodes * int(network.memories.per_link) / network.qubits
    weight = 1 / (full * int(params.rounds))
    return Objective(
        "information, in per cent of what full memories of perfect pairs would bring",
        partial(_information_surplus, weight),
        partial(_information_models, weight),
    )


def worth(params: Params) -> Objective:
    """Returns `readiness.worth` of what was delivered: G / (G + `HALF`), or 0 below the quorum.

    G = (sum of the root information of the m nodes that take part)^2 / m. It is concave in the
    information of given nodes, because y -> (sum sqrt(y))^2 is, and increasing, and so are
    G -> G / (G + `HALF`) and the minibatch's I -> I floor / (I + floor).

    Args:
        params: The scenario.
    """
    quorum, floor = int(protocol.quorum(params.consensus)), float(params.learning.batch_floor)
    return Objective(
        "worth of barriers, G / (G + 300)",
        partial(_worth_surplus, quorum, floor),
        partial(_worth_models, quorum, floor),
    )


OBJECTIVES: dict[str, Callable[[Params], Objective]] = {"information": information, "worth": worth}


def _information_surplus(weight: float, yields: Yields, prices: Prices) -> float:
    gains = np.maximum(weight - prices.information, 0) * yields.most
    return float(np.maximum(gains - prices.key * yields.tag_bits, 0).sum())


def _information_models(weight: float, yields: Yields) -> Iterable[Model]:
    tangents = np.broadcast_to([0.0, weight], (yields.most.size, 1, 2))
    return [Model(None, np.array([[0.0, 1.0]]), tangents)]


def _worth_models(quorum: int, floor: float, yields: Yields) -> Iterable[Model]:
    reached = np.minimum(yields.most, yields.pairs * yields.whole * yields.value.sum(axis=0))
    tangents = np.stack([_tangents(floor, shots) for shots in reached])
    roots = np.sqrt(_smoothed(floor, reached)).sum()
    served, step = quorum, 1
    while served <= reached.size:
        # G / (G + HALF) is convex in the sum of roots up to a third of HALF.
        at = np.geomspace(min(3**-0.5, roots / np.sqrt(served * HALF)), 40, TANGENTS)
        share = at**2 / (at**2 + 1)
        slope = 2 * at / (at**2 + 1) ** 2
        lines = np.stack([share - slope * at, slope / np.sqrt(served * HALF)], axis=1)
        yield Model(served, lines, tangents)
        served, step = served + step, 2 * step


def _tangents(floor: float, most: float) -> Float[np.ndarray, "tangents 2"]:
    at = most * np.geomspace(LEAST_SHARE, 1, TANGENTS)
    root = np.sqrt(_smoothed(floor, at))
    slope = 0.5 / root * (floor / (at + floor)) ** 2
    return np.stack([root - slope * at, slope], axis=1)


def _smoothed(floor: float, shots: np.ndarray) -> np.ndarray:
    return shots * floor / (shots + floor)


def _worth_surplus(quorum: int, floor: float, yields: Yields, prices: Prices) -> float:
    r"""Returns the surplus of `worth`, or a little more.

    Let y_k be the information of node k with the minibatch's noise. For any b_k > 0,

        price_k I_k >= b_k y_k - w_k,    w_k = max over I of b_k y(I) - price_k I,

    and by the Cauchy-Schwarz inequality, sum b_k y_k >= G m / h with h = sum 1 / b_k. So m nodes
    have a surplus of at most max_G [G / (G + HALF) - G m / h] + sum (w_k - tag_k), of which the
    first part is A(h) = (1 - sqrt(HALF m / h))^2. For any g,

        A(h) - sum tag_k - w_k <= max_h [A(h) - g^2 h] + sum (g^2 / b_k - tag_k + w_k),

    where h is within what m nodes can have, and the last sum is at most that of the m largest
    terms. The least of these bounds over g is taken, for each m, with b_k = g / sqrt(y_k), which is
    what makes them equalities at the optimum.
    """
    numbers = np.arange(1.0, yields.most.size + 1)
    if quorum > numbers.size:
        return 0.0
    # The slope of G / (G + HALF) in sqrt(G) is greatest where G is a third of HALF.
    steep = np.geomspace(1e-4, 1, STEEPNESS)[:, None] * 3 * np.sqrt(3 / HALF) / 16
    per_shot, spared = _per_smoothed_shot(floor, yields, prices, steep)
    inverse = np.sort(1 / per_shot, axis=1)
    terms = np.sort(steep**2 / per_shot + spared - prices.key * yields.tag_bits, axis=1)
    least, most = inverse.cumsum(axis=1), inverse[:, ::-1].cumsum(axis=1)
    bounds = _above_line(HALF * numbers, steep**2, least, most) + terms[:, ::-1].cumsum(axis=1)
    return max(float(bounds.min(axis=0)[quorum - 1 :].max()), 0.0)


def _per_smoothed_shot(
    floor: float, yields: Yields, prices: Prices, steep: Numbers
) -> tuple[Numbers, Numbers]:
    # The b_k and w_k of each g.
    price, shape = prices.information, (steep.size, yields.most.size)
    low, high = np.zeros(shape), np.broadcast_to(yields.most, shape)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        gain = steep / np.sqrt(_smoothed(floor, middle)) * (floor / (middle + floor)) ** 2
        low, high = np.where(gain > price, [middle, high], [low, middle])
    per_shot = steep / np.sqrt(_smoothed(floor, high))
    bought = np.clip(floor * (np.sqrt(per_shot / price) - 1), 0, yields.most)
    return per_shot, per_shot * _smoothed(floor, bought) - price * bought


def _above_line(scale: Numbers, slope: Numbers, least: Numbers, most: Numbers) -> Numbers:
    # The maximum of A(h) - slope h for h in [least, most], with A(h) = (1 - sqrt(scale / h))^2.
    # With s = sqrt(scale / h), A has the slope (1 - s) s^3 / scale, and is concave for s <= 3/4.
    low, high = np.zeros(least.shape), np.full(least.shape, 0.75)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        flat = (1 - middle) * middle**3 < slope * scale
        low, high = np.where(flat, [middle, high], [low, middle])
    inside = np.clip(scale / high**2, least, most)
    ends = [_most_worth(scale / h) - slope * h for h in (least, inside, most)]
    return np.max(ends, axis=0)


def _most_worth(price: Numbers) -> Numbers:
    # The maximum of G / (G + HALF) - G c over G, for a price c, given HALF c.
    return np.maximum(1 - np.sqrt(price), 0) ** 2
