r"""Upper bounds on the information that teams deliver in a round: linear programs.

*Coupled links.* A shot of a team takes e_i pairs of each of its links. For each combination of
windows W = (w_1, w_2, ...), let y_tW be the mean number of shots of team t whose pairs of link i
were made in window w_i:

    maximise    sum_tW v_tW y_tW
    subject to  e_i sum_{W: w_i = w} y_tW <= pairs_i x_iw,
                sum_i passes_bi (x_iw + k_iw) <= channels_b,   x_iw + k_iw <= 1,
                e_i sum_W y_tW <= memories u_t,   u_t <= 1,   tag u_t <= sum_w key_r k_rw

where x_iw and k_iw are the channel-time of link i in window w for gates and for key; passes_bi is
1 if its route goes through bottleneck b; u_t is the chance that the team takes part. QPU 0 of the
team is node r, which gets key_r bits of key from a whole channel in a window, and whose tags take
`tag` bits. The value v_tW is the information of a shot whose pairs have these ages.

Why it bounds the mean over rounds of every schedule, whatever it knows of the past: the mean number
of pairs is at most linear in the channel-time. A pair that waits for a later barrier is worth less
there. The hub computes a shot's information from the mean contraction of each link's pairs, and
this is at most its mean over all combinations of them: the fidelity of a gate increases with each
contraction and is linear in it, so the product over gates of means over ages is at most the mean of
the product (all of them decrease with age; Chebyshev's inequality), and the information is convex
in the product (Jensen's inequality).

*Links alone.* The information of a team whose M QPUs run slices is M^2 / sum_j 1 / I_j, which is
concave, so that it is at most sum_j a_j^2 I_j for any numbers a_j whose sum is M. These tangents
are added one after the other; each of the programs gives a bound.
"""

from functools import partial, reduce
from itertools import product
from operator import add
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ceas_agents.bounds import team_program
from ceas_agents.policies import team_planning
from ceas_gym.network import teams
from ceas_gym.types import Network, Params

Numbers = NDArray[np.float64]
MOST_COLUMNS = 200_000
"""Most combinations of windows, over all teams, for which the program is made."""
CHUNK = 256
"""Combinations that are evaluated at once."""
TANGENTS = 12
"""Programs that are solved, at most, where links are alone."""
CLOSE = 1e-4
"""Share of the information by which the bound may exceed that of the last program's solution."""


Places = NDArray[np.intp]


class Bound(NamedTuple):
    """The optimum of the program."""

    information: float
    """Bound on the mean over rounds of the teams' information, in all, in shots; at least 0."""
    by_team: Numbers
    """Information of each team in the solution, shape (teams,)."""
    data: Numbers
    """Channel-time for data in the solution, in [0, 1]; shape (windows, nodes)."""


def bound(params: Params) -> Bound:
    """Returns a bound on the information that all teams deliver in a round on average.

    Args:
        params: The scenario, with a single layout.

    Raises:
        ValueError: If the bound does not cover the scenario, or there are too many combinations.
        RuntimeError: If the solver fails.

    Example:
        >>> from ceas_gym import config, parameters
        >>> pairs = {"learning.scheme": "circuit", "network.team_size": 2, "learning.qubits": 4}
        >>> tiny = parameters.build(config.load("tiny", {**pairs, "attack.byzantine_nodes": 0}))
        >>> bound(tiny).information > 0
        True
    """
    _check(params)
    network = params.network
    found = team_program.figures(network)
    if network.teams.shot.alone:
        return _of_slices(network, found)
    program = coupled(network, found)
    return _solved(network, program)


def as_return(params: Params, found: Bound) -> float:
    """Returns a bound as the return of an episode under the reward `information`, in [0, 1].

    Args:
        params: The scenario, with a single layout.
        found: From `bound`.
    """
    grouped = params.network.teams
    return found.information / (grouped.number * float(teams.most_shots(params.network)))


def _check(params: Params) -> None:
    network = params.network
    barred = {
        "nodes that form no teams": network.teams.size == 1,
        "steps that are windows": params.by_window,
        "relays": network.routes.is_hop.shape[1] > 1,
        "drifting coherence": network.drifts,
        "verification": network.verifies,
        "purification": network.operations.purification.__name__ != "none",
        "several layouts at once": params.layouts is not None,
    }
    if found := [name for name, present in barred.items() if present]:
        raise ValueError(
            f"the bound for teams does not cover {', '.join(found)}; choose another scenario"
        )


