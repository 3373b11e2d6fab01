"""Rounds as they are played, weights as the hub computes them, and many draws of one round."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Key

from ceas_agents.policies import base, registry
from ceas_agents.policies.rollout import rollout
from ceas_gym import dynamics
from ceas_gym.consensus import attacks, protocol, weights
from ceas_gym.jax_utils import parallel, randomness
from ceas_gym.jax_utils.fast_compile import often
from ceas_gym.learning import learners, pullback
from ceas_gym.types import (
    Coalition,
    Delivery,
    Params,
    Received,
    Shot,
    State,
    TimeStep,
)

Rule = Callable[[Array, Array, Array], Array]

UNIFORM = "uniform"
CEAS = "ceas"
SCHEDULES = (CEAS, UNIFORM)
ENDLESS_SHOTS = 2**30
"""So many shots that only the noise of the minibatch is left."""


class Scheme(NamedTuple):
    """The names of a weighting and of its cap."""

    weights: str
    cap: str

    @property
    def name(self) -> str:
        """Returns both names; equal weights are the same under every cap."""
        return UNIFORM if self.weights == UNIFORM else f"{self.weights}, {self.cap}"


CAPPED = [
    Scheme(name, cap)
    for name in ("fisher", "inverse_variance")
    for cap in ("none", "certificate", "share_budget")
]
SCHEMES = (*CAPPED, Scheme(UNIFORM, "none"))
"""The last one, equal weights, is the reference for all others."""


class Played(NamedTuple):
    """A round of an episode, or several, with the rounds as the first axis."""

    delivery: Delivery
    parameters: Float[Array, " parameters"]
    """Parameters of the global model before the round, in radians."""


@partial(often, static_argnums=1)
def play(policy: Partial, rounds: int, params: Params, key: Key[Array, ""]) -> Played:
    """Returns the rounds of the episode of this random key.

    Args:
        policy: From `policies.base.as_pytree`.
        rounds: Rounds to play; at least 1.
        params: The scenario.
        key: Random key of the episode, as for `dynamics.reset`.

    Returns:
        Arrays with a first axis of shape (rounds,).
    """

    def record(before: State, after: State, timestep: TimeStep) -> Played:
        del after
        assert timestep.round is not None
        return Played(timestep.round.delivery, before.model.parameters)

    return rollout(policy, rounds, params, key, record)


def rounds_of(params: Params, length: int, seed: int) -> dict[str, tuple[int, Played]]:
    """Returns the last round with a quorum, and its number, under each of `SCHEDULES`.

    All have the models of CEAS's episode, so that they differ only in what is delivered.

    Args:
        params: The scenario.
        length: Rounds to play; at least 1.
        seed: Seed of the episode.

    Returns:
        For each schedule the number of the round, in [0, length), and the round.

    Raises:
        ValueError: If under a schedule no round has a quorum.
    """
    played = {
        schedule: play(
            base.as_pytree(registry.POLICIES[schedule]), length, params, randomness.key(seed)
        )
        for schedule in SCHEDULES
    }
    models = played[CEAS].parameters
    found: dict[str, tuple[int, Played]] = {}
    for schedule, rounds in played.items():
        place = last_with_quorum(params, rounds.delivery)
        if place is None:
            raise ValueError(f"schedule {schedule!r}, seed {seed}: no round had a quorum")
        delivery = jax.tree.map(lambda values, place=place: values[place], rounds.delivery)
        found[schedule] = (place, Played(delivery, models[place]))
    return found


def last_with_quorum(params: Params, delivery: Delivery) -> int | None:
    """Returns the last round in which enough nodes are authenticated, or None if there is none.

    Args:
        params: The scenario, which says how many nodes are enough.
        delivery: Of all rounds; `authenticated` has the shape (rounds, nodes).
    """
    needed = int(params.consensus.votes_needed * params.consensus.tolerated)
    enough = np.flatnonzero(np.asarray(delivery.authenticated).sum(axis=1) > needed)
    return int(enough[-1]) if enough.size else None


@jax.jit
def hub_weights(params: Params, delivery: Delivery) -> Float[Array, "schemes nodes"]:
    """Returns the weights that the hub computes under each of `SCHEMES`.

    Args:
        params: The scenario, without attack.
        delivery: Of the round.

    Returns:
        Weights in [0, 1], which sum to one over the counted nodes; zero for all others.
    """
    nobody = jnp.zeros(delivery.shots.shape, bool)
    workers = protocol.idle(nobody.size, jnp.zeros(1))
    cache = protocol.empty(nobody.size, jnp.zeros(1))
    coalition = _coalition(nobody)

    def under(scheme: Scheme) -> Array:
        weighting, cap = weights.WEIGHTINGS[scheme.weights], weights.CAPS[scheme.cap]
        consensus = replace(params.consensus, weighting=weighting, cap=cap, trusts_claims=False)
        hub = replace(params, consensus=consensus)
        return dynamics.agree(hub, workers, cache, delivery, coalition)[2].weights

    return jnp.stack([under(scheme) for scheme in SCHEMES])


def qubit_hub(params: Params) -> Params:
    """Returns the scenario with a hub that assumes the information n c^2 of a single qubit.

    The textbook's estimates from n shots have this information, because the factor for dimension
    D = 2 is c^2. The result is fit for `hub_weights` only.

    Args:
        params: The scenario.

    Source:
        `physics.information.depolarized_qfi_factor`, with the contraction c in [0, 1].
    """
    network = params.network
    grouped = replace(network.teams, shot=Shot(qubits=1, data=(1,)))
    return replace(params, network=replace(network, teams=grouped))


@jax.jit
def gradients(
    params: Params, played: Played, keys: Key[Array, " draws"]
) -> Float[Array, "draws nodes parameters"]:
    """Returns independent draws of the gradients of one round, all nodes honest.

    Args:
        params: The scenario.
        played: The round.
        keys: One random key for each draw.
    """
    pulled = pullback.pull(params.learning.program, played.parameters)
    delivery = played.delivery
    honest = jnp.zeros(delivery.shots.shape, bool)
    return parallel.each(
        lambda key: learners.gradients(params.learning, pulled, delivery, honest, key), keys
    )


def endless(played: Played) -> Played:
    """Returns the round with so many shots that only the minibatch makes noise.

    Args:
        played: The round. In its shots, of shape (nodes,), zeros stay; all others become 2^30.
    """
    shots = jnp.where(played.delivery.shots > 0, ENDLESS_SHOTS, 0)
    return played._replace(delivery=replace(played.delivery, shots=shots))


def with_momentum(
    updates: Float[Array, "draws nodes parameters"],
    mean: Float[Array, "nodes parameters"],
    momentum: Array | float,
) -> Float[Array, "draws nodes parameters"]:
    """Returns updates with the noise that momentum leaves after many rounds of equal statistics.

    m <- mu m + (1 - mu) g has the mean of g, and (1 - mu) / (1 + mu) of its variance.

    Args:
        updates: Updates without momentum.
        mean: Their mean, without noise.
        momentum: The mu, in [0, 1).

    Source:
        Stationary variance of a first-order autoregressive process.

    Example:
        >>> with_momentum(jnp.array([[[1.0]], [[3.0]]]), jnp.array([[2.0]]), 0.6).ravel().tolist()
        [1.5, 2.5]
    """
    return mean + jnp.sqrt((1 - momentum) / (1 + momentum)) * (updates - mean)


@partial(jax.jit, static_argnums=1)
def attacked_errors(
    params: Params,
    rule: Rule,
    updates: Float[Array, "draws nodes parameters"],
    mean: Float[Array, "nodes parameters"],
    weight: Float[Array, "schemes nodes"],
    members: Bool[Array, "placements nodes"],
) -> Float[Array, "placements schemes"]:
    """Returns the mean squared error of the aggregate, compared with the honest mean.

    All Byzantine nodes send the negated mean of the honest updates (`sign_flip`). The honest mean
    that the aggregate is compared with is without noise, and has the weights of the honest nodes.

    Args:
        params: The scenario.
        rule: Rule of the hub.
        updates: What every node would send honestly.
        mean: Mean of these updates, without noise.
        weight: Weights of each scheme, in [0, 1]; zero where a node is not counted.
        members: Which nodes are Byzantine.

    Returns:
        In units of the squared length of the honest mean; at least 0.
    """
    adversary = replace(params.adversary, attack=attacks.sign_flip)
    consensus = replace(params.consensus, rule=rule)
    counted, nothing = weight[-1] > 0, jnp.zeros_like(weight[-1])

    def aggregate(sent: Array, weight: Array, members: Array) -> Array:
        received = Received(updates=sent, information=nothing, counted=counted, forged=nothing > 0)
        coalition = _coalition(members)
        bad = counted & members
        corrupted = attacks.corrupt(adversary, consensus, received, weight, coalition, bad)
        return rule(corrupted, weight, consensus.tolerated)

    schemes = jax.vmap(aggregate, in_axes=(None, 0, None))
    placements = jax.vmap(schemes, in_axes=(None, None, 0))
    found = parallel.each(lambda sent: placements(sent, weight, members), updates)

    honest = weight * ~members[:, None]
    target = honest @ mean / honest.sum(axis=-1, keepdims=True)
    return ((found - target) ** 2).sum(axis=-1).mean(axis=0) / (target**2).sum(axis=-1)


def _coalition(members: Bool[Array, " nodes"]) -> Coalition:
    return Coalition(
        members=members,
        acting=members,
        teams=members,
        acting_teams=members,
        key=jax.random.key(0),
        round=jnp.int32(0),
        window=jnp.int32(0),
        served=jnp.float32(0),
    )
