"""The observation: only what a real hub could know, scaled to [0, 1]."""

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus import protocol
from ceas_gym.jax_utils import tally
from ceas_gym.network import conditions, counts, forecast, key_pool, teams
from ceas_gym.task import readiness
from ceas_gym.task.readiness import Stocks
from ceas_gym.types import Links, Network, Observation, Params, State


class Feature(NamedTuple):
    """One number of the observation."""

    name: str
    unit: str
    meaning: str


NODE_FEATURES = (
    Feature("rate", "log10(1 + pairs) / 5", "pairs of a whole channel in a window, on good links"),
    Feature("condition", "1", "expected factor on the rate, given all that was heralded"),
    Feature("new_contraction", "1", "mean contraction of a new pair at the end of its window"),
    Feature("survival", "1", "factor of one more window on the contraction that decays fastest"),
    Feature("lifetime", "rounds", "windows until the cut-off, at most one round"),
    Feature("key_rate", "bits / pair", "secret fraction of a pair measured when its window closes"),
    Feature("stored", "memories", "share of the memories that hold a pair"),
    Feature("stored_contraction", "1", "mean contraction of the stored pairs"),
    Feature("information", "full memories", "information of the stored pairs if fired now"),
    Feature("information_later", "full memories", "the same a window later, if none were added"),
    Feature("key", "capacity", "share of the node's key pools that is filled"),
    Feature("tags", "tags of a round", "share of a round's key, for all members, that is held"),
    Feature("ready", "0 or 1", "whether the node has all tags of a round, and pairs for a shot"),
    Feature("shots", "log10(1 + shots) / 4", "shots of the last round"),
    Feature("signal", "1", "contraction of the data in the last round"),
    Feature("weight", "4 / counted", "weight in the last update"),
    Feature("silence", "10 rounds", "rounds since an update was last counted"),
)
TEAM_FEATURES = (
    Feature("team", "teams", "number of the node's team"),
    Feature("taken", "those of the busiest QPU", "pairs of the node that a shot of its team takes"),
    Feature("scarcest", "full memories", "shots for which the team's scarcest link has pairs"),
    Feature("surplus", "memories", "share of the memories with pairs beyond these shots"),
)
"""Further features of the nodes where several nodes form a team."""
NETWORK_FEATURES = (
    Feature("progress", "1", "share of the budget that is over; the rest is the time left"),
    Feature("validation_loss", "2 log(classes) nats", "cross-entropy on the validation split"),
    Feature("validation_accuracy", "1", "on the validation split"),
    Feature("share_bound", "1", "weight of the heaviest `tolerated_nodes` in the last update"),
    Feature("committed", "0 or 1", "whether the last round was committed"),
    Feature("authenticated", "nodes", "share of the nodes authenticated in the last round"),
    Feature("counted", "nodes", "share of the nodes counted in the last round"),
    Feature("tolerated", "nodes", "share of the nodes that the rule is set to tolerate"),
    Feature("utilization", "1", "useful pairs of the episode over generated ones"),
    Feature("calibration", "intervals", "time since the coherence times were calibrated"),
    Feature("waited", "most_windows", "windows since the last barrier"),
    Feature("ready", "2 quorums", "number of ready nodes"),
    Feature("worth", "1", "what a barrier now would be worth: G / (G + 300)"),
    Feature("worth_later", "1", "the same a window later, if no pairs were added"),
    Feature("late", "rounds", "time that the last agreement took from this round"),
    Feature("lowest_loss", "2 log(classes) nats", "lowest validation loss of the episode so far"),
)
COLUMN = {feature.name: column for column, feature in enumerate((*NODE_FEATURES, *TEAM_FEATURES))}
"""Columns of `Observation.nodes` by the names of the features."""
PLACE = {feature.name: place for place, feature in enumerate(NETWORK_FEATURES)}
"""Places in `Observation.network` by the names of the features."""


def node_features(network: Network) -> tuple[Feature, ...]:
    """Returns the features of a node, in the order of the columns of `Observation.nodes`."""
    return NODE_FEATURES if network.teams.size == 1 else (*NODE_FEATURES, *TEAM_FEATURES)


def observe(params: Params, state: State) -> Observation:
    """Returns what the hub knows between two steps: calibration, stored pairs, key, last report.

    Args:
        params: The scenario. Of the adversary, only the number that the rule tolerates is used.
        state: State after a step. Neither its Byzantine nodes nor its test accuracy are used.

    Returns:
        `nodes` in the order of `node_features`, shape (nodes, 17) or, where nodes form teams,
        (nodes, 21), and `network` in the order of `NETWORK_FEATURES`, shape (16,); every entry in
        [0, 1].
    """
    links = conditions.links(params.network, state.conditions)
    stocks = readiness.assess(params, links, state.gathered)
    nodes = [
        *_calibration(params.network, state, links),
        *_holdings(params, state, stocks),
        *_of_teams(params, state),
    ]
    hub = [*_hub(params, state), *_timing(params, state, stocks)]
    return Observation(
        nodes=jnp.clip(jnp.stack(nodes, axis=1), 0.0, 1.0).astype(jnp.float32),
        network=jnp.clip(jnp.stack(hub), 0.0, 1.0).astype(jnp.float32),
    )


