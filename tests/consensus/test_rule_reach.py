"""How far Byzantine nodes move each rule, whatever they send: never beyond its stated constant."""

from typing import Any

import jax
import numpy as np
import pytest
from consensus.rule_cases import (
    COMPOSED,
    NODES,
    ROBUST,
    SIZE,
    WIDTHS,
    Floats,
    Round,
    result,
    rounds,
    shares,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ceas_gym.consensus import rules
from ceas_gym.consensus.rules import weighted

few = settings(derandomize=True, deadline=None, max_examples=40)
INSIDE = ["median", "trimmed_mean", "bucketing+median", "bucketing+trimmed_mean"]


def constant(name: str, beta: float) -> float:
    """Returns C of the table in `rules`."""
    step, _, rest = name.partition("+")
    if rest:
        return constant(rest, beta) * (3 if step == "nnm" else 1) + 1
    of_krum = 1 + np.sqrt((1 - beta) / (1 - 2 * beta))
    return {
        "median": np.sqrt(SIZE),
        "trimmed_mean": np.sqrt(SIZE),
        "geometric_median": 1 + 5 / (1 - 2 * beta) ** 2,
        "centred_clipping": (1 + 5 * beta) * np.sqrt(SIZE),
        "krum": of_krum,
        "multi_krum": of_krum,
    }[name]


def rounding(honest: Floats, width: Any) -> float:
    """Returns what may be lost in sums over the nodes, of normal numbers or of the least ones."""
    limits = np.finfo(width)
    return float(8 * NODES * (limits.eps * np.abs(honest).max() + limits.tiny))


def check_reach(name: str, case: Round, width: Any) -> None:
    found = result(name, case.updates, case.weights, case.byzantine, width)
    honest = case.updates[case.honest].astype(width).astype(np.float64)
    unit = np.abs(honest).max() or 1.0  # Else squares would be too small even here.
    apart = unit * np.linalg.norm((honest[:, None] - honest) / unit, axis=2).max()
    away = unit * np.linalg.norm((honest - found) / unit, axis=1).max()
    beta = shares(case.weights, rules.votes_needed(name) // 2 * case.byzantine)
    margin = rounding(honest, width)
    assert away <= constant(name, beta) * (apart + margin)
    if name in INSIDE:
        assert (found >= honest.min(axis=0) - margin).all()
        assert (found <= honest.max(axis=0) + margin).all()


@pytest.mark.parametrize("name", [*ROBUST, *COMPOSED])
@few
@given(data=st.data())
def test_result_is_within_a_constant_of_the_honest_range(name: str, data: st.DataObject) -> None:
    case = data.draw(rounds(rules.votes_needed(name)))
    for width in WIDTHS:
        check_reach(name, case, width)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [*ROBUST, *COMPOSED])
def test_honest_nodes_that_agree_are_followed(name: str, width: Any) -> None:
    updates = np.tile(np.array([1.0, -2.0, 0.5, 0.0]), (NODES, 1))
    updates[1], updates[4] = 3e38, -1e10
    found = result(name, updates, np.full(NODES, 1 / NODES), 2, width)
    assert np.abs(found - updates[0]).max() <= 8 * np.finfo(width).eps


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [*ROBUST, *COMPOSED])
def test_idle_honest_nodes_are_followed(name: str, width: Any) -> None:
    # All but two send zeros, and these two have nothing in common but their size.
    updates = np.zeros((NODES, SIZE))
    updates[[1, 4]] = [[1e10, 0, -1e10, 1], [3e38, 3e38, 0, 1e20]]
    assert (result(name, updates, np.full(NODES, 1 / NODES), 2, width) == 0).all()


@pytest.mark.parametrize("name", ["trimmed_mean", "multi_krum", "nnm+trimmed_mean"])
def test_weights_of_numpy_are_rounded_to_the_width_of_jax(name: str) -> None:
    # Uncompiled, they come in 64 bits. Of 23 times 1/23, sums in 32 bits are not what they should
    # be, and a trimmed update must not be left with the difference.
    updates, equal = np.random.default_rng(0).normal(size=(23, 17)), np.full(23, 1 / 23)
    most = np.abs(updates[6:]).max()
    for sent in (1e10, 1e20, 3e38):
        updates[:6] = sent
        found = rules.get(name)(updates, equal, 6)  # pyright: ignore[reportArgumentType]
        assert np.abs(found).max() <= most


def test_shares_are_exact_to_the_last_bit() -> None:
    # In 32 bits and whatever the order of summation, over many weights that 32 bits can't hold.
    random, nodes = np.random.default_rng(1), 23
    weights = random.dirichlet(np.full(nodes, 20.0), 500)
    values, byzantine = random.normal(size=(500, nodes)), random.integers(0, 9, 500)

    def split(values: jax.Array, weights: jax.Array, byzantine: jax.Array) -> Any:
        kept = weighted.kept_share(weights, byzantine)
        return weighted.lowest(values, weights, kept), kept

    lowest, kept = map(np.asarray, jax.jit(jax.vmap(split))(values, weights, byzantine))
    for order in (lowest, lowest[:, ::-1], np.sort(lowest)):
        assert (np.cumsum(order, axis=1, dtype=np.float32)[:, -1] == kept).all()
