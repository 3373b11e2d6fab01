"""Theorem 1 and its measurement: terms by hand, moments by drawing, a bound that can be crossed."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ceas_agents.policies import base, registry
from ceas_agents.reproduction.claims import convergence
from ceas_agents.reproduction.claims.convergence import descent, surrogate, theorem
from ceas_agents.reproduction.claims.convergence.surrogate import Rounds
from ceas_gym import config, dynamics, parameters
from ceas_gym.consensus import attacks, rules
from ceas_gym.consensus.attacks import View
from ceas_gym.jax_utils.fast_compile import once
from ceas_gym.learning import learners, pullback
from ceas_gym.physics import register
from ceas_gym.types import Delivery, Learning, Pulled, Split

CURVATURES = np.linspace(1, 4, 10)


def learning(name: str, **changes: object) -> Learning:
    overrides = {key.replace("__", "."): value for key, value in changes.items()}
    return parameters.build(config.load(name, overrides)).learning


def hub(weights: NDArray[Any], variances: NDArray[Any]) -> Rounds:
    """Ten nodes and thirty rounds, as in all tests: one compilation for an attack."""

    def repeated(values: NDArray[Any]) -> jax.Array:
        return jnp.tile(jnp.array(values, jnp.float32), (30, 1))

    return Rounds(repeated(weights), repeated(variances), jnp.ones(30, bool))


def descend(attack: surrogate.Attack, rounds: Rounds, bad: int, trimmed: int) -> NDArray[Any]:
    keys = jax.random.split(jax.random.key(7), 64)
    losses = surrogate.descend(attack, rounds, jnp.arange(10) < bad, jnp.int32(trimmed), keys)
    return np.asarray(losses, float)


def bound(rounds: Rounds, bad: int) -> NDArray[Any]:
    return np.asarray(surrogate.bound(rounds, jnp.arange(10) < bad, jnp.int32(bad)), float)


def sign_flip(view: View, theta: jax.Array) -> jax.Array:
    del theta
    return attacks.sign_flip(view)


def loss(subject: Learning, weights: jax.Array) -> jax.Array:
    observables = pullback.observables(subject.program, weights)
    scores = learners.logits(subject, subject.training.paulis, observables)
    return learners.cross_entropy(scores, subject.training.labels)


moments = once(theorem.moments)


@once
def pull(subject: Learning, weights: jax.Array) -> Pulled:
    return pullback.pull(subject.program, weights)


@once
def hessians(subject: Learning, models: jax.Array) -> jax.Array:
    return jax.lax.map(jax.hessian(partial(loss, subject)), models)


def curvature(subject: Learning, models: jax.Array) -> float:
    found = np.linalg.eigvalsh(np.asarray(hessians(subject, models), float))
    return float(np.abs(found).max())


# --- the terms of the theorem -------------------------------------------------------------------


@pytest.mark.parametrize(("nodes", "bad"), [(50, 0), (50, 10), (50, 12), (50, 24), (5, 2)])
def test_kappa_of_equal_votes(nodes: int, bad: int) -> None:
    """It meets the lower bound f / (n - 2 f) of Allouah et al. (2023)."""
    assert float(theorem.kappa(bad / nodes, bad / nodes)) == pytest.approx(
        bad / (nodes - 2 * bad), rel=1e-5
    )


def test_kappa_is_infinite_where_the_theorem_ends() -> None:
    assert np.isinf(theorem.kappa(0.5, 0.1))
    assert np.isinf(theorem.kappa(0.2, 0.21))


def test_kappa_is_attained() -> None:
    """Of 50 equal votes, ten at infinity, ten honest ones at -1, and the rest at zero."""
    values = np.array([1e6] * 10 + [-1.0] * 10 + [0.0] * 30)
    honest = values[10:]
    found = rules.get("trimmed_mean")(jnp.array(values)[:, None], jnp.full(50, 0.02), jnp.int32(10))
    error = (float(found[0]) - honest.mean()) ** 2
    assert error == pytest.approx(float(theorem.kappa(0.2, 0.2)) * honest.var(), rel=1e-4)


def test_error_of_two_honest_nodes_by_hand() -> None:
    """Weights 3/4 and 1/4, of which 1/4 is trimmed, so kappa = 1; variances 2 and 6; biases."""
    biases = jnp.array([[1.0, 0.0], [-1.0, 4.0]])
    found = theorem.squared_error(
        jnp.array([0.75, 0.25]), jnp.array([True, True]), 0.25, jnp.array([2.0, 6.0]), biases
    )
    # Mean bias (1/2, 1), from which the nodes' are (1/2, -1) and (-3/2, 3) away.
    spread = 0.75 * (0.25 * 2 + 1.25) + 0.25 * (0.75 * 6 + 11.25)
    noise = 0.5625 * 2 + 0.0625 * 6
    assert float(found) == pytest.approx((spread**0.5 + noise**0.5 + 1.25**0.5) ** 2, rel=1e-5)


def test_error_beside_a_byzantine_node_by_hand() -> None:
    """Its weight of 1/5 is trimmed; the honest nodes' weights become 1/2 and 1/2."""
    found = theorem.squared_error(
        jnp.array([0.4, 0.4, 0.2]),
        jnp.array([True, True, False]),
        0.2,
        jnp.array([1.0, 3.0, 100.0]),
        jnp.zeros((3, 2)).at[2].set(50.0),
    )
    assert float(found) == pytest.approx(((1 / 3 * 1) ** 0.5 + 1.0) ** 2, rel=1e-5)