def summary(observation: Observation) -> Float[Array, "*batch features"]:
    """Returns the features of the network, followed by the means of the nodes' features.

    They depend neither on the order of the nodes nor on their number.

    Args:
        observation: Of one environment, or of a batch.

    Returns:
        Every feature in [0, 1].
    """
    return jnp.concatenate([observation.network, observation.nodes.mean(axis=-2)], axis=-1)


def column(network: Network, observation: Observation, name: str) -> Float[Array, " nodes"]:
    """Returns one column of the nodes' observations, in the number type of the network.

    Args:
        network: Observations have 32 bits, also where JAX computes with 64.
        observation: What the hub knows, every entry in [0, 1].
        name: Of a feature of `NODE_FEATURES`.
    """
    return observation.nodes[:, COLUMN[name]].astype(network.switch.channels.dtype)


def expected_pairs(network: Network, observation: Observation) -> Float[Array, " nodes"]:
    """Returns the pairs of a whole channel in a window, expected over what links may be like."""
    return forecast.expected_pairs(network) * column(network, observation, "condition")


def _calibration(network: Network, state: State, links: Links) -> list[Array]:
    new, good = forecast.new_contraction(network, links), forecast.expected_pairs(network)
    likely = forecast.likely_pairs(network, state.conditions.belief)
    return [
        jnp.log10(1 + good) / 5,
        likely / jnp.maximum(good, 1e-9),
        new.mean(axis=0),
        forecast.survival(links.decay[-1]),
        forecast.lifetime(network, links) / network.windows,
        key_pool.bits_per_pair(network.key, new),
    ]


def _holdings(params: Params, state: State, stocks: Stocks) -> list[Array]:
    network, memory, report = params.network, state.memory, state.report
    stored = memory.pairs.sum(axis=1)
    estimated = memory.contraction[-1].mean(axis=0)
    contraction = counts.total(memory.pairs, estimated) / jnp.maximum(stored, 1)
    key = memory.key_bits.sum(axis=(1, 2))
    most, grouped = teams.most_shots(network), network.teams
    of_nodes = partial(teams.of_nodes, grouped)
    capacity = network.key.members * network.key.capacity_bits
    return [
        stored / network.memories.per_link,
        contraction,
        of_nodes(stocks.information / most),
        of_nodes(stocks.later / most),
        key / jnp.where(capacity > 0, capacity, 1),
        key_pool.share_of_round(network.key, memory.key_bits),
        of_nodes(stocks.ready),
        of_nodes(jnp.log10(1 + report.shots) / 4),
        of_nodes(report.signal),
        of_nodes(report.weights * report.counted * grouped.number / 4),
        of_nodes(state.cache.age / 10),
    ]


def _of_teams(params: Params, state: State) -> list[Array]:
    network, memory = params.network, state.memory
    if network.teams.size == 1:
        return []
    taken, stored = teams.ends(network), memory.pairs.sum(axis=1)
    shots = teams.scarcest(network.teams, teams.shots(network, stored))
    busiest = max(network.teams.shot.ends)
    return [
        network.teams.of_node / network.teams.number,
        jnp.broadcast_to(taken / busiest, stored.shape),
        shots * busiest / network.memories.per_link,
        (stored - shots * taken) / network.memories.per_link,
    ]


def _hub(params: Params, state: State) -> list[Array]:
    scores, report = state.scores, state.report
    interval = params.network.condition_model.calibration_windows
    since = state.clock % interval / interval if params.network.drifts else jnp.zeros(())
    return [
        state.clock / params.budget,
        _share_of_guesses(params, scores.validation_loss),
        scores.validation_accuracy,
        report.share,
        report.committed.astype(jnp.float32),
        report.authenticated,
        report.counted,
        params.consensus.tolerated / params.network.teams.number,
        tally.share(state.useful, state.generated),
        since,
    ]


def _share_of_guesses(params: Params, loss: Float[Array, ""]) -> Float[Array, ""]:
    # Of twice the loss of guessing. A model that diverged has no loss; it is clipped to one.
    classes = params.learning.readout.shape[0]
    return jnp.where(jnp.isnan(loss), jnp.inf, loss) / (2 * jnp.log(classes))


def _timing(params: Params, state: State, stocks: Stocks) -> list[Array]:
    quorum = protocol.quorum(params.consensus)
    return [
        state.gathered.window / params.network.most_windows,
        stocks.ready.sum() / (2 * quorum),
        readiness.worth(params, stocks.information, stocks.ready),
        readiness.worth(params, stocks.later, stocks.ready_later),
        state.report.late / params.network.windows,
        _share_of_guesses(params, state.scores.lowest_loss),
    ]
