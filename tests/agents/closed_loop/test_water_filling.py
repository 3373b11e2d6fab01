"""Water-filling: feasible, and as good as a convex solver finds."""

from functools import partial

import cvxpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceas_agents.policies.closed_loop import water_filling
from ceas_gym.types import Switch

NODES = 7
pour = jax.jit(water_filling.pour)


@partial(jax.jit, static_argnames="power")
def share_out(passes, value, held, most, channels, power):
    switch = Switch(channels=channels, passes=passes, quota=jnp.float32(1))
    return water_filling.share_out(switch, value, held, most, channels, power)


def drawn(seed, fibres=0):
    """Returns values, holdings, limits, channels and routes at random; some nodes are useless."""
    random = np.random.default_rng(seed)
    value = random.uniform(0.5, 300, NODES) * (random.random(NODES) < 0.85)
    held = random.choice([0.0, 1.0, 40.0], NODES)
    most = random.uniform(0, 1, NODES) * (random.random(NODES) < 0.9)
    # A tree: the nodes behind a fibre, and within the first one some behind another.
    passes = np.ones((1 + fibres, NODES))
    for fibre in range(1, 1 + fibres):
        passes[fibre] = passes[fibre - 1] * (np.arange(NODES) < NODES - fibre)
    channels = np.array([2.0, 1.0, 0.4][: 1 + fibres])
    return [np.asarray(each, np.float32) for each in (passes, value, held, most, channels)]


def optimum(passes, value, held, most, channels, power):
    """Returns the greatest sum of roots or logarithms over the useful nodes."""
    useful = np.flatnonzero((value > 0) & (most > 0))
    shares = cvxpy.Variable(len(useful), nonneg=True)
    information = held[useful] + cvxpy.multiply(value[useful], shares)
    limits = [shares <= most[useful], passes[:, useful] @ shares <= channels]
    of = cvxpy.sqrt if power == 2 else cvxpy.log
    problem = cvxpy.Problem(cvxpy.Maximize(cvxpy.sum(of(information))), limits)
    problem.solve(solver="CLARABEL")
    return float(np.asarray(problem.value))


def reached(shares, value, held, most, power):
    useful = (value > 0) & (most > 0)
    information = (held + value * shares)[useful]
    return float((np.sqrt if power == 2 else np.log)(information).sum())


def check(fibres, power):
    for seed in range(12):
        passes, value, held, most, channels = drawn(seed, fibres)
        shares = np.asarray(share_out(passes, value, held, most, channels, power))
        assert shares.min() >= 0
        assert (shares <= most + 1e-6).all()
        assert (passes @ shares <= channels + 1e-4).all()
        best = optimum(passes, value, held, most, channels, power)
        assert reached(shares, value, held, most, power) == pytest.approx(best, rel=5e-4, abs=2e-3)


@pytest.mark.parametrize("power", [1, 2])
def test_channels_are_filled_as_the_solver_fills_them(power):
    check(0, power)


@pytest.mark.parametrize("power", [1, 2])
def test_shared_fibres_are_filled_as_the_solver_fills_them(power):
    check(2, power)


def test_windows_of_one_hub_can_be_poured_alone():
    for seed in range(4):
        passes, value, held, most, channels = drawn(seed)
        shares = share_out(passes, value, held, most, channels, 2)
        poured = pour(value, held, most, channels[0])
        assert np.asarray(poured) == pytest.approx(np.asarray(shares), abs=1e-6)


def test_what_everybody_can_use_is_given_if_it_fits():
    most = np.array([0.5, 0.25, 0.0, 1.0], np.float32)
    shares = pour(np.array([1.0, 300.0, 5.0, 0.0], np.float32), np.zeros(4, np.float32), most, 1.0)
    assert np.asarray(shares) == pytest.approx([0.5, 0.25, 0.0, 0.0], abs=1e-6)


def test_a_little_is_shared_as_exactly_as_a_lot():
    """A node of hardly any value makes the greatest level huge; the others still get their part."""
    value = np.array([100.0, 100.0, 1e-2], np.float32)
    shares = np.asarray(pour(value, np.zeros(3, np.float32), np.ones(3, np.float32), 0.01))
    assert shares[:2] == pytest.approx(0.005, rel=1e-3)


def test_several_horizons_at_once_are_each_filled_alone():
    _, value, held, most, _ = drawn(5)
    times = np.array([0.5, 1.0, 3.0], np.float32)
    each = jnp.stack([pour(value, held, most, time) for time in times])
    together = pour(*(jnp.broadcast_to(a, (3, NODES)) for a in (value, held, most)), times)
    assert np.asarray(together) == pytest.approx(np.asarray(each), abs=1e-6)