# --- the surrogate ------------------------------------------------------------------------------


def test_without_noise_and_byzantine_nodes_it_is_gradient_descent() -> None:
    found = descend(surrogate.worst, hub(np.full(10, 0.1), np.zeros(10)), 0, 0)
    decay = (1 - CURVATURES / 4) ** np.arange(31)[:, None]
    expected = (CURVATURES * (3 * decay) ** 2).sum(axis=1) / 2
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-6)


def test_noise_of_a_mean_adds_up_to_what_is_known() -> None:
    """Without Byzantine nodes each coordinate is an autoregressive process of known variance."""
    variances = np.linspace(1, 5, 10)
    found = descend(surrogate.worst, hub(np.full(10, 0.1), variances), 0, 0)
    keep, noise = 1 - CURVATURES / 4, variances.sum() / 100 / 10 / 16
    spread = noise * (1 - keep**60) / (1 - keep**2)
    expected = (CURVATURES * ((3 * keep**30) ** 2 + spread)).sum() / 2
    assert found[:, -1].mean() == pytest.approx(expected, rel=0.3)


def test_bound_with_equal_rounds_is_the_geometric_series() -> None:
    """(1 - eta mu)^T loss_0 + (1 - (1 - eta mu)^T) Delta^2 / (2 mu), with eta = 1/4."""
    found = bound(hub(np.full(10, 0.1), np.arange(10.0)), 1)
    # Nine honest nodes of mean variance 5, a tenth of the weight trimmed: kappa = 1/8.
    delta = (5 * 8 / 9 / 8) ** 0.5 + (5 / 9) ** 0.5
    left = 0.75 ** np.arange(31)
    np.testing.assert_allclose(found, left * 112.5 + (1 - left) * delta**2 / 2, rtol=1e-4)


def test_rounds_that_are_not_acted_on_change_nothing() -> None:
    acts = np.arange(30) % 3 == 1
    rounds = hub(np.full(10, 0.1), np.full(10, 1.0))._replace(acts=jnp.array(acts))
    for curve in (bound(rounds, 1), descend(surrogate.worst, rounds, 1, 1)[0]):
        assert np.array_equal(np.diff(curve) != 0, acts)


@pytest.mark.parametrize("attack", [sign_flip, surrogate.worst])
@pytest.mark.parametrize("bad", [0, 1, 4])
def test_bound_is_never_crossed(attack: surrogate.Attack, bad: int) -> None:
    """Nodes of unlike weights and noise, the Byzantine ones on the best links."""
    raw = np.linspace(2, 1, 10)
    rounds = hub(raw / raw.sum(), 8 / raw**2)
    mean = descend(attack, rounds, bad, bad).mean(axis=0)
    assert (mean[1:] < bound(rounds, bad)[1:]).all()


def test_bound_is_crossed_by_those_who_have_most_of_the_weight() -> None:
    """Six of ten nodes are bad, but the hub reckons with four."""
    rounds = hub(np.full(10, 0.1), np.ones(10))
    assert descend(sign_flip, rounds, 6, 4)[:, -1].mean() > 100 * bound(rounds, 4)[-1]


