"""Heralded pairs are binomial in the attempts, and the attempts fit into the channel-time."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from network import built

from ceas_gym.network import generation
from ceas_gym.types import Network

DRAWS = 20_000
attempts = jax.jit(generation.attempts)


@jax.jit
def herald_many(network: Network, schedule: jax.Array, keys: jax.Array) -> jax.Array:
    tried = generation.attempts(network, schedule)
    links = built.steady(network)
    return jax.vmap(lambda key: generation.herald(links, tried, key))(keys)


def star(rate: list[float], **changes: Any) -> Network:
    """Returns a star with these attempts per window, on ten modes, and other changes."""
    columns = {name: np.array(value)[:, None] for name, value in changes.items()}
    return built.star(attempts_per_window=np.array(rate)[:, None], **columns)


def schedule_of(*shares: float) -> jax.Array:
    return jnp.array([shares, shares])


def draws(network: Network, schedule: jax.Array, seed: int) -> np.ndarray:
    """Heralded pairs of many independent rounds of two windows, shape (draws, 2, nodes)."""
    keys = jax.random.split(jax.random.key(seed), DRAWS)
    return np.asarray(herald_many(network, schedule, keys), dtype=np.float64)[..., 0]


def test_attempts_by_hand() -> None:
    network = built.altered(star([4.0, 2.5, 0.9]), modes=jnp.int32(3))
    schedule = jnp.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.5, 0.4, 1.0], [0.49, 0.8, 0.5]])
    tried = [[0, 0, 0], [12, 6, 0], [6, 3, 0], [3, 6, 0]]
    assert attempts(network, schedule)[..., 0].tolist() == tried


def test_every_hop_of_a_route_has_the_same_channel_time() -> None:
    rates = [[4.0, 2.5], [10.0, 0.0]]
    network = built.star(attempts_per_window=rates, modes=jnp.int32(2))
    schedule = jnp.array([[1.0, 0.25], [0.5, 0.0]])
    assert attempts(network, schedule).tolist() == [[[8, 4], [4, 0]], [[4, 2], [0, 0]]]


@pytest.mark.usefixtures("exact")
def test_attempts_fill_the_channel_time_and_never_exceed_it() -> None:
    random = np.random.default_rng(0)
    rate = [0.7, 13.3, 9876.5]
    schedule = random.uniform(size=(500, 3))
    rounds = np.asarray(attempts(star(rate), jnp.asarray(schedule)))[..., 0] / 10
    assert (rounds == rounds.round()).all()
    assert (rounds / rate <= schedule).all()
    assert ((rounds + 1) / rate > schedule).all()


def test_attempts_of_a_feasible_schedule_fit_into_the_channels() -> None:
    rate = np.array([700.2, 13.3, 9876.5])
    schedule = np.random.default_rng(1).dirichlet(np.ones(3), size=300).astype(np.float32)
    rounds = np.asarray(attempts(star(rate.tolist()), jnp.asarray(schedule)))[..., 0] / 10
    channel_time = (rounds / rate).sum(axis=1)
    assert (channel_time <= 1 + 1e-6).all()
    assert (channel_time > 1 - (1 / rate).sum()).all()


# (attempts of one mode, success probability): sparse, dense, and the two algorithms of JAX.
REGIMES = ([3.0, 50.0, 9000.0], [0.3, 0.9, 0.0055])


@pytest.mark.parametrize("share", [0.34, 1.0])
def test_mean_and_variance_are_binomial(share: float) -> None:
    network = star(REGIMES[0], success_probability=REGIMES[1])
    schedule = schedule_of(share, share, share)
    pairs = draws(network, schedule, seed=2)
    tried = np.asarray(attempts(network, schedule)[0, :, 0], dtype=np.float64)
    success = np.array(REGIMES[1])
    spread = tried * success * (1 - success)
    fourth = spread * (1 + 3 * (tried - 2) * success * (1 - success))
    mean_error = np.abs(pairs.mean(axis=0) - tried * success)
    spread_error = np.abs(pairs.var(axis=0, ddof=1) - spread)
    assert (mean_error <= 4 * np.sqrt(spread / DRAWS)).all()
    assert (spread_error <= 4 * np.sqrt((fourth - spread**2) / DRAWS)).all()
    assert (pairs >= 0).all()
    assert (pairs <= tried).all()


def test_links_and_windows_are_independent() -> None:
    network = star([5.0, 5.0, 5.0], success_probability=[0.2, 0.2, 0.2])
    pairs = draws(network, schedule_of(1.0, 1.0, 1.0), seed=3).reshape(DRAWS, 6)
    correlation = np.corrcoef(pairs.T)[np.triu_indices(6, k=1)]
    assert (np.abs(correlation) <= 4 / np.sqrt(DRAWS)).all()


def test_certain_and_hopeless_attempts() -> None:
    network = star([7.0, 7.0, 7.0], success_probability=[1.0, 0.0, 1.0])
    pairs = draws(network, schedule_of(1.0, 1.0, 0.0), seed=0)
    assert (pairs == [70, 0, 0]).all()


def test_more_channel_time_never_makes_fewer_attempts() -> None:
    shares = jnp.linspace(0.0, 1.0, 1001)[:, None] * jnp.ones(3)
    assert bool((jnp.diff(attempts(built.star(), shares), axis=0) >= 0).all())


def test_key_decides_the_pairs() -> None:
    network, schedule = built.star(), schedule_of(0.5, 0.5, 0.5)
    first = draws(network, schedule, seed=0)
    assert (first == draws(network, schedule, seed=0)).all()
    assert (first != draws(network, schedule, seed=1)).mean() > 0.9
