"""The loss of each rule against Monte Carlo of the rule itself, and what follows from it."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceas_agents.evaluation import contestants, play
from ceas_agents.evaluation import run as evaluation
from ceas_agents.policies import aims
from ceas_agents.sweeps.compilation import AnyOf
from ceas_gym import config
from ceas_gym.consensus import rules

DRAWS, PLACES, COORDINATES = 60, 48, 12
FAR = 1e6
"""What colluders send in each coordinate, where honest noise is about 0.1."""
ROBUST = ("median", "trimmed_mean", "geometric_median")
CASES = [
    # votes, colluders, tolerated, spread of the logarithm of the roots
    pytest.param((28, 0, 6, 0.0), marks=pytest.mark.slow),
    pytest.param((28, 6, 6, 0.0), marks=pytest.mark.slow),
    (28, 6, 6, 1.0),
    (49, 12, 12, 0.8),
    (30, 3, 12, 0.8),
]


def roots_of(votes: int, spread: float) -> np.ndarray:
    return 10 * np.exp(spread * np.random.default_rng(votes).normal(size=votes))


@functools.cache
def compiled_loss(name: str) -> Callable[..., Any]:
    def loss(roots: jax.Array, colluders: jax.Array, tolerated: jax.Array) -> jax.Array:
        votes = jnp.float32(roots.size)
        honest = jnp.full(roots.shape, 1 - colluders / votes)
        return aims.AIMS[name](roots, honest, aims.Crowd(votes, tolerated, COORDINATES))

    return jax.jit(jax.value_and_grad(loss))


def loss(name: str, roots: np.ndarray, colluders: float, tolerated: float = 0.0) -> float:
    return float(compiled_loss(name)(*map(jnp.float32, (roots, colluders, tolerated)))[0])


@functools.cache
def aggregates(name: str) -> Callable[..., jax.Array]:
    rule = rules.get(name)

    def run(updates: jax.Array, tolerated: jax.Array) -> jax.Array:
        votes = jnp.full(updates.shape[1], 1 / updates.shape[1])
        return jax.lax.map(lambda one: rule(one, votes, tolerated), updates, batch_size=200)

    return jax.jit(run)


def simulated(name: str, roots: np.ndarray, colluders: int, tolerated: int) -> float:
    """Root mean square of a coordinate, the colluders anywhere among the nodes."""
    random, votes = np.random.default_rng(3), len(roots)
    sent = random.normal(size=(PLACES * DRAWS, votes, COORDINATES)) / roots[:, None]
    bad = np.array([random.permutation(votes) < colluders for _ in range(PLACES)])
    sent[np.repeat(bad, DRAWS, axis=0)] = FAR
    found = aggregates(name)(jnp.asarray(sent, jnp.float32), jnp.int32(tolerated))
    return float(np.sqrt(np.mean(np.square(np.asarray(found, np.float64)))))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ROBUST)
def test_loss_is_that_of_the_rule(name: str, case: tuple[int, int, int, float]) -> None:
    votes, colluders, tolerated, spread = case
    roots = roots_of(votes, spread)
    expected = simulated(name, roots, colluders, tolerated)
    assert loss(name, roots, colluders, tolerated) == pytest.approx(expected, rel=0.1)


def test_loss_of_a_mean_is_its_scatter() -> None:
    roots, random = roots_of(20, 0.7), np.random.default_rng(0)
    noise = random.normal(size=(20_000, 20)) / roots
    mean = noise @ roots**2 / (roots**2).sum()
    error = mean.std() / np.sqrt(2 * len(mean))
    assert abs(mean.std() - loss("mean", roots, 0.0)) <= 4 * error


def test_a_coordinate_descends_where_its_gradient_is_longer_than_the_bias() -> None:
    """Under the worst colluders the mean of the median has the gradient's sign, or has it not."""
    votes, colluders = 60, 4
    roots, random = roots_of(votes, 0.4), np.random.default_rng(5)
    honest = roots[colluders:]
    bias = colluders * np.sqrt(np.pi / 2) / honest.sum()
    for length, descends in ((0.75 * bias, False), (1.25 * bias, True)):
        sent = length + random.normal(size=(4000, votes, 1)) / roots[:, None]
        sent[:, :colluders] = -FAR
        found = np.asarray(aggregates("median")(jnp.asarray(sent, jnp.float32), jnp.int32(4)))
        error = found.std() / np.sqrt(len(found))
        assert (found.mean() > 4 * error) == descends
        assert (found.mean() < -4 * error) != descends