def test_nothing_is_worse_than_the_worst() -> None:
    """Of a thousand vectors, each coordinate anywhere within or beyond the honest values."""
    generator = np.random.default_rng(3)
    theta = jnp.array(generator.normal(size=10), jnp.float32)
    updates = jnp.array(CURVATURES * theta + 2 * generator.normal(size=(7, 10)), jnp.float32)
    weight = jnp.array([0.2, 0.2, 0.15, 0.15, 0.1, 0.1, 0.1])
    bad = jnp.arange(7) < 2
    view = View(
        updates=updates,
        weights=weight,
        honest=~bad,
        bad=bad,
        strength=jnp.float32(jnp.nan),
        key=jax.random.key(0),
        aggregate=lambda sent: rules.get("trimmed_mean")(sent, weight, jnp.int32(2)),
    )

    def loss(vector: jax.Array) -> jax.Array:
        moved = theta - view.aggregate(view.send(vector)) / 4
        return (jnp.array(CURVATURES, jnp.float32) * moved**2).sum() / 2

    tried = jnp.array(generator.normal(scale=8, size=(1000, 10)), jnp.float32)
    most = jax.jit(jax.vmap(loss))(tried).max()
    assert float(most) <= float(loss(jax.jit(partial(surrogate.worst, view))(theta))) + 1e-4


def test_weights_of_the_schemes() -> None:
    """Fisher weights are in proportion to the information, capped ones have lighter tops."""
    params = parameters.build(config.load("small", convergence.INSIDE))
    worth = np.array([[100.0, 80, 60, 50, 40, 30, 20, 10, 5, 0]])
    variances = np.where(worth > 0, 1 / np.maximum(worth, 1), 0)
    found = {name: surrogate.weigh(params, name, worth, variances) for name in surrogate.SCHEMES}
    np.testing.assert_allclose(found["equal votes"].weights[0], [1 / 9] * 9 + [0], rtol=1e-5)
    np.testing.assert_allclose(found["Fisher"].weights, worth / worth.sum(), rtol=1e-5)
    top = {name: float(rounds.weights[0, :2].sum()) for name, rounds in found.items()}
    assert top["equal votes"] - 1e-6 <= top["Fisher, capped"] < top["Fisher"]
    # 180 of 395 is more than the largest share that is acted on, 0.45.
    assert [bool(rounds.acts[0]) for rounds in found.values()] == [True, False, True]


# --- the neural network -------------------------------------------------------------------------


def test_smoothness_of_tiny_by_hand() -> None:
    """Z on the first qubit, pulled back: RY; CZ; RZ on the first, where X has come up, and both RY.

    Four angles. The greatest value of 4 q + 16 q (1 - q) is 6.25, at q = 5/8.
    """
    assert theorem.smoothness(learning("tiny")) == pytest.approx(4 * 6.25)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("tiny", {}),
        ("tiny", {"learning__logit_scale": 0.3}),
        ("tiny", {"learning__logit_scale": 8.0}),
        ("tiny", {"learning__qubits": 3, "learning__classes": (1, 3, 8)}),
        ("small", {}),
    ],
)
def test_no_curvature_is_above_the_smoothness(name: str, changes: dict[str, object]) -> None:
    """Largest eigenvalue of the Hessian, by automatic differentiation, at 20 random models."""
    subject = learning(name, **changes)
    models = 2 * jax.random.normal(jax.random.key(1), (20, subject.program.parameters))
    constant = theorem.smoothness(subject)
    assert constant / 200 < curvature(subject, models) <= constant


def test_smoothness_of_one_angle_is_nearly_attained() -> None:
    """A single sample of one qubit, which RY turns once around.

    There it is softplus(-4 cos(angle)), up to a shift of the angle, whose curvature at a right
    angle is 4 of the 6.25.
    """
    whole = learning("tiny", learning__qubits=1, learning__layers=1, learning__features=1)
    one = Split(whole.training.paulis[:1], whole.training.labels[:1])
    subject = replace(whole, training=one)
    models = jnp.linspace(0, 2 * np.pi, 73)[:, None]
    steepest = curvature(subject, models)
    assert theorem.smoothness(subject) == pytest.approx(6.25)
    assert 3.99 < steepest < 6.25


