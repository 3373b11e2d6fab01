"""Prices of information and of key for bounds on closed loops: the dual of a fluid program.

The program divides everything: w_T rounds of T windows in a window of time, channel-time for
information and for key by the age that its pairs have at the barrier, and nodes that take part with
a chance. An objective enters by a `barrier_worth.Model`.

    maximise    worth
    subject to  worth <= c sum_T w_T + s sum_k r_k                        for every line (c, s),
                r_k <= c z_k + s I_k                                      for every tangent (c, s),
                sum_k z_k = served sum_T w_T,  z_k <= sum_T w_T,  I_k <= most_k z_k,
                I_k <= sum_a pairs_k value_ak x_ak                        price of information,
                tag z_k <= sum_a pairs_k bits_k y_ak                      price of key,
                sum_k passes_bk (x_ak + y_ak) <= channels_b W_a,  x_ak + y_ak <= whole_k W_a,
                sum_T (T + barrier) w_T <= 1,

with W_a = sum_{T > a} w_T, the windows that are so many before their barrier; those that are too
early for information are taken together. No bound rests on this program or on its solver, because
every price gives a bound (`fluid`). A good solution only makes it a low one.
"""

from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from ceas_agents.bounds.barrier_worth import Model, Objective, Prices
from ceas_agents.bounds.yields import Yields

Numbers = NDArray[np.float64]
LEAST_PRICE = 1e-9
"""Least price of information, as a share of the highest one: prices must be above zero."""


def prices(yields: Yields, objective: Objective) -> Iterator[Prices]:
    """Yields good prices for each model of the objective.

    Args:
        yields: What channel-time yields, of at least one node.
        objective: What is counted at a barrier.

    Raises:
        RuntimeError: If the solver fails.
    """
    if yields.most.size:
        yield from (_solve(yields, model) for model in objective.models(yields))


def _solve(yields: Yields, model: Model) -> Prices:
    blocks, most = zip(*_limits(yields, model), strict=True)
    limits = sparse.csr_array(sparse.bmat(blocks))
    objective = np.zeros(limits.shape[1])
    objective[0] = -1
    found = linprog(objective, A_ub=limits, b_ub=np.concatenate(most), method="highs")
    if not found.success:
        raise RuntimeError(f"The program of the prices was not solved: {found.message}")
    nodes = yields.most.size
    of_information, of_key = -found.ineqlin.marginals[: 2 * nodes].reshape(2, nodes)
    least = LEAST_PRICE * max(of_information.max(), LEAST_PRICE)
    return Prices(np.maximum(of_information, least), np.maximum(of_key, 0))


def _limits(yields: Yields, model: Model) -> list[tuple[list[Any], Numbers]]:
    # Rows of blocks by variable (worth, w, z, I, r, x, y), each with its right-hand side. The last
    # age stands for all windows that are too early for information.
    (ages, nodes), (pieces, lines) = yields.value.shape, (model.tangents.shape[1], len(model.lines))
    lengths = np.arange(1, yields.longest + 1.0)
    rounds, each, none = np.ones((1, lengths.size)), sparse.eye(nodes), None
    value = sparse.hstack([sparse.diags(yields.pairs * row) for row in (*yields.value, 0 * yields.pairs)])
    bits = _kron(np.ones((1, ages + 1)), sparse.diags(yields.pairs * yields.bits))
    windows = np.stack([*(lengths > age for age in range(ages)), np.maximum(lengths - ages, 0)])
    use = sparse.eye((ages + 1) * nodes)
    through = _kron(sparse.eye(ages + 1), yields.passes)
    channels = _kron(windows, yields.channels[:, None])
    rise, slope = model.tangents.transpose(2, 1, 0).reshape(2, -1)
    stacked = _kron(np.ones((pieces, 1)), each)
    limits: list[tuple[list[Any], Numbers]] = [
        ([none, none, none, each, none, -value, none], np.zeros(nodes)),
        ([none, none, yields.tag_bits * each, none, none, none, -bits], np.zeros(nodes)),
        ([np.ones((lines, 1)), -model.lines[:, :1] * rounds, none, none, -model.lines[:, 1:] * np.ones((1, nodes)), none, none], np.zeros(lines)),
        ([none, none, -sparse.diags(rise) @ stacked, -sparse.diags(slope) @ stacked, stacked, none, none], np.zeros(rise.size)),
        ([none, -_kron(np.ones((nodes, 1)), rounds), each, none, none, none, none], np.zeros(nodes)),
        ([none, none, -sparse.diags(yields.most), each, none, none, none], np.zeros(nodes)),
        ([none, -channels, none, none, none, through, through], np.zeros(channels.shape[0])),
        ([none, -_kron(windows, yields.whole[:, None]), none, none, none, use, use], np.zeros(use.shape[0])),
        ([none, lengths[None] + yields.barrier, none, none, none, none, none], np.ones(1)),
    ]
    if model.served is not None:
        taking_part = [none, -model.served * rounds, np.ones((1, nodes)), none, none, none, none]
        fewer = [None if block is None else -block for block in taking_part]
        limits += [(taking_part, np.zeros(1)), (fewer, np.zeros(1))]
    return limits


def _kron(*factors: Any) -> sparse.csr_array:  # noqa: ANN401 - any matrices
    return sparse.csr_array(reduce(sparse.kron, factors))
