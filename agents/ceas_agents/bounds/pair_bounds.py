"""Upper bounds for any schedule: useful pairs of a round, and utilization on busy channels.

A high utilization alone proves little: a schedule that makes few pairs can use them all. So two
linear programs bound what a schedule can reach. Their variables are means over an episode. In the
windows of kind w, node k gets the channel-time x for data, y for key and v for pairs that are not
useful; u is the share of rounds that commit with the node's update counted, and c the share that
commit at all. Windows are of one kind if the pairs of the same nodes last from them until the
barrier; there are `windows_w` of kind w in a round.

    maximise    sum_wk pairs_k (x_wk + y_wk)
    subject to  sum_k passes_bk (x_wk + y_wk + v_wk) <= channels_b windows_w  at every bottleneck b,
                x_wk + y_wk + v_wk <= whole_k windows_w,
                ends_k u_k <= sum_w pairs_k x_wk <= memories u_k,
                tags u_k <= sum_w key_k y_wk,  sum_w pairs_k y_wk <= most_key / key of a pair,
                u_k <= c <= 1,   quorum c <= sum_k u_k,
                x_wk = 0 if a pair of window w expires before the barrier.

A shot takes `ends` pairs of the node, one for each qubit. Where nodes form teams, u counts teams,
and tags are those of the nodes that read out a circuit; and if the links of a team are coupled,
they spend pairs in the proportion of their ends:

                ends_j sum_w pairs_i x_wi = ends_i sum_w pairs_j x_wj  for nodes i, j of a team.

The means of every scheduler satisfy these, whatever it knows of the past: the mean number of pairs
is at most linear in channel-time; a pair that is spent lasted from its window until the barrier; no
barrier spends more pairs of a node than the whole shots in full memories, nor less than one shot;
tags come from the key pools; only a quorum commits. After the last barrier a pool may be full. In
each round before it, a round's tags are taken from the pool; or key expires, and then all key that
leaves the pool within L rounds is at most its capacity, because the oldest key is spent first. So
in T rounds, with one pool for each of c members,

    most_key = c [(T - 1) max(tags, capacity / L) + capacity] / T   a round.

Where a route has several hops, pairs are those of the hop that makes fewest, and any window will
do, because a link's pair may wait at a relay. On links whose condition changes, channel-time counts
by the share of a good link's pairs that it makes: at most 1, and on average at most the mean rate,
`whole`. With drifting coherence, pairs count as if they did not decay. The pool then takes at most
the pairs that fill it when hub or node are three standard deviations below the nominal coherence,
and all pairs in the one round of 370 in which one of them is further below. Where pairs are
verified or waited at a relay, a pair may hold any key, and the pool takes any number of pairs. The
bounds hold for means: a single episode may exceed them.

Left out, so that the bounds are too high: pairs and attempts are whole and random in number; the
pool takes what it needs, and not what a schedule asks for; memories may be full before the barrier;
a quorum whose weights are too unequal does not commit; attackers jam; tests use up pairs.
"""

from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from ceas_agents.bounds import pair_supply, team_program
from ceas_gym import layouts
from ceas_gym.consensus import protocol
from ceas_gym.network import teams
from ceas_gym.types import Params

Numbers = NDArray[np.float64]


class _Program(NamedTuple):
    # Columns are x, y, v, u, c and the constant 1, so that all of them can be scaled.
    useful: Numbers
    made: Numbers
    hub: sparse.csr_array
    """Channels of the hub in use in each kind of window, minus all of them."""
    limits: sparse.csr_array
    """The product with the columns must be at most zero."""
    can: NDArray[np.bool_]
    """Which columns may be positive."""


def most_useful_pairs(params: Params) -> float:
    """Returns an upper bound on the mean useful pairs of a round, in pairs, for any schedule.

    A pair is useful if it is keyed, or spent on an update that was counted, as its node sent it, in
    a committed round (`task.metrics.useful_pairs`). The mean is over randomness and rounds.

    Args:
        params: The scenario, under a contestant's protocol.

    Example:
        >>> from ceas_gym import config, parameters
        >>> 0 < most_useful_pairs(parameters.build(config.load("tiny"))) < 4 * 860
        True
    """
    program = _program(params, pair_supply.supply(params))
    one = np.zeros((1, program.useful.size))
    one[0, -1] = 1
    return _best(program, program.useful, sparse.csr_array(one), np.ones(1))


def in_each_layout(params: Params) -> list[float]:
    """Returns `most_useful_pairs` of each layout, in order, in pairs.

    Args:
        params: The scenario, under a contestant's protocol. Where a step is a window, rounds differ
            in length, and there is no bound.
    """
    if params.by_window:
        return []
    return [most_useful_pairs(each) for each in layouts.every(params)]


