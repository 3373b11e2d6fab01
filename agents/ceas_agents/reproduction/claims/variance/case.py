"""One round in detail: variances in both settings, and errors when some nodes are Byzantine."""

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from ceas_agents.reproduction.claims.variance import draws, law
from ceas_agents.reproduction.claims.variance.draws import SCHEMES, Played
from ceas_gym.consensus import placement, protocol, rules
from ceas_gym.jax_utils import randomness
from ceas_gym.network import forecast
from ceas_gym.types import Delivery, Params

NOBODY, RANDOM, BEST = PLACEMENTS = ("nobody", "random", "best_links")
"""Where the Byzantine nodes are."""
EXPECTATION = 0.3
"""Expectation value that all nodes estimate in the textbook's setting, in [-1, 1]."""
STREAM = 0x7A61
"""Folded into an episode's random key to make the random stream of all draws of its round."""


class Size(NamedTuple):
    """Numbers of seeds and draws."""

    seeds: int
    means: int
    """Draws in the textbook's setting."""
    gradients: int
    """Draws of gradients."""
    attacked: int
    """Draws of gradients that are attacked, at most `gradients`."""


def examine(params: Params, now: Played, names: list[str], size: Size, seed: int) -> dict[str, Any]:
    """Returns variances and errors of one round, fit for JSON.

    Args:
        params: The scenario, without attack.
        now: The round, with a quorum.
        names: Names of the rules.
        size: Numbers of draws.
        seed: Seed of the random numbers.

    Returns:
        `counted`: the number of counted nodes. `textbook` and `qnn`: the variance relative to that
        of equal weights, under each scheme of weights (`ratio`), its prediction (`predicted`), and
        the same for weights by shots alone (`by_shots`). `share`: the weight of the Byzantine
        nodes, in [0, 1], by placement and scheme. `error`: the squared error of the aggregate, in
        units of the squared honest mean, by rule, placement and scheme.
    """
    keys = jax.random.split(jax.random.fold_in(randomness.key(seed), STREAM), size.gradients + 1)
    weight, members = draws.hub_weights(params, now.delivery), _members(params, keys[0])
    updates = draws.gradients(params, now, keys[1:])
    quiet = draws.gradients(params, draws.endless(now), keys[1:])
    mean = quiet.mean(axis=0)
    sent = draws.with_momentum(updates[: size.attacked], mean, params.consensus.momentum)
    errors = {
        name: draws.attacked_errors(params, rules.get(name), sent, mean, weight, members)
        for name in names
    }
    return {
        "counted": int((weight[-1] > 0).sum()),
        "textbook": _textbook(params, now.delivery, size.means, seed),
        "qnn": _qnn(params, now.delivery, *map(_wide, (weight, updates, quiet))),
        "share": _by_placement(weight @ members.T),
        "error": {name: _by_placement(error.T) for name, error in errors.items()},
    }


def _textbook(params: Params, delivery: Delivery, means: int, seed: int) -> dict[str, Any]:
    weight = _wide(draws.hub_weights(draws.qubit_hub(params), delivery))
    counted = weight[-1] > 0
    shots, contraction = np.asarray(delivery.shots)[counted], _wide(delivery.signal)[counted]
    nodes = (shots, contraction, weight[:, counted], EXPECTATION)
    measured = law.textbook_means(*nodes, means, seed).var(axis=0, ddof=1)
    exact = law.textbook_variance(*nodes)
    by_shots = law.textbook_variance(shots, contraction, _by_shots(shots), EXPECTATION)
    return {
        "predicted": law.harmonic_over_arithmetic(shots * contraction**2),
        "by_shots": float(by_shots[0] / exact[-1]),
        "exact": _by_scheme(exact / exact[-1]),
        "ratio": _by_scheme(measured / measured[-1]),
    }


def _qnn(
    params: Params,
    delivery: Delivery,
    weight: Float[np.ndarray, "schemes nodes"],
    updates: Float[np.ndarray, "draws nodes parameters"],
    quiet: Float[np.ndarray, "draws nodes parameters"],
) -> dict[str, Any]:
    counted = weight[-1] > 0
    information = _wide(protocol.measured_information(delivery, params.network.qubits))[counted]
    relative = law.relative_variance(weight @ updates, weight @ quiet)
    updates, quiet = updates[:, counted], quiet[:, counted]
    minibatch = law.total_variance(quiet).sum() / law.total_variance(updates).sum()
    by_shots = _by_shots(np.asarray(delivery.shots)[counted])
    of_shots = law.relative_variance(by_shots @ updates, by_shots @ quiet)
    return {
        "predicted": law.harmonic_over_arithmetic(information),
        "by_shots": float(of_shots[0] / relative[-1]),
        "least": law.least_ratio(updates, quiet),
        "minibatch": float(minibatch),
        "relative_variance": _by_scheme(relative),
        "ratio": _by_scheme(relative / relative[-1]),
    }


def _by_shots(shots: Float[np.ndarray, " nodes"]) -> Float[np.ndarray, "1 nodes"]:
    # Weights that ignore fidelity, for comparison.
    return shots[None] / shots.sum()


def _members(params: Params, key: Key[Array, ""]) -> Bool[Array, "placements nodes"]:
    quality = forecast.quality(params.network)
    placed = [
        placement.choose(
            replace(params.adversary, placement=placement.PLACEMENTS[name]), key, quality
        )
        for name in PLACEMENTS[1:]
    ]
    return jnp.stack([jnp.zeros_like(placed[0]), *placed])


def _wide(values: Array) -> Float[np.ndarray, "..."]:
    return np.asarray(values, np.float64)


def _by_scheme(values: Float[np.ndarray, " schemes"]) -> dict[str, float]:
    return dict(zip((scheme.name for scheme in SCHEMES), values.tolist(), strict=True))


def _by_placement(values: Float[Array, "schemes placements"]) -> dict[str, dict[str, float]]:
    return {name: _by_scheme(_wide(values[:, place])) for place, name in enumerate(PLACEMENTS)}