def coupled(network: Network, found: team_program.Figures) -> team_program.Program:
    """Returns the program of teams whose links are coupled.

    Args:
        network: Teams, and what a shot takes.
        found: What channel-time yields.

    Raises:
        ValueError: If there are too many combinations of windows.
    """
    nodes, windows = np.asarray(network.teams.nodes), network.windows
    combinations = windows**network.teams.size * network.teams.number
    if combinations > MOST_COLUMNS:
        raise ValueError(
            f"the bound for teams does not cover {combinations} combinations of windows; choose "
            "a smaller network.team_size"
        )
    windows_of = np.array(list(product(range(windows), repeat=network.teams.size)), np.intp)
    value = _values(network, found, windows_of)
    kind, team = np.nonzero(value)
    ends = np.array(network.teams.shot.ends)
    entries = [(windows_of[kind, qpu], nodes[team, qpu], ends[qpu]) for qpu in range(len(ends))]
    uses = [team_program.uses_of(found, windows, *each) for each in entries]
    full = [
        team_program.pairs_of(nodes[team, qpu], found.pairs.size, taken)
        for qpu, taken in enumerate(ends)
    ]
    uses, full = (reduce(add, each) for each in (uses, full))
    return team_program.of_kinds(network, found, value[kind, team], team, uses, full)


def _values(network: Network, found: team_program.Figures, windows_of: Places) -> Numbers:
    # Information of a shot of each combination of windows for each team.
    of_shot = jax.jit(jax.vmap(partial(team_planning.shot_information, network)))
    qpu, nodes = np.asarray(network.teams.qpu), np.arange(found.pairs.size)
    needed = np.array(network.teams.shot.ends)[qpu] > 0
    values = []
    for first in range(0, len(windows_of), CHUNK):
        # Padded, so that all are compiled as one.
        some = np.resize(windows_of[first : first + CHUNK], (CHUNK, windows_of.shape[1]))
        window = some[:, qpu]
        lasts = found.lasts[nodes, window] | ~needed
        whole = lasts[:, np.asarray(network.teams.nodes)].all(axis=2)
        made = jnp.asarray(found.made[:, nodes, window].swapaxes(0, 1))
        values.append(np.where(whole, np.asarray(of_shot(made)), 0))
    return np.concatenate(values)[: len(windows_of)].astype(float)


def _of_slices(network: Network, found: team_program.Figures) -> Bound:
    nodes, window = np.nonzero(found.value)
    team = np.asarray(network.teams.of_node)[nodes]
    uses = team_program.uses_of(found, network.windows, window, nodes, 1)
    full = team_program.pairs_of(nodes, found.pairs.size, 1)
    program = team_program.of_kinds(network, found, found.value[nodes, window], team, uses, full)
    slopes = np.ones((1, found.pairs.size))
    best = None
    for _ in range(TANGENTS):
        best, information = _below(network, program, nodes, slopes)
        of_qpus = np.maximum(information[np.asarray(network.teams.nodes)], 1e-6)
        reached = network.teams.size**2 / (1 / of_qpus).sum(axis=1)
        if reached.sum() >= (1 - CLOSE) * best.information:
            break
        weight = network.teams.size / of_qpus / (1 / of_qpus).sum(axis=1, keepdims=True)
        slope = np.empty(found.pairs.size)
        slope[np.asarray(network.teams.nodes)] = weight**2
        slopes = np.vstack([slopes, slope])
    assert best is not None
    return best


def _below(
    network: Network, program: team_program.Program, nodes: Places, slopes: Numbers
) -> tuple[Bound, Numbers]:
    # The bound where a team's information is below each tangent, and that of the slices.
    number, kinds = network.teams.number, program.kinds
    rest = program.columns - kinds
    rows = [
        [
            -sparse.csr_array(
                (program.value * slope[nodes], (program.team, np.arange(kinds))), (number, kinds)
            ),
            sparse.csr_array((number, rest)),
            sparse.eye(number),
        ]
        for slope in slopes
    ]
    wide = [program.limits, sparse.csr_array((program.most.size, number))]
    limits = sparse.vstack([sparse.hstack(wide), *(sparse.hstack(row) for row in rows)])
    most = np.concatenate([program.most, np.zeros(len(slopes) * number)])
    objective = np.concatenate([np.zeros(kinds + rest), np.ones(number)])
    solution, best = team_program.optimum(objective, sparse.csr_array(limits), most)
    windows, each = network.windows, network.nodes
    data = solution[kinds : kinds + windows * each].reshape(windows, each)
    information = _sums(nodes, program.value * solution[:kinds], each)
    return Bound(best, solution[-number:], data), information


def _solved(network: Network, program: team_program.Program) -> Bound:
    value = program.value
    rest = program.columns - program.kinds
    objective = np.concatenate([value, np.zeros(rest)])
    solution, best = team_program.optimum(objective, program.limits, program.most)
    windows, nodes = network.windows, network.nodes
    data = solution[program.kinds : program.kinds + windows * nodes].reshape(windows, nodes)
    each = value * solution[: program.kinds]
    return Bound(best, _sums(program.team, each, network.teams.number), data)


def _sums(place: Places, each: Numbers, number: int) -> Numbers:
    # The sum of the entries at each place.
    return np.asarray(np.bincount(place, each, minlength=number), float)
