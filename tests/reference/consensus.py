"""The consensus of the reference: missing tags, weights, attacks and rules, by their definitions.

Updates have shape (nodes, parameters), weights have shape (nodes,) and are in [0, 1].
"""

from typing import Any, NamedTuple

import numpy as np

from ceas_gym.scenario import Scenario
from ceas_gym.types import Cache, Params, State, Workers
from reference.attacks import View, attack
from reference.luck import Luck
from reference.network import Node
from reference.pairs import Array

ROUNDING = 1e-9


class Held(NamedTuple):
    """An update that the hub counts, with its information in shots of perfect signal."""

    update: Array
    information: float
    forged: bool


class Outcome(NamedTuple):
    """The result of the consensus."""

    workers: Workers
    cache: Cache
    weights: Array
    update: Array
    committed: bool
    share: float
    certificate: float
    worked: int
    """Pairs spent on an update that was counted unaltered in a committed round."""
    forged: list[int]
    """Nodes in whose name the coalition sends an update."""


def consensus(
    scenario: Scenario,
    params: Params,
    state: State,
    nodes: list[Node],
    momentum: Array,
    acting: Array,
    luck: Luck,
) -> Outcome:
    """Returns the result of a round: missing tags, weights in [0, 1], attack, rule, quorum."""
    hub, f, rule = params.consensus, int(params.consensus.tolerated), scenario.consensus.rule
    held = hold(
        scenario.consensus.unauthenticated_updates, hub.cache_age, state.cache, nodes, momentum
    )
    held = intercept(scenario, params, held, nodes, acting, state.byzantine, luck.guesses)
    bad = [k for k in held if (state.byzantine[k] and nodes[k].shots) or held[k].forged]
    weights = weigh(scenario, params, held, len(nodes))
    sent: Array = np.zeros(momentum.shape)
    for k, item in held.items():
        sent[k] = item.update
    sends = scenario.attack.name.split("+")[0]
    if sends not in ("none", "label_flip"):
        honest = [k for k in held if k not in bad and not state.byzantine[k]]
        view = View(sent, weights, honest, bad, lambda all_: aggregate(rule, all_, weights, f))
        calm = "ipm", np.array(-1.0)  # The honest mean.
        sent[bad] = attack(*((sends, params.adversary.strength) if acting.any() else calm), view)

    held = {k: item for k, item in held.items() if np.isfinite(sent[k]).all()}
    weights = np.array([weights[k] if k in held else 0.0 for k in range(len(nodes))])
    sent = np.array([sent[k] if k in held else 0 * momentum[k] for k in range(len(nodes))])
    weights /= max(weights.sum(), 1e-30)
    share, fresh = top(weights, f), [k for k in held if nodes[k].shots]
    committed = bool(hub.votes_needed * f < len(held) and share <= hub.largest_share)
    worked = [k for k in fresh if committed and not held[k].forged]
    return Outcome(
        workers=Workers(momentum),
        cache=remember(state.cache, sent, [k for k in fresh if not held[k].forged], nodes),
        weights=weights,
        update=aggregate(rule, sent, weights, f),
        committed=committed,
        share=share,
        certificate=certificate(params, held, weights, share),
        worked=sum(len(nodes[k].spent) for k in worked),
        forged=[k for k in held if held[k].forged],
    )


def hold(
    handling: str, cache_age: Array, old: Cache, nodes: list[Node], momentum: Array
) -> dict[int, Held]:
    """Returns the updates that the hub counts by node, each of shape (parameters,)."""
    held = {}
    for k, node in enumerate(nodes):
        if node.authenticated or (handling == "accept" and node.shots):
            held[k] = Held(momentum[k], node.information, forged=not node.authenticated)
        elif handling == "cache" and old.age[k] < cache_age:
            held[k] = Held(old.updates[k], old.information[k], forged=False)  # pyright: ignore[reportArgumentType]
    return held


def intercept(
    scenario: Scenario,
    params: Params,
    held: dict[int, Held],
    nodes: list[Node],
    acting: Array,
    byzantine: Array,
    guesses: Array,
) -> dict[int, Held]:
    """Returns the counted updates with false claims of information, in shots, and forged tags."""
    name, chance = scenario.attack.name, params.consensus.forgery_probability
    replaces = acting.any() and name.split("+")[0] not in ("none", "label_flip")
    held = {k: item._replace(forged=item.forged and bool(replaces)) for k, item in held.items()}
    if "over_claiming" in name and scenario.consensus.weights == "claimed":
        for k in (k for k in held if acting[k]):
            claimed = held[k].information * params.adversary.claim_factor
            held[k] = held[k]._replace(information=float(claimed))
    if "forgery" in name and replaces:
        for k in (k for k in held if nodes[k].authenticated and not byzantine[k]):
            held[k] = held[k]._replace(
                forged=held[k].forged or bool(max(guesses[:, k]) ** 2 < chance)
            )
    return held


