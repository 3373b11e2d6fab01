"""Parts of the linear programs that bound what teams deliver (`team_oracle`)."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from ceas_agents.policies import knowledge
from ceas_gym.jax_utils.fast_compile import once
from ceas_gym.network import counts, forecast, key_pool
from ceas_gym.types import Network

Numbers = NDArray[np.float64]


class Program(NamedTuple):
    """A linear program whose first columns are numbers of shots or pairs, of each kind.

    A kind is a team and a combination of windows, or, where links are alone, a node and a window.
    """

    # Columns are the shots or pairs of each kind, then x and k by window and node, and u by team.
    value: Numbers
    """Information of each kind, in shots of perfect signal."""
    limits: sparse.csr_array
    """Rows of the program: their products with a solution are at most `most`."""
    most: Numbers
    """Greatest value of each row."""
    kinds: int
    """Number of kinds."""
    columns: int
    """Number of all columns."""
    team: NDArray[np.intp]
    """Team of each kind."""


class Figures(NamedTuple):
    """What channel-time yields in a round."""

    pairs: Numbers
    """Of a whole channel in a window, shape (nodes,)."""
    bits: Numbers
    """Secret bits of a pair, shape (nodes,)."""
    made: Numbers
    """Contraction at the barrier of a pair of each window, shape (xyz, nodes, windows)."""
    lasts: NDArray[np.bool_]
    """Whether it lasts until then, shape (nodes, windows)."""
    value: Numbers
    """Information of a pair by itself, where links are alone; shape (nodes, windows)."""


def figures(network: Network) -> Figures:
    """Returns what channel-time yields in a round, at its best.

    Args:
        network: Links, memories and operations.
    """
    pairs, bits, made, lasts, value = (np.asarray(each) for each in _figures(network))
    return Figures(pairs, bits, made, lasts, value)


def of_kinds(
    network: Network,
    found: Figures,
    value: Numbers,
    team: NDArray[np.intp],
    uses: sparse.csr_array,
    full: sparse.csr_array,
) -> Program:
    """Returns the program: the columns are the kinds, x and k by window and node, and u by team.

    Args:
        network: Teams, channels, memories and key.
        found: What channel-time yields.
        value: Information of each kind, in shots of perfect signal.
        team: Team of each kind.
        uses: Channel-time that each kind takes of each window and node, in windows.
        full: Pairs that each kind takes of each node.
    """
    windows, nodes, number = network.windows, network.nodes, network.teams.number
    passes = sparse.kron(sparse.eye(windows), np.asarray(network.switch.passes, float))
    times, none = sparse.eye(windows * nodes), None
    member = members(network)
    key = np.tile(np.diag(found.bits * found.pairs), windows)
    tag = np.broadcast_to(np.asarray(network.key.node_bits, float), nodes)
    needed = sparse.diags(np.zeros(nodes) if network.unauthenticated_spend else tag) @ member
    rows = [
        ([uses, -times, none, none], np.zeros(windows * nodes)),
        ([none, passes, passes, none], np.tile(np.asarray(network.switch.channels), windows)),
        ([none, times, times, none], np.ones(windows * nodes)),
        ([full, none, none, -int(network.memories.per_link) * member], np.zeros(nodes)),
        ([none, none, -key, needed], np.zeros(nodes)),
        ([none, none, none, sparse.eye(number)], np.ones(number)),
    ]
    limits = sparse.csr_array(sparse.bmat([blocks for blocks, _ in rows]))
    most = np.concatenate([most for _, most in rows])
    columns = value.size + 2 * windows * nodes + number
    return Program(value, limits, most, value.size, columns, team)


def uses_of(
    found: Figures,
    windows: int,
    window: NDArray[np.intp],
    node: NDArray[np.intp],
    taken: int,
) -> sparse.csr_array:
    """Returns the channel-time that each kind takes of each window and node, in windows.

    Args:
        found: Pairs of a channel.
        windows: Windows of a round.
        window: In which each kind's pairs are made.
        node: For which they are made.
        taken: Pairs of a kind.
    """
    time = np.divide(taken, found.pairs[node])
    nodes = found.pairs.size
    place = (window * nodes + node, np.arange(node.size))
    return sparse.csr_array((time, place), shape=(windows * nodes, node.size))


def pairs_of(node: NDArray[np.intp], nodes: int, taken: int) -> sparse.csr_array:
    """Returns the pairs that each kind takes of each node.

    Args:
        node: Node of each kind.
        nodes: Number of nodes.
        taken: Pairs of a kind.
    """
    place = (node, np.arange(node.size))
    return sparse.csr_array((np.full(node.size, float(taken)), place), shape=(nodes, node.size))


def optimum(objective: Numbers, limits: sparse.csr_array, most: Numbers) -> tuple[Numbers, float]:
    """Returns a solution of a linear program, and its greatest value.

    Args:
        objective: Worth of each variable; all are at least 0.
        limits: Rows of the program.
        most: Greatest value of each row.

    Raises:
        RuntimeError: If the solver fails.
    """
    found = linprog(-objective, A_ub=limits, b_ub=most, method="highs")
    if not found.success:
        raise RuntimeError(f"The program of the bound was not solved: {found.message}")
    return np.asarray(found.x, float), float(-found.fun)


# Compiled as a whole: otherwise every operation would be compiled separately.
@once
def _figures(network: Network) -> tuple[Array, ...]:
    links = forecast.nominal(network)
    new = forecast.new_contraction(network, links)
    stored = forecast.by_age(new, links.decay[-1], network.windows)[..., ::-1]
    lasts = counts.fidelity(stored) >= network.memories.cutoff_fidelity
    arriving = counts.fidelity(stored * network.operations.delivery_contraction[..., None])
    value = jnp.where(lasts, knowledge.pair_information(arriving, network.qubits), 0)
    make = network.generation
    # Attempts are not rounded down, so that this bounds the pairs of any share of a channel.
    pairs = (make.attempts_per_window * make.modes * make.success_probability)[:, 0]
    bits = jnp.maximum(key_pool.bits_per_pair(network.key, new), 0)
    return pairs, bits, stored, lasts, value


def members(network: Network) -> sparse.csr_array:
    """Returns the matrix that is one where the node of the row is in the team of the column.

    Args:
        network: Teams.
    """
    place = (np.arange(network.nodes), np.asarray(network.teams.of_node))
    return sparse.csr_array((np.ones(network.nodes), place), (network.nodes, network.teams.number))


def coupling(network: Network) -> list[sparse.csr_array]:
    """Returns what must not be above 0: by how much the pairs of coupled links are out of step.

    There are two matrices for each link but the first, with a row for each team: the pairs of the
    team's first link times the ends of the other, minus the pairs of the other times the ends of
    the first; and the opposite. There are none where links are alone.

    Args:
        network: Teams, and what a shot takes.
    """
    if network.teams.shot.alone:
        return []
    nodes, ends = np.asarray(network.teams.nodes), network.teams.shot.ends
    ones, rows, found = np.ones(len(nodes)), np.arange(len(nodes)), []
    for qpu in range(1, len(ends)):
        place = (np.tile(rows, 2), np.concatenate([nodes[:, 0], nodes[:, qpu]]))
        excess = np.concatenate([ends[qpu] * ones, -ends[0] * ones])
        matrix = sparse.csr_array((excess, place), (len(nodes), network.nodes))
        found += [matrix, -matrix]
    return found