@pytest.mark.parametrize("name", [*ROBUST, "mean"])
def test_slope_is_that_of_the_loss(name: str) -> None:
    roots = roots_of(24, 0.6)
    _, slope = compiled_loss(name)(*map(jnp.float32, (roots, 5.0, 6.0)))
    assert (np.asarray(slope) < 0).mean() > 0.7
    for node in (int(np.argmax(roots)), int(np.argsort(roots)[12])):
        step = 0.03 * roots[node] * np.eye(24)[node]
        sides = [loss(name, roots + sign * step, 5.0, 6.0) for sign in (1, -1)]
        expected = (sides[0] - sides[1]) / (2 * step[node])
        assert float(slope[node]) == pytest.approx(expected, rel=0.05, abs=2e-6)


@pytest.mark.parametrize("name", ROBUST)
def test_loss_where_it_is_known_who_is_honest(name: str) -> None:
    """Colluders on the best links: their information is lost."""
    votes, colluders = 33, 7
    roots = np.sort(roots_of(votes, 0.8))[::-1]
    random = np.random.default_rng(8)
    sent = random.normal(size=(4000, votes, COORDINATES)) / roots[:, None]
    sent[:, :colluders] = FAR
    found = aggregates(name)(jnp.asarray(sent, jnp.float32), jnp.int32(colluders))
    expected = float(np.sqrt(np.mean(np.square(np.asarray(found, np.float64)))))
    honest = jnp.asarray(np.arange(votes) >= colluders, jnp.float32)
    crowd = aims.Crowd(jnp.float32(votes), jnp.float32(colluders), COORDINATES)
    lost = jax.jit(lambda roots, honest: aims.AIMS[name](roots, honest, crowd))
    assert float(lost(jnp.asarray(roots.copy(), jnp.float32), honest)) == pytest.approx(
        expected, rel=0.08
    )


@pytest.mark.parametrize("name", ROBUST)
def test_colluders_cost_and_scale_does_not_matter(name: str) -> None:
    roots = roots_of(31, 0.5)
    losses = [loss(name, roots, bad, 9.0) for bad in range(10)]
    assert (np.diff(losses) > 0).all()
    assert loss(name, 8 * roots, 5.0, 9.0) == pytest.approx(losses[5] / 8, rel=1e-3)


def test_losses_by_rule() -> None:
    assert aims.of_rule(rules.get("clip+nnm+trimmed_mean")) is aims.trimmed_mean
    assert aims.of_rule(rules.get("geometric_median")) is aims.geometric_median
    assert aims.of_rule(rules.get("krum")) is aims.median


def test_a_rule_without_a_loss_of_its_own_is_said_aloud() -> None:
    chosen = [contestants.get(name) for name in ("ceas", "ceas:placement=random", "uniform")]
    for rule, told in (("krum", 2), ("clip+trimmed_mean", 0)):
        params = play.prepare(config.load("tiny", {"consensus.rule": rule}), chosen)
        assert len(evaluation.notes(chosen, params)) == told
    params = play.prepare(config.load("tiny", {"consensus.rule": "nnm+krum"}), chosen)
    said = "note: ceas has no loss for the rule nnm+krum; it uses the median's"
    assert evaluation.notes(chosen, params)[0] == said


@pytest.mark.parametrize(("picked", "name"), [(0, "mean"), (1, "median")])
def test_of_rules_of_which_one_is_picked(picked: int, name: str) -> None:
    roots, honest = jnp.asarray(roots_of(9, 0.5), jnp.float32), jnp.full(9, 7 / 9)
    crowd = aims.Crowd(jnp.float32(9), jnp.float32(2), COORDINATES)

    @jax.jit
    def run(picked: jax.Array) -> jax.Array:
        several = AnyOf((rules.get("mean"), rules.get("median")), picked)
        return aims.of_rule(several)(roots, honest, crowd)

    assert float(run(picked)) == pytest.approx(loss(name, np.asarray(roots), 2.0, 2.0), rel=1e-5)