def remember(old: Cache, sent: Array, fresh: list[int], nodes: list[Node]) -> Cache:
    """Returns the hub's cache with the new updates; its ages are in rounds."""
    updates, information, ages = old.updates.copy(), old.information.copy(), old.age + 1
    for k in fresh:
        updates[k], information[k], ages[k] = sent[k], nodes[k].information, 0
    return Cache(updates=updates, information=information, age=ages)


def top(weights: Array, f: int) -> float:
    """Returns the sum of the f largest weights, in [0, 1] if they sum to one."""
    return float(sum(sorted(weights, reverse=True)[:f]))


def weigh(scenario: Scenario, params: Params, held: dict[int, Held], nodes: int) -> Array:
    """Returns the weights, shape (nodes,), cut at the level that the cap asks for."""
    weights: Array = np.zeros(nodes)
    for k, (_, information, _) in held.items():
        precise = 1 / (1 / information + 1 / params.learning.batch_floor)
        choice = {"fisher": information, "claimed": information, "uniform": 1.0}
        weights[k] = (choice | {"inverse_variance": precise})[scenario.consensus.weights]
    if not held:
        return weights
    if scenario.consensus.cap == "certificate":
        level = certified_level(scenario, params, held, weights)
    else:
        level = budgeted_level(params, held, weights)
    return np.minimum(weights, level) / np.minimum(weights, level).sum()


def certified_level(
    scenario: Scenario, params: Params, held: dict[int, Held], weights: Array
) -> float:
    """Returns the level with the least certificate, by a grid search; weights of shape (nodes,)."""
    scatter = variances(params, held)
    if scenario.consensus.rule.startswith("clip+"):
        middle = np.median(list(scatter.values()))
        scatter = {k: min(variance, middle) for k, variance in scatter.items()}

    def bound(level: float) -> float:
        cut = np.minimum(weights, level) / np.minimum(weights, level).sum()
        share = top(cut, int(params.consensus.tolerated))
        return error(share / (1 - 2 * share), scatter, cut) if share < 0.45 else np.inf

    lowest = min(weights[k] for k in held)
    return min(np.linspace(lowest, max(weights), 1000), key=bound)


def budgeted_level(params: Params, held: dict[int, Held], weights: Array) -> float:
    """Returns the greatest level at which the f heaviest are within their budget in [0, 1]."""
    hub, f = params.consensus, int(params.consensus.tolerated)
    equal = f / len(held)
    generous = equal * (1.0 if equal > 0.2 else hub.share_budget)
    budget = max(min(generous, hub.largest_share), equal)
    low, high = min(weights[k] for k in held), 2 * max(weights)
    for _ in range(100):
        middle = (low + high) / 2
        cut = np.minimum(weights, middle)
        # Equal weights are within the budget, but may exceed it by rounding.
        fits = top(cut, f) <= (budget + 1e-14) * cut.sum()
        low, high = (middle, high) if fits else (low, middle)
    return low


def certificate(params: Params, held: dict[int, Held], weights: Array, share: float) -> float:
    """Returns `error` with kappa = 2 share / (1 - 2 share), for a share in [0, 1]; may be inf."""
    kappa = 2 * share / (1 - 2 * share) if share < 0.5 else np.inf
    return error(kappa, variances(params, held), weights) if held else np.inf


def variances(params: Params, held: dict[int, Held]) -> dict[int, float]:
    """Returns the expected squared norm of each update's noise, at least 0, by node."""
    floor, scale = params.learning.batch_floor, params.learning.noise_scale
    return {k: float(scale * (1 / item.information + 1 / floor)) for k, item in held.items()}


def error(kappa: float, scatter: dict[int, float], weights: Array) -> float:
    """Returns sqrt(kappa sum w s^2) + sqrt(sum w^2 s^2), our own bound, for weights in [0, 1]."""
    spread = sum(weights[k] * variance for k, variance in scatter.items())
    mean = sum(weights[k] ** 2 * variance for k, variance in scatter.items())
    return np.sqrt(kappa * spread) + np.sqrt(mean)


