"""Teams: nodes that work on one circuit, and how many shots the pairs of their links make.

In the data partition every node is a team of its own, and arrays over nodes are arrays over teams.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ceas_gym.types import Network, Shot, Teams

UNLIMITED = 2**30
"""Shots of a QPU from whose link a shot takes no pairs."""


def members(
    nodes: int, size: int, quality: Float[np.ndarray, " nodes"] | None, shot: Shot
) -> Int[np.ndarray, "teams qpus"]:
    """Returns which node is each QPU of each team.

    Args:
        nodes: Number of nodes, a multiple of `size`.
        size: QPUs of a team; at least 1.
        quality: What each link can deliver; then nodes with links of like quality form a team, in
            which that of the best link is the QPU from which a shot takes most pairs. None for
            teams of consecutive nodes.
        shot: What a shot takes of each QPU.

    Example:
        >>> shot = Shot(qubits=2, data=(0, 0), gates=((0, 1),))
        >>> members(4, 2, None, shot).tolist()
        [[0, 1], [2, 3]]
        >>> members(4, 2, np.array([1.0, 9.0, 2.0, 8.0]), shot).tolist()
        [[1, 3], [2, 0]]
    """
    if quality is None:
        return np.arange(nodes).reshape(-1, size)
    ranked = np.argsort(-quality, kind="stable").reshape(-1, size)
    busiest = np.argsort(-np.array(shot.ends), kind="stable")
    placed = np.empty_like(ranked)
    placed[:, busiest] = ranked
    return placed


def of_nodes(teams: Teams, each: Array) -> Array:
    """Returns what the team of each node has, shape (nodes, ...), of an array over teams."""
    return each if teams.size == 1 else each[teams.of_node]


def of_qpus(teams: Teams, each: Array) -> Array:
    """Returns what each QPU of each team has, shape (teams, qpus, ...), of an array over nodes."""
    return each[:, None] if teams.size == 1 else each[teams.nodes]


def first(teams: Teams, each: Array) -> Array:
    """Returns what QPU 0 of each team has, of an array over nodes."""
    return each if teams.size == 1 else each[teams.nodes[:, 0]]


def every(teams: Teams, each: Bool[Array, " nodes"]) -> Bool[Array, " teams"]:
    """Returns whether it is true of every node of each team."""
    return each if teams.size == 1 else each[teams.nodes].all(axis=1)


def some(teams: Teams, each: Bool[Array, " nodes"]) -> Bool[Array, " teams"]:
    """Returns whether it is true of at least one node of each team."""
    return each if teams.size == 1 else each[teams.nodes].any(axis=1)


def ends(network: Network) -> Int[Array, " nodes"] | int:
    """Returns how many pairs of each node's link a shot takes, at least 0."""
    teams = network.teams
    if len(set(teams.shot.ends)) == 1:
        return teams.shot.ends[0]
    return jnp.array(teams.shot.ends)[teams.qpu]


def shots(network: Network, pairs: Int[Array, " nodes"]) -> Int[Array, " nodes"]:
    """Returns how many shots each node can take part in with so many pairs.

    A shot of a circuit that spans several QPUs takes its pairs of all their links at the same time,
    so the scarcest link decides. QPUs that execute circuits of their own need not wait for each
    other; but if one of them has no shot, the team makes no update, and none spends any pairs.

    Args:
        network: Teams, and what a shot takes.
        pairs: Pairs of each node's link; at least 0.
    """
    taken, teams = ends(network), network.teams
    if isinstance(taken, int):
        each = pairs // taken
    else:
        each = jnp.where(taken > 0, pairs // jnp.maximum(taken, 1), UNLIMITED)
    if teams.size == 1:
        return each
    least = scarcest(teams, each)
    return jnp.where(least > 0, each, 0) if teams.shot.alone else least


def scarcest(teams: Teams, each: Int[Array, " nodes"]) -> Int[Array, " nodes"]:
    """Returns the least number among the nodes of each node's team.

    Args:
        teams: Teams.
        each: Numbers of all nodes.
    """
    return of_nodes(teams, of_qpus(teams, each).min(axis=1))


def most_shots(network: Network) -> Float[Array, ""]:
    """Returns how many shots of a team full memories make, not rounded; above 0.

    Slices count as a circuit with as many shots as all of them together (`delivery.of_slices`).
    """
    teams = network.teams
    slices = teams.size if teams.shot.alone else 1
    return slices * network.memories.per_link / max(teams.shot.ends)