def most_utilization_when_busy(params: Params) -> float:
    """Returns an upper bound, in [0, 1], on useful over generated pairs on channels always busy.

    Both are means as in `most_useful_pairs`. The ratio of two linear functions becomes linear when
    all variables are scaled to a fixed number of generated pairs. It neglects attempts that a
    window's end cuts off: less than one in each window on each mode of a link.

    Args:
        params: Of a scenario with steady links of one hop.

    Raises:
        ValueError: If pairs wait at relays or are tested, or links or coherence change: then the
            pairs that a busy channel makes, and those that it could use, are not known.

    Source:
        Charnes and Cooper, Naval Research Logistics Quarterly 9, 181 (1962).

    Example:
        >>> from ceas_gym import config, parameters
        >>> 0 < most_utilization_when_busy(parameters.build(config.load("tiny"))) <= 1
        True
    """
    _check_steady(params)
    supply = pair_supply.supply(params)
    program = _program(params, supply)
    # The solver's tolerances are absolute, so numbers should be near one.
    scale = program.made.max() * params.network.windows * float(params.network.switch.channels[0])
    fixed = sparse.csr_array(sparse.vstack([program.hub, program.made[None] / scale]))
    to = np.append(np.zeros(supply.windows.size), 1.0)
    return _best(program, program.useful / scale, fixed, to)


def _program(params: Params, supply: pair_supply.Supply) -> _Program:
    network, kinds = params.network, len(supply.lasts)
    passes = np.asarray(network.switch.passes, float)
    channels = np.minimum(np.asarray(network.switch.channels, float), passes @ supply.whole)
    used = [_kron(sparse.eye(kinds), passes)] * 3
    number = network.teams.number
    rest = sparse.csr_array((kinds * len(passes), number + 1))
    full = -np.kron(supply.windows, channels)[:, None]
    bottlenecks = sparse.csr_array(sparse.hstack([*used, rest, full]))
    limits = [bottlenecks, sparse.bmat(_limits(params, supply))]
    each, none = np.tile(supply.pairs, kinds), np.zeros(number + 2)
    possible = np.ones(each.size + none.size, bool)
    return _Program(
        useful=np.concatenate([each, each, 0 * each, none]),
        made=np.concatenate([each, each, each, none]),
        hub=sparse.csr_array(bottlenecks[:: len(passes)]),
        limits=sparse.csr_array(sparse.vstack(limits)),
        can=np.concatenate([supply.lasts.ravel(), np.tile(supply.bits > 0, kinds), possible]),
    )


def _check_steady(params: Params) -> None:
    network = params.network
    barred = {
        "relays": network.routes.is_hop.shape[1] > 1,
        "drifting coherence": network.drifts,
        "links that change": float(network.condition_model.transition[0, 0, 0]) < 1,
        "verification": network.verifies,
        "jamming": any(each.links for each in params.adversary.sabotage),
    }
    if found := [name for name, present in barred.items() if present]:
        raise ValueError(f"the bound does not cover {', '.join(found)}; choose another scenario")


def _limits(params: Params, supply: pair_supply.Supply) -> list[list[Any]]:
    network, consensus, (kinds, nodes) = params.network, params.consensus, supply.lasts.shape
    in_all = np.ones((1, kinds))
    data = _kron(in_all, sparse.diags(supply.pairs))
    key = _kron(in_all, sparse.diags(supply.pairs * supply.bits))
    number, times = network.teams.number, sparse.eye(kinds * nodes)
    each, member = sparse.eye(number), team_program.members(network)
    ends = np.broadcast_to(np.asarray(teams.ends(network), float), nodes)
    memories = int(network.memories.per_link) // np.maximum(ends, 1) * ends
    # A node that is not QPU 0 of its team needs no tags.
    bits = np.broadcast_to(np.asarray(network.key.node_bits, float), nodes)
    tag = 0 * bits if network.unauthenticated_spend else bits
    # With `cache`, updates of earlier rounds fill the quorum, too.
    cached = consensus.unauthenticated_updates is protocol.UNAUTHENTICATED["cache"]
    quorum = 0 if cached else int(consensus.votes_needed * consensus.tolerated) + 1
    one, ones, none = np.ones((1, 1)), np.ones((number, 1)), None
    return [
        [times, times, times, none, none, -np.kron(supply.windows, supply.whole)[:, None]],
        [data, none, none, -sparse.diags(memories) @ member, none, none],
        [-data, none, none, sparse.diags(ends) @ member, none, none],
        *([each @ data, none, none, none, none, none] for each in team_program.coupling(network)),
        [none, data, none, none, none, -supply.most_keyed[:, None]],
        [none, -key, none, sparse.diags(tag) @ member, none, none],
        [none, none, none, each, -ones, none],
        [none, none, none, -ones.T, quorum * one, none],
        [none, none, none, none, one, -one],
    ]


def _best(program: _Program, worth: Numbers, fixed: sparse.csr_array, to: Numbers) -> float:
    found = linprog(
        -worth,
        A_ub=program.limits,
        b_ub=program.limits @ np.zeros(worth.size),
        A_eq=fixed,
        b_eq=to,
        bounds=[(0, None if possible else 0) for possible in program.can],
        method="highs",
    )
    if not found.success:
        raise RuntimeError(f"The program of the bound was not solved: {found.message}")
    return float(-found.fun)


def _kron(*factors: Any) -> sparse.csr_array:  # noqa: ANN401 - any matrices
    return sparse.csr_array(reduce(sparse.kron, factors))
