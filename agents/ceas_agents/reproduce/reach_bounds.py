"""What any schedule can reach: useful pairs of a round, and utilization on busy channels.

Utilization alone is cheap: who makes few pairs can use them all. So two linear programs bound what
can be had. Their variables are means over an episode: of a whole channel's time in window w on the
link to node k, x for data, y for key and v for pairs that come to nothing; u is the share of rounds
that commit with the node's update counted, and c the share that commit at all.

    maximise    sum_wk pairs_k (x_wk + y_wk)
    subject to  sum_k (x_wk + y_wk + v_wk) <= channels,   x_wk + y_wk + v_wk <= 1,
                qubits u_k <= sum_w pairs_k x_wk <= memories u_k,
                tag u_k <= sum_w key_k y_wk <= most_key,
                u_k <= c <= 1,   quorum c <= sum_k u_k,
                x_wk = 0 if a pair of window w expires before the barrier.

The means of every scheduler meet these, whatever it knows of the past: the mean number of pairs is
at most linear in channel-time; a pair that is spent was made in a window from which it outlives the
round; no barrier spends more pairs of a node than the whole shots in full memories, nor less than
one shot; tags come from the key pool; only a quorum commits. The pool is full at most at the last
barrier. Before, a round takes a tag from it; or key expires, and then all that left it within L
rounds is at most its capacity, since the oldest key is spent first. In T rounds that makes

    most_key = [(T - 1) max(tag, capacity / L) + capacity] / T   a round.

Left out, so that the bounds are too high: pairs and attempts are whole and their number is luck;
the pool measures what it needs, and not what a schedule would like; memories may be full before the
barrier; a quorum whose weights are too unequal does not commit.
"""

from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from ceas_gym.consensus import protocol
from ceas_gym.network import forecast, key_pool
from ceas_gym.types import Params

Numbers = NDArray[np.float64]


class _Program(NamedTuple):
    # Columns are x, y, v, u, c and the number one, by which all can be scaled.
    useful: Numbers
    made: Numbers
    hub: sparse.csr_array
    """Channels in use in each window, less all of them."""
    limits: sparse.csr_array
    """Times the columns, these are at most zero."""
    can: NDArray[np.bool_]
    """Which columns may be positive."""


def most_useful_pairs(params: Params) -> float:
    """Returns an upper bound on the mean useful pairs of a round, whatever the schedule.

    Useful is a pair measured into key or spent on an accepted update of a committed round, as in
    `metrics.useful_pairs`. The mean is over luck and all rounds of an episode.

    Args:
        params: Of a scenario with steady links of one hop.

    Raises:
        ValueError: If pairs wait at relays, links or coherence change, or pairs are tested.

    Example:
        >>> from ceas_gym import config, parameters
        >>> 0 < most_useful_pairs(parameters.build(config.load("tiny"))) < 4 * 860
        True
    """
    program = _program(params)
    one = np.zeros((1, program.useful.size))
    one[0, -1] = 1
    return _best(program, program.useful, sparse.csr_array(one), np.ones(1))


def most_utilization_when_busy(params: Params) -> float:
    """Returns an upper bound on useful over generated pairs, if all channels are always busy.

    Both are means as in `most_useful_pairs`. The ratio of two linear functions is linear once all
    variables are scaled until the pairs generated are a fixed number. Neglected are the attempts
    that a window's end cuts off: less than one in each window on each mode of a link.

    Args:
        params: Of a scenario with steady links of one hop.

    Raises:
        ValueError: As `most_useful_pairs`.

    Source:
        Charnes and Cooper, Naval Research Logistics Quarterly 9, 181 (1962).

    Example:
        >>> from ceas_gym import config, parameters
        >>> 0 < most_utilization_when_busy(parameters.build(config.load("tiny"))) <= 1
        True
    """
    program, windows = _program(params), params.network.windows
    # The solver's tolerances are absolute, so numbers should be near one.
    scale = program.made.max() * windows * float(params.network.channels[0])
    fixed = sparse.csr_array(sparse.vstack([program.hub, program.made[None] / scale]))
    to = np.append(np.zeros(windows), 1.0)
    return _best(program, program.useful / scale, fixed, to)