def aggregate(name: str, updates: Array, weights: Array, f: int) -> Array:
    """Returns the aggregate of the updates, shape (parameters,); zero if nobody is counted."""
    *before, last = name.split("+")
    if not weights.any():
        return 0 * updates[0]
    for part in before:
        updates = {"clip": clip, "nnm": mix}[part](updates, weights, f)
    if last == "mean":
        return sum(weight * update for weight, update in zip(weights, updates, strict=True))
    if last == "geometric_median":
        return geometric_median(updates, weights)
    rule = {"median": median, "trimmed_mean": trimmed_mean}[last]
    return np.array([rule(column, weights, f) for column in updates.T])


def median(values: Array, weights: Array, f: int) -> float:
    """Returns the weighted median of values of shape (nodes,), or the midpoint if two are."""
    atoms = sorted((v, w) for v, w in zip(values, weights, strict=True) if w > 0)
    for i, (value, _) in enumerate(atoms):
        mass = sum(weight for _, weight in atoms[: i + 1])
        if abs(mass - 0.5) < ROUNDING:
            return (value + atoms[i + 1][0]) / 2
        if mass > 0.5:
            return value
    raise ValueError(f"the weights {weights} do not sum to one")


def trimmed_mean(values: Array, weights: Array, f: int) -> float:
    """Returns the mean of values of shape (nodes,) without the f heaviest's share at each end.

    Source: Yin et al., ICML 2018, arXiv:1803.01498, for equal weights.
    """
    atoms, beta = list(zip(values, weights, strict=True)), top(weights, f)
    for descending in (False, True):
        _, atoms = divide(sorted(atoms, reverse=descending), beta)
    left = sum(weight for _, weight in atoms)
    return sum(value * weight for value, weight in atoms) / left if left > ROUNDING else 0.0


def divide(atoms: list[Any], mass: float) -> tuple[list[Any], list[Any]]:
    """Returns the first atoms up to a mass in [0, 1], and the others; one atom may be split."""
    first, others = [], []
    for value, weight in atoms:
        taken = min(weight, mass)
        mass -= taken
        first.append((value, taken))
        others.append((value, weight - taken))
    return first, others


def geometric_median(updates: Array, weights: Array) -> Array:
    """Returns the geometric median, shape (parameters,), by 64 smoothed Weiszfeld steps.

    They start at the mean of the updates around the one of least weighted distance from all;
    offsets longer than their median are shortened to it. See arXiv:1912.13445.
    """
    apart = np.array([[np.linalg.norm(a - b) for b in updates] for a in updates])
    voters = np.flatnonzero(weights > 0)
    first = voters[np.argmin((apart @ weights)[voters])]
    radius = median(apart[first], weights, 0)
    point = np.array(updates[first])
    for weight, update, far in zip(weights, updates, apart[first], strict=True):
        point += weight * min(1.0, radius / max(far, 1e-30)) * (update - updates[first])
    for _ in range(64):
        distances = [max(np.linalg.norm(update - point), 1e-8) for update in updates]
        pulls = weights / np.array(distances)
        point = pulls @ updates / pulls.sum()
    return point


def clip(updates: Array, weights: Array, f: int) -> Array:
    """Returns updates of shape (nodes, parameters), each at most as long as the median norm."""
    lengths = [np.linalg.norm(update) for update in updates]
    most = median(lengths, weights, f)
    return np.array([u * most / max(n, most, 1e-30) for u, n in zip(updates, lengths, strict=True)])


def mix(updates: Array, weights: Array, f: int) -> Array:
    """Returns updates of shape (nodes, parameters), each the mean of those nearest to it.

    The mean leaves out the farthest ones, up to the share of the f heaviest.
    Source: Nearest-neighbour mixing, Allouah et al., AISTATS 2023, arXiv:2302.01772.
    """
    kept, mixed = 1 - top(weights, f), np.zeros_like(updates)
    for k, update in enumerate(updates if kept > ROUNDING else ()):
        distances = [np.linalg.norm(other - update) for other in updates]
        order = sorted(range(len(updates)), key=lambda i: distances[i])
        near, _ = divide([(i, weights[i]) for i in order], kept)
        mixed[k] = sum(mass * updates[i] for i, mass in near) / kept
    return mixed