@pytest.mark.parametrize("changes", [{}, {"learning__partition": "dirichlet"}])
def test_moments_are_those_of_drawn_gradients(changes: dict[str, object]) -> None:
    subject = learning("tiny", learning__batch_size=3, learning__slope_share=0, **changes)
    model = jax.random.normal(jax.random.key(2), (subject.program.parameters,))
    pulled = pull(subject, model)
    pauli_types = len(register.pauli_types(subject.program.qubits))
    contraction = (
        jnp.linspace(0.95, 0.4, 4 * pauli_types).reshape(pauli_types, 4).T.at[:, 0].set(1.0)
    )
    delivery = Delivery(
        shots=jnp.array([3, 20, 100, 4000]),
        contraction=contraction,
        signal=jnp.ones(4),
        authenticated=jnp.ones(4, bool),
    )
    honest = jnp.zeros(4, bool)

    @once
    def draw(keys: jax.Array) -> jax.Array:
        return jax.lax.map(
            lambda key: learners.gradients(subject, pulled, delivery, honest, key), keys
        )

    drawn = np.asarray(draw(jax.random.split(jax.random.key(3), 10_000)), float)
    mean, variance = moments(subject, pulled, delivery)
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    assert (np.abs(drawn.mean(axis=0) - mean) <= 5 * error + 1e-6).all()
    np.testing.assert_allclose(drawn.var(axis=0).sum(axis=1), variance, rtol=0.06)


def test_without_loss_on_the_way_updates_have_no_bias() -> None:
    subject = learning("tiny")
    model = jax.random.normal(jax.random.key(2), (subject.program.parameters,))
    pulled = pull(subject, model)
    pauli_types = len(register.pauli_types(subject.program.qubits))
    whole = Delivery(
        shots=jnp.full(4, 9),
        contraction=jnp.ones((4, pauli_types)),
        signal=jnp.ones(4),
        authenticated=jnp.ones(4, bool),
    )
    exact = learners.full_gradient(subject, pulled, subject.training)
    mean, _ = moments(subject, pulled, whole)
    np.testing.assert_allclose(mean, np.tile(exact, (4, 1)), atol=1e-6)


# --- what is found ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    shares: list[float] = []
    scenario = config.load("tiny")
    result = convergence.measure(scenario, quick=True, tick=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    return json.loads(json.dumps(result, allow_nan=False))


@pytest.mark.slow
def test_theorem_holds_in_tiny(found: dict[str, Any]) -> None:
    inside = [run for run in found["network"].values() if "limit" in run]
    assert [run["byzantine_nodes"] for run in inside] == [0, 1]
    for cell in [*found["surrogate"], *inside]:
        assert cell["crossed"] == 0
        assert cell["measured"] <= cell["limit"]
    for run in inside:
        assert run["excess"] < 1e-5
        assert run["acts"] > 0


@pytest.mark.slow
def test_no_limit_is_claimed_outside_the_theorem(found: dict[str, Any]) -> None:
    assert "limit" not in found["network"][convergence.OUTSIDE]


@pytest.mark.slow
def test_track_begins_with_the_simulators_model() -> None:
    """Its loss and slope at the start, by automatic differentiation."""
    params = parameters.build(config.load("tiny", convergence.INSIDE))
    policy, key = base.as_pytree(registry.ceas), jax.random.key(5)
    found = descent.COMPILED[True](policy, 10, params, key)
    start = once(dynamics.reset)(params, key)[0].model.parameters
    value, slope = once(jax.value_and_grad(loss, argnums=1))(params.learning, start)
    assert float(found.loss[0]) == pytest.approx(float(value), rel=1e-5)
    assert float(found.gradient[0]) == pytest.approx(float((slope**2).sum()), rel=1e-4)


@pytest.mark.slow
def test_rows_are_flat_and_alike(found: dict[str, Any]) -> None:
    table = convergence.rows(found)
    assert len(table) == len(found["surrogate"]) + len(found["network"])
    assert len({tuple(row) for row in table}) == 1
    assert all(row["low"] <= row["measured"] <= row["high"] for row in table)  # pyright: ignore[reportOperatorIssue]


@pytest.mark.slow
def test_figure_and_caption(found: dict[str, Any], tmp_path: Any) -> None:
    path = convergence.draw(found, tmp_path / "convergence.png")
    with Image.open(path) as image:
        assert image.width == 1400
    text = convergence.caption(found)
    assert "crossed in 0 rounds" in text
