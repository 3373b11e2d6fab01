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
Limit = tuple[dict[str, Any], Numbers]
"""Blocks of a row of limits by the variables, and the most that their sum may be."""
VARIABLES = (
    *("worth", "rounds", "present", "information", "roots"),
    *("for_information", "for_key"),
)
"""The worth, w, z, I, r, x and y."""
LEAST_PRICE = 1e-9
"""Least price of information, as a share of the highest one: prices must be above zero."""


def prices(yields: Yields, objective: Objective) -> Iterator[Prices]:
    """Yields good prices for each model of the objective; none if no node can take part.

    Args:
        yields: What channel-time yields.
        objective: What is counted at a barrier.

    Raises:
        RuntimeError: If the solver fails.
    """
    if yields.most.size:
        yield from (_solve(yields, model) for model in objective.models(yields))


def _solve(yields: Yields, model: Model) -> Prices:
    limits = [*_of_nodes(yields, model), *_of_barriers(yields, model), *_of_channels(yields)]
    rows = [[blocks.get(name) for name in VARIABLES] for blocks, _ in limits]
    most = np.concatenate([most for _, most in limits])
    program: Any = sparse.csr_array(sparse.bmat(rows))
    found = linprog(-np.eye(1, program.shape[1])[0], A_ub=program, b_ub=most, method="highs")
    if not found.success:
        raise RuntimeError(f"The program of the prices was not solved: {found.message}")
    nodes = yields.most.size
    of_information, of_key = -found.ineqlin.marginals[: 2 * nodes].reshape(2, nodes)
    least = LEAST_PRICE * max(of_information.max(), LEAST_PRICE)
    return Prices(np.maximum(of_information, least), np.maximum(of_key, 0))


def _of_nodes(yields: Yields, model: Model) -> Iterator[Limit]:
    # The first two have the prices as dual variables. No information comes from the last age.
    ages, nodes = yields.value.shape
    each, nothing = sparse.eye(nodes), np.zeros(nodes)
    value = [sparse.diags(yields.pairs * row) for row in np.vstack([yields.value, nothing])]
    bits = _kron(np.ones((1, ages + 1)), sparse.diags(yields.pairs * yields.bits))
    yield {"information": each, "for_information": -sparse.hstack(value)}, nothing
    yield {"present": yields.tag_bits * each, "for_key": -bits}, nothing
    yield {"information": each, "present": -sparse.diags(yields.most)}, nothing
    yield {"present": each, "rounds": -np.ones((nodes, yields.longest))}, nothing
    for rise, slope in model.tangents.transpose(1, 2, 0):
        roots = {"present": -sparse.diags(rise), "information": -sparse.diags(slope)}
        yield {"roots": each, **roots}, nothing


def _of_barriers(yields: Yields, model: Model) -> Iterator[Limit]:
    rounds, nodes = np.ones((1, yields.longest)), np.ones((1, yields.most.size))
    rise, slope = model.lines[:, :1], model.lines[:, 1:]
    roots = {"rounds": -rise * rounds, "roots": -slope * nodes}
    yield {"worth": np.ones_like(rise), **roots}, np.zeros(len(rise))
    times = np.arange(1, yields.longest + 1) + yields.barrier
    yield {"rounds": times[None]}, np.ones(1)
    if model.served is not None:
        for sign in (1, -1):
            yield {"present": sign * nodes, "rounds": -sign * model.served * rounds}, np.zeros(1)


def _of_channels(yields: Yields) -> Iterator[Limit]:
    # The windows of a round that are so many before its barrier; the last are all earlier ones.
    ages, nodes = yields.value.shape
    lengths = np.arange(1, yields.longest + 1)
    windows = [*(lengths > age for age in range(ages)), np.maximum(lengths - ages, 0)]
    every = sparse.eye(ages + 1)
    for use, most in ((yields.passes, yields.channels), (np.eye(nodes), yields.whole)):
        used, available = _kron(every, use), _kron(np.stack(windows), most[:, None])
        limit = {"for_information": used, "for_key": used, "rounds": -available}
        yield limit, np.zeros((ages + 1) * len(most))


def _kron(*factors: Any) -> sparse.csr_array:  # noqa: ANN401 - any matrices
    return sparse.csr_array(reduce(sparse.kron, factors))