def _program(params: Params) -> _Program:
    network = params.network
    _check(params)
    windows, nodes = network.windows, network.vertex.size
    links = forecast.nominal(network)
    tried = network.attempts_per_window * network.modes
    pairs = np.asarray((tried * links.success_probability)[:, 0], float)
    new = forecast.new_contraction(network, links)
    bits = np.asarray(key_pool.bits_per_pair(network, new), float)
    left = np.arange(windows)[::-1, None]
    lasts = (left < np.asarray(forecast.lifetime(network, links))).ravel()
    full = np.full((windows, 1), -min(float(network.channels[0]), nodes))
    served = [_kron(sparse.eye(windows), np.ones((1, nodes)))] * 3
    hub = sparse.hstack([*served, sparse.csr_array((windows, nodes + 1)), full])
    each, rest = np.tile(pairs, windows), np.zeros(nodes + 2)
    return _Program(
        useful=np.concatenate([each, each, 0 * each, rest]),
        made=np.concatenate([each, each, each, rest]),
        hub=sparse.csr_array(hub),
        limits=sparse.csr_array(sparse.vstack([hub, sparse.bmat(_limits(params, pairs, bits))])),
        can=np.concatenate(
            [lasts, np.tile(bits > 0, windows), np.ones(each.size + rest.size, bool)]
        ),
    )


def _check(params: Params) -> None:
    network = params.network
    barred = {
        "relays": network.is_hop.shape[1] > 1,
        "drifting coherence": network.drifts,
        "links that change": float(network.weather.transition[0, 0]) < 1,
        "verification": network.verifies,
        "jamming": "jamming" in params.adversary.sabotage,
    }
    if found := [name for name, present in barred.items() if present]:
        raise ValueError(f"the bounds do not cover {', '.join(found)}; choose another scenario")


def _limits(params: Params, pairs: Numbers, bits: Numbers) -> list[list[Any]]:
    network, consensus, nodes = params.network, params.consensus, pairs.size
    in_all = np.ones((1, network.windows))
    data, key = _kron(in_all, sparse.diags(pairs)), _kron(in_all, sparse.diags(pairs * bits))
    times, each = sparse.eye(in_all.size * nodes), sparse.eye(nodes)
    memories = int(network.memories) // network.qubits * network.qubits
    tag = 0.0 if network.unauthenticated_spend else float(network.tag_bits)
    # With `cache`, updates of earlier rounds fill the quorum, too.
    cached = consensus.lapse is protocol.LAPSES["cache"]
    quorum = 0 if cached else int(consensus.votes_needed * consensus.tolerated) + 1
    one, ones, none = np.ones((1, 1)), np.ones((nodes, 1)), None
    return [
        [times, times, times, none, none, -np.ones((in_all.size * nodes, 1))],
        [data, none, none, -memories * each, none, none],
        [-data, none, none, network.qubits * each, none, none],
        [none, key, none, none, none, -most_key_bits(params) * ones],
        [none, -key, none, tag * each, none, none],
        [none, none, none, each, -ones, none],
        [none, none, none, -ones.T, quorum * one, none],
        [none, none, none, none, one, -one],
    ]


def most_key_bits(params: Params) -> float:
    """Returns the most key that a node's pool can take on average in a round, in bits.

    Example:
        >>> from ceas_gym import config, parameters
        >>> tiny = parameters.build(config.load("tiny", {"episode.rounds": 1}))
        >>> most_key_bits(tiny) == 2 * float(tiny.network.tag_bits)
        True
    """
    network, rounds = params.network, int(params.rounds)
    capacity = float(network.key_capacity_bits)
    lapses = capacity / network.key_slots if network.key_expires else 0.0
    return ((rounds - 1) * max(float(network.tag_bits), lapses) + capacity) / rounds


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
