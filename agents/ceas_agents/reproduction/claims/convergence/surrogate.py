"""Theorem 1 on a convex surrogate with the noise of real deliveries.

The surrogate is a quadratic function with curvatures from mu = 1 to L = 4 in ten dimensions. Its
noise is that of the scenario: pairs are scheduled, delivered and spent round by round, and an
update has the variance of its shots and its minibatch. All variances are scaled by the same factor.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Key

from ceas_agents.policies import base, registry
from ceas_agents.policies.rollout import rollout
from ceas_agents.reproduction.claims.convergence import theorem
from ceas_agents.statistics import intervals
from ceas_gym.consensus import rules, weights
from ceas_gym.consensus.attacks import View
from ceas_gym.consensus.rules.weighted import summable
from ceas_gym.jax_utils.fast_compile import once
from ceas_gym.network import forecast
from ceas_gym.physics import information
from ceas_gym.types import Params, State, TimeStep

MU, L = 1.0, 4.0
STEP, CURVATURES, START = 1 / L, np.linspace(MU, L, 10, dtype=np.float32), 3.0
"""Every coordinate starts at `START`, where the loss is 112.5."""
VARIANCE = 4.0
"""Median variance of counted updates, with CEAS and the scenario's number of Byzantine nodes."""
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4)
"""Shares of Byzantine nodes that are tried, besides that of the scenario."""
SCHEDULES = ("ceas", "uniform")
SCHEMES = {
    "equal votes": (weights.uniform, "none"),
    "Fisher": (weights.fisher, "none"),
    "Fisher, capped": (weights.fisher, "certificate"),
}
"""Weights and their cap."""
TAIL = 1 / 3
"""Share of the rounds, at the end, whose mean loss is the measured floor."""
ROUNDING = 1e-6
Attack = Callable[[View, Array], Array]
"""What all Byzantine nodes send, from what they see and the parameters."""


class Rounds(NamedTuple):
    """The hub's weights and the noise in each round, fixed before it sees an update."""

    weights: Float[Array, "rounds nodes"]
    """In [0, 1]; zero where a node is not counted."""
    variances: Float[Array, "rounds nodes"]
    """Expected squared length of the noise of each update."""
    acts: Bool[Array, " rounds"]
    """Whether the round is committed."""


@once
def bound(
    rounds: Rounds, byzantine: Bool[Array, " nodes"], tolerated: Array
) -> Float[Array, " more"]:
    """Returns the bound on the expected loss of the surrogate, at the start and after each round.

    Args:
        rounds: Weights and noise.
        byzantine: Members of the coalition.
        tolerated: Number of nodes, f; the weight of the f heaviest nodes is trimmed at each end.

    Returns:
        At least 0, of shape (rounds + 1,).

    Source:
        Theorem 1, stated and proved in `theorem`.
    """

    def squared(weight: Array, variances: Array) -> Array:
        weight, none = summable(weight), jnp.zeros((len(weight), 1))
        share = weights.top_share(weight, tolerated)
        return theorem.squared_error(weight, ~byzantine, share, variances, none)

    def one(loss: Array, given: tuple[Array, Array]) -> tuple[Array, Array]:
        acts, error = given
        loss = jnp.where(acts, (1 - STEP * MU) * loss + STEP / 2 * error, loss)
        return loss, loss

    first = _loss(jnp.full(CURVATURES.shape, START))
    errors = jax.vmap(squared)(rounds.weights, rounds.variances)
    return jnp.append(first, jax.lax.scan(one, first, (rounds.acts, errors))[1])


def worst(view: View, theta: Float[Array, " parameters"]) -> Float[Array, " parameters"]:
    """Returns the update that makes the surrogate's loss after this round as great as possible.

    A trimmed mean is monotone in every value. So in each coordinate the coalition can reach an
    interval of results, and it reaches the ends with values beyond all honest ones. The loss is a
    sum of convex functions of one coordinate each, so its maximum is at an end of each interval.

    Args:
        view: What the coalition knows.
        theta: The parameters before the round.
    """
    honest = view.honest[:, None]
    low = jnp.where(honest, view.updates, jnp.inf).min(axis=0) - 1
    high = jnp.where(honest, view.updates, -jnp.inf).max(axis=0) + 1
    left, right = (jnp.abs(theta - STEP * view.aggregate(view.send(end))) for end in (low, high))
    return jnp.where(left > right, low, high)


@partial(jax.jit, static_argnums=0)
def descend(
    attack: Attack,
    rounds: Rounds,
    byzantine: Bool[Array, " nodes"],
    tolerated: Array,
    keys: Key[Array, " seeds"],
) -> Float[Array, "seeds more"]:
    """Returns the surrogate's loss, at the start and after each round; the minimum is zero.

    Args:
        attack: What the Byzantine nodes send.
        rounds: Weights, and variances of the Gaussian noise.
        byzantine: Members of the coalition.
        tolerated: Number of nodes, f; the weight of the f heaviest nodes is trimmed at each end.
        keys: One random key for each seed.

    Returns:
        At least 0, of shape (seeds, rounds + 1).
    """
    rule = rules.get("trimmed_mean")

    def one(theta: Array, given: tuple[Rounds, Array]) -> tuple[Array, Array]:
        (weight, variances, acts), key = given
        noise = jnp.sqrt(variances / theta.size)[:, None] * jax.random.normal(
            key, (weight.size, theta.size)
        )
        view = View(
            updates=jnp.asarray(CURVATURES) * theta + noise,
            weights=weight,
            honest=(weight > 0) & ~byzantine,
            bad=(weight > 0) & byzantine,
            strength=jnp.float32(jnp.nan),
            key=key,
            aggregate=lambda updates: rule(updates, weight, tolerated),
        )
        update = view.aggregate(view.send(attack(view, theta)))
        moved = jnp.where(acts, theta - STEP * update, theta)
        return moved, _loss(moved)

    def run(key: Array) -> Array:
        start = jnp.full(CURVATURES.shape, START)
        keys = jax.random.split(key, len(rounds.acts))
        losses = jax.lax.scan(one, start, (rounds, keys))[1]
        return jnp.append(_loss(start), losses)

    return jax.vmap(run)(keys)


