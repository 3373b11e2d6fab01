"""Heralded pairs are binomial in the attempts, and the attempts fit into the channel-time."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceas_gym.network import generation
from ceas_gym.types import Network

Star = Callable[..., Network]
DRAWS = 20_000
attempts = jax.jit(generation.attempts)
herald_many = jax.jit(jax.vmap(generation.herald, in_axes=(None, None, 0)))


def schedule_of(*shares: float) -> jax.Array:
    return jnp.array([shares, shares])


def draws(network: Network, schedule: jax.Array, seed: int) -> np.ndarray:
    """Heralded pairs of many independent rounds of two windows, shape (draws, 2, nodes)."""
    keys = jax.random.split(jax.random.key(seed), DRAWS)
    return np.asarray(herald_many(network, schedule, keys), dtype=np.float64)


def test_attempts_by_hand(star: Star) -> None:
    network = star(attempts_per_window=[4.0, 2.5, 0.9], modes=jnp.int32(3))
    schedule = jnp.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.5, 0.4, 1.0], [0.49, 0.8, 0.5]])
    tried = [[0, 0, 0], [12, 6, 0], [6, 3, 0], [3, 6, 0]]
    assert attempts(network, schedule).tolist() == tried


@pytest.mark.usefixtures("exact")
def test_attempts_fill_the_channel_time_and_never_exceed_it(star: Star) -> None:
    random = np.random.default_rng(0)
    rate = np.array([0.7, 13.3, 9876.5])
    schedule = random.uniform(size=(500, 3))
    rounds = np.asarray(attempts(star(attempts_per_window=rate), jnp.asarray(schedule))) / 10
    assert (rounds == rounds.round()).all()
    assert (rounds / rate <= schedule).all()
    assert ((rounds + 1) / rate > schedule).all()


def test_attempts_of_a_feasible_schedule_fit_into_the_channels(star: Star) -> None:
    rate = np.array([700.2, 13.3, 9876.5])
    schedule = np.random.default_rng(1).dirichlet(np.ones(3), size=300).astype(np.float32)
    rounds = np.asarray(attempts(star(attempts_per_window=rate), jnp.asarray(schedule))) / 10
    channel_time = (rounds / rate).sum(axis=1)
    assert (channel_time <= 1 + 1e-6).all()
    assert (channel_time > 1 - (1 / rate).sum()).all()


# (attempts of one mode, success probability): sparse, dense, and the two algorithms of JAX.
REGIMES = ([3.0, 50.0, 9000.0], [0.3, 0.9, 0.0055])


@pytest.mark.parametrize("share", [0.34, 1.0])
def test_mean_and_variance_are_binomial(star: Star, share: float) -> None:
    network = star(attempts_per_window=REGIMES[0], success_probability=REGIMES[1])
    schedule = schedule_of(share, share, share)
    pairs = draws(network, schedule, seed=2)
    tried = np.asarray(attempts(network, schedule)[0], dtype=np.float64)
    success = np.array(REGIMES[1])
    spread = tried * success * (1 - success)
    fourth = spread * (1 + 3 * (tried - 2) * success * (1 - success))
    mean_error = np.abs(pairs.mean(axis=0) - tried * success)
    spread_error = np.abs(pairs.var(axis=0, ddof=1) - spread)
    assert (mean_error <= 4 * np.sqrt(spread / DRAWS)).all()
    assert (spread_error <= 4 * np.sqrt((fourth - spread**2) / DRAWS)).all()
    assert (pairs >= 0).all()
    assert (pairs <= tried).all()


def test_links_and_windows_are_independent(star: Star) -> None:
    network = star(attempts_per_window=[5.0, 5.0, 5.0], success_probability=[0.2, 0.2, 0.2])
    pairs = draws(network, schedule_of(1.0, 1.0, 1.0), seed=3).reshape(DRAWS, 6)
    correlation = np.corrcoef(pairs.T)[np.triu_indices(6, k=1)]
    assert (np.abs(correlation) <= 4 / np.sqrt(DRAWS)).all()


def test_certain_and_hopeless_attempts(star: Star) -> None:
    network = star(attempts_per_window=[7.0, 7.0, 7.0], success_probability=[1.0, 0.0, 1.0])
    pairs = draws(network, schedule_of(1.0, 1.0, 0.0), seed=0)
    assert (pairs == [70, 0, 0]).all()


def test_more_channel_time_never_makes_fewer_attempts(star: Star) -> None:
    shares = jnp.linspace(0.0, 1.0, 1001)[:, None] * jnp.ones(3)
    assert bool((jnp.diff(attempts(star(), shares), axis=0) >= 0).all())


def test_key_decides_the_pairs(star: Star) -> None:
    network, schedule = star(), schedule_of(0.5, 0.5, 0.5)
    first = draws(network, schedule, seed=0)
    assert (first == draws(network, schedule, seed=0)).all()
    assert (first != draws(network, schedule, seed=1)).mean() > 0.9