def measure(
    params: Params, rounds: int, seeds: int, tick: Callable[[float], None]
) -> list[dict[str, Any]]:
    """Returns losses and bounds, for each schedule, number of Byzantine nodes and weighting.

    The Byzantine nodes are on the best links.

    Args:
        params: The scenario with the rule `trimmed_mean` and without attack.
        rounds: Rounds of the one episode whose deliveries are used; at least 1.
        seeds: Number of seeds for the noise of the updates; at least 1.
        tick: Called with the share that is done, in [0, 1].
    """
    nodes, usual = len(params.network.routes.vertex), int(params.adversary.byzantine_nodes)
    numbers = sorted({usual, *(round(share * nodes) for share in SHARES)})
    cells = [(schedule, f) for schedule in SCHEDULES for f in numbers if 2 * f < nodes]
    floor = float(params.learning.batch_floor)
    worth = _play(params, "ceas", usual, rounds)
    scale = VARIANCE / np.median(1 / worth[worth > 0] + 1 / floor)
    found: list[dict[str, Any]] = []
    for done, (schedule, f) in enumerate(cells, start=1):
        worth = _play(params, schedule, f, rounds)
        variances = np.where(worth > 0, scale * (1 / np.maximum(worth, 1e-9) + 1 / floor), 0)
        for scheme in SCHEMES:
            hub = weigh(_tolerating(params, f), scheme, worth, variances)
            cell = {"schedule": schedule, "byzantine_nodes": f, "weights": scheme}
            found.append(cell | _compare(params, hub, f, seeds))
        tick(done / len(cells))
    return found


@partial(once, static_argnums=1)
def weigh(
    params: Params,
    scheme: str,
    worth: Float[Array, "rounds nodes"],
    variances: Float[Array, "rounds nodes"],
) -> Rounds:
    """Returns the weights that the hub computes from the information of the nodes.

    Args:
        params: The scenario, whose protocol is used.
        scheme: One of `SCHEMES`.
        worth: Information of each update, in shots of perfect signal; 0 if it is not counted.
        variances: Variances of the updates; at least 0.
    """
    consensus, (weighting, cap) = params.consensus, SCHEMES[scheme]

    def one(worth: Array, variances: Array) -> tuple[Array, Array]:
        raw = weighting(worth, worth > 0, params.learning.batch_floor)
        weight = weights.CAPS[cap](consensus, raw, worth > 0, variances)
        quorum = consensus.votes_needed * consensus.tolerated < (worth > 0).sum()
        share = weights.top_share(weight, consensus.tolerated)
        return weight, quorum & (share <= consensus.largest_share + ROUNDING)

    weight, acts = jax.vmap(one)(worth, variances)
    return Rounds(weight, variances, acts)


def _loss(theta: Array) -> Array:
    return (CURVATURES * theta**2).sum() / 2


def _compare(params: Params, hub: Rounds, f: int, seeds: int) -> dict[str, Any]:
    quality = forecast.quality(params.network)
    byzantine = jnp.argsort(jnp.argsort(-quality)) < f
    keys = jax.random.split(jax.random.key(0), seeds)
    losses = np.asarray(descend(worst, hub, byzantine, jnp.int32(f), keys), float)
    limit = np.asarray(bound(hub, byzantine, jnp.int32(f)), float)
    tail = slice(-max(1, int(TAIL * len(limit))), None)
    floors = losses[:, tail].mean(axis=1)
    mean, margin = losses.mean(axis=0), 1.96 * losses.std(axis=0) / seeds**0.5
    return {
        "acts": float(hub.acts.mean()),
        "rounds": list(range(len(mean))),
        "mean": mean.tolist(),
        "low": (mean - margin).tolist(),
        "high": (mean + margin).tolist(),
        "bound": limit.tolist(),
        "crossed": int((mean > (1 + ROUNDING) * limit).sum()),
        "by_seed": floors.tolist(),
        "measured": float(floors.mean()),
        "interval": intervals.interval(floors),
        "limit": float(limit[tail].mean()),
    }


def _tolerating(params: Params, f: int) -> Params:
    return replace(params, consensus=replace(params.consensus, tolerated=jnp.int32(f)))


def _play(params: Params, schedule: str, f: int, rounds: int) -> np.ndarray:
    policy = base.as_pytree(registry.POLICIES[schedule])
    return np.asarray(_worth(policy, rounds, _tolerating(params, f), jax.random.key(0)), float)


@partial(once, static_argnums=1)
def _worth(
    policy: Partial, rounds: int, params: Params, key: Key[Array, ""]
) -> Float[Array, "rounds nodes"]:
    def record(before: State, after: State, timestep: TimeStep) -> Array:
        # Information of each update by the hub's estimate; zero where it is not counted.
        del before, timestep
        report, dimension = after.report, 2**params.network.qubits
        factor = information.depolarized_qfi_factor(report.signal, dimension)
        return jnp.where(report.weights > 0, report.shots * factor, 0)

    return rollout(policy, rounds, params, key, record)
