"""Claim 3: variances against closed forms, enumeration, and NumPy by hand."""

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import optimize

from ceas_agents.policies import base, registry
from ceas_agents.reproduction.claims import variance
from ceas_agents.reproduction.claims.variance import case as variance_case
from ceas_agents.reproduction.claims.variance import draws, law
from ceas_gym import config, dynamics, parameters
from ceas_gym.consensus import rules, weights
from ceas_gym.learning import learners, pullback
from ceas_gym.types import Delivery, Params

ROUNDS = 10
DRAWS = 2000
"""The same everywhere, since each number is compiled anew."""
NAMES = [scheme.name for scheme in draws.SCHEMES]
UNIFORM = base.as_pytree(registry.POLICIES["uniform"])
# Contractions and shots; variance by information, by equal weights, their ratio, and by shots.
TABLE = [
    ([1, 0.9, 0.8, 0.5], [100] * 4, 3.703703703704e-3, 4.873167438272e-3, 0.760019792182, None),
    (
        *([0.95, 0.95, 0.6, 0.6], [200, 100, 200, 100]),
        *(2.640264026403e-3, 3.642947830102e-3, 0.724760317616, 3.238175848979e-3),
    ),
    ([0.9] * 8, [50] * 8, 3.086419753086e-3, 3.086419753086e-3, 1.0, None),
    (
        *([1, 0.8, 0.6, 0.4, 0.2], [100, 200, 300, 400, 500]),
        *(2.380952380952e-3, 3.707870370370e-3, 0.642134741273, 7.220370370370e-3),
    ),
]


@pytest.fixture(scope="module")
def tiny() -> Params:
    return parameters.build(config.load("tiny", {"attack.name": "none"}))


@pytest.fixture(scope="module")
def played(tiny: Params) -> draws.Played:
    return draws.play(UNIFORM, ROUNDS, tiny, jax.random.key(3))


@pytest.fixture(scope="module")
def last(played: draws.Played) -> draws.Played:
    return jax.tree.map(lambda rounds: rounds[-1], played)


def handmade(tiny: Params) -> Delivery:
    """Four nodes, the last of which is not counted."""
    pauli_types = tiny.learning.type_of_pauli.shape[0]
    return Delivery(
        shots=jnp.array([100, 200, 50, 300]),
        contraction=jnp.ones((4, pauli_types)),
        signal=jnp.array([0.9, 0.6, 0.8, 0.3]),
        authenticated=jnp.array([True, True, True, False]),
    )


# --- The textbook's setting ---


@pytest.mark.parametrize(("contraction", "shots", "best", "equal", "ratio", "by_shots"), TABLE)
def test_textbook_variance_equals_the_table(contraction, shots, best, equal, ratio, by_shots):
    c, n = np.array(contraction), np.array(shots)
    information = n * c**2
    weight = np.stack([information / information.sum(), np.full(len(n), 1 / len(n)), n / n.sum()])
    found = law.textbook_variance(n, c, weight, 0.0)
    # Where all nodes have as many shots, weights by shots are equal weights.
    np.testing.assert_allclose(found, [best, equal, by_shots or equal], rtol=1e-11)
    assert law.harmonic_over_arithmetic(information) == pytest.approx(ratio, rel=1e-11)


def off_centre():
    """Returns the table's case of f = 0.6: shots, contractions, weights and f; the variances."""
    c, n, f = np.array([1, 0.9, 0.8, 0.5]), np.full(4, 100), 0.6
    information = n * c**2 / (1 - c**2 * f**2)
    weight = np.stack([information / information.sum(), np.full(4, 0.25)])
    return (n, c, weight, f), [0.0026231242714, 0.0039731674383]


def test_textbook_variance_is_exact_away_from_zero():
    nodes, expected = off_centre()
    np.testing.assert_allclose(law.textbook_variance(*nodes), expected, rtol=1e-10)


def test_drawn_means_have_the_expectation_and_the_exact_variance():
    nodes, expected = off_centre()
    means = law.textbook_means(*nodes, 40_000, 0)
    np.testing.assert_allclose(means.var(axis=0, ddof=1), expected, rtol=4 * np.sqrt(2 / 40_000))
    error = np.sqrt(np.array(expected) / 40_000)
    assert (np.abs(means.mean(axis=0) - 0.6) < 4 * error).all()


def test_weights_by_inverse_variance_reach_the_least_and_no_others_less():
    n, c, f = np.array([40, 300, 120]), np.array([0.9, 0.4, 0.7]), 0.3
    squares = (1 - c**2 * f**2) / (n * c**2)
    best = 1 / squares / (1 / squares).sum()
    others = np.random.default_rng(0).dirichlet(np.ones(3), 500)
    found = law.textbook_variance(n, c, np.vstack([best, others]), f)
    assert found[0] == pytest.approx(1 / (1 / squares).sum())
    assert found[1:].min() > found[0]


# --- Rounds, and the hub's weights ---


def test_deliveries_are_those_of_the_steps(tiny, played):
    def one(carry, _):
        state, observation = carry
        action = registry.POLICIES["uniform"](tiny, observation, jax.random.key(0))
        after, timestep = dynamics.step(tiny, state, action)
        told = (after.report.shots, after.report.signal, timestep.metrics["authenticated_nodes"])
        return (after, timestep.observation), (state.model.parameters, *told)

    def episode(key):
        state, timestep = dynamics.reset(tiny, key)
        return jax.lax.scan(one, (state, timestep.observation), None, length=ROUNDS)[1]

    parameters_before, shots, signal, tagged = jax.jit(episode)(jax.random.key(3))
    np.testing.assert_allclose(played.parameters, parameters_before, rtol=1e-5)
    assert played.delivery.shots.tolist() == shots.tolist()
    np.testing.assert_allclose(played.delivery.signal, signal, rtol=1e-6)
    assert played.delivery.authenticated.sum(axis=1).tolist() == tagged.tolist()
    assert int(shots.sum()) > 0


def test_hub_weights_by_hand(tiny):
    delivery = handmade(tiny)
    found = dict(zip(NAMES, np.asarray(draws.hub_weights(tiny, delivery)), strict=True))
    shots, c = np.array([100, 200, 50, 0]), np.array([0.9, 0.6, 0.8, 0.3])
    # Two qubits: D = 4.
    information = shots * c**2 / (c + (1 - c) / 2)
    floor = float(tiny.learning.batch_floor)
    precise = information * floor / (information + floor)
    expected = {"fisher": information, "inverse_variance": precise}
    for name, raw in expected.items():
        np.testing.assert_allclose(found[f"{name}, none"], raw / raw.sum(), rtol=1e-5)
        # One of three nodes is more than a fifth: equal votes.
        np.testing.assert_allclose(found[f"{name}, share_budget"], [1 / 3] * 3 + [0], rtol=1e-5)
        capped = found[f"{name}, certificate"]
        assert capped.sum() == pytest.approx(1, rel=1e-5)
        assert capped.max() <= found[f"{name}, none"].max() * (1 + 1e-5)
    np.testing.assert_allclose(found["uniform"], [1 / 3] * 3 + [0], rtol=1e-6)


def test_hub_of_one_qubit_weighs_by_shots_times_contraction_squared(tiny):
    found = np.asarray(draws.hub_weights(draws.qubit_hub(tiny), handmade(tiny)))[0]
    expected = np.array([81, 72, 32, 0]) / 185
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("name", weights.CAPS)
def test_no_cap_changes_equal_weights(tiny, name):
    counted = jnp.array([True, True, True, False])
    raw, noise = counted.astype(jnp.float32), jnp.array([1.0, 2.0, 3.0, 4.0])
    found = jax.jit(weights.CAPS[name])(tiny.consensus, raw, counted, noise)
    np.testing.assert_allclose(found, [1 / 3] * 3 + [0], rtol=1e-6)


def test_last_round_with_a_quorum(tiny, played):
    # Of four nodes one is tolerated, so three must be counted.
    tagged = jnp.array([[1, 1, 1, 0], [1, 1, 1, 1], [1, 0, 1, 0]], bool)
    some = replace(played.delivery, authenticated=tagged)
    assert draws.last_with_quorum(tiny, some) == 1
    assert draws.last_with_quorum(tiny, replace(some, authenticated=tagged[2:])) is None


# --- The QNN's setting ---


def normal(length, noise, count, seed=0):
    """Returns draws of updates a_k (3, 4) + noise of total variance v_k: (draws, nodes, 2)."""
    length, noise = np.array(length), np.array(noise)
    random = np.random.default_rng(seed).normal(size=(count, len(length), 2))
    return length[:, None] * [3.0, 4.0] + np.sqrt(noise / 2)[:, None] * random


def test_relative_variance_by_closed_form():
    length, noise, weight = [1.0, 0.8, 0.3], [10.0, 40.0, 20.0], np.array([0.5, 0.2, 0.3])
    aggregate = np.einsum("n,dnp->dp", weight, normal(length, noise, 40_000))
    expected = (weight**2 @ noise) / (25 * (weight @ length) ** 2)
    assert float(law.relative_variance(aggregate, aggregate)) == pytest.approx(expected, rel=0.04)


def test_squared_length_is_freed_of_noise():
    # Of ten draws, the mean has the variance 50 / 10 on top of the squared length 25.
    found = [law.squared_length(normal([1.0], [50.0], 10, seed)[:, 0]) for seed in range(4000)]
    error = np.std(found) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(25, abs=4 * error)
    assert 4 * error < 2


def test_least_ratio_is_the_minimum_over_all_weights():
    length, noise = np.array([1.0, 0.8, 0.3]), np.array([1.0, 4.0, 2.0])

    def relative(weight):
        return (weight**2 @ noise) / (weight @ length) ** 2

    least = optimize.minimize(relative, np.ones(3)).fun / relative(np.ones(3))
    found = law.least_ratio(normal(length, noise, 40_000), normal(length, noise / 100, 400))
    assert found == pytest.approx(least, rel=0.03)
    assert least < 0.9


def test_aggregate_of_gradients_by_hand(tiny, last):
    updates = np.asarray(draws.gradients(tiny, last, jax.random.split(jax.random.key(1), DRAWS)))
    weight = np.array([0.4, 0.3, 0.2, 0.1])
    assert (np.asarray(last.delivery.shots) > 0).sum() >= 3
    measured = law.total_variance(np.einsum("n,dnp->dp", weight, updates))
    expected = 0.0
    for node in range(4):
        for parameter in range(updates.shape[2]):
            column = updates[:, node, parameter]
            expected += weight[node] ** 2 * ((column - column.mean()) ** 2).sum() / (DRAWS - 1)
    # Nodes are independent, so what is left of their products is luck.
    assert measured == pytest.approx(expected, rel=4 * np.sqrt(2 / DRAWS))


def test_endless_shots_leave_the_noise_of_the_minibatch(tiny, last):
    """Against the variance of single samples, whose gradients are found by differentiation."""
    learning, delivery = tiny.learning, last.delivery
    node = int(jnp.argmax(delivery.shots))
    contraction = delivery.contraction[node] @ learning.type_of_pauli

    def loss(model, paulis, label):
        observables = pullback.observables(learning.program, model)
        scores = learners.logits(learning, (paulis * contraction)[None], observables)
        return learners.cross_entropy(scores, label[None])

    mine = learning.shards[node, : int(learning.shard_sizes[node])]
    each = jax.jit(jax.vmap(jax.grad(loss), in_axes=(None, 0, 0)))(
        last.parameters, learning.training.paulis[mine], learning.training.labels[mine]
    )
    expected = float(each.var(axis=0).sum()) / learning.batch_size
    keys = jax.random.split(jax.random.key(2), DRAWS)
    updates = np.asarray(draws.gradients(tiny, draws.endless(last), keys))
    assert law.total_variance(updates)[node] == pytest.approx(expected, rel=0.1)
    np.testing.assert_allclose(updates.mean(axis=0)[node], each.mean(axis=0), atol=0.02)


def test_momentum_leaves_the_variance_of_its_recursion():
    fresh = np.random.default_rng(0).normal(2.0, 1.0, 200_000)
    held, kept = 2.0, []
    for value in fresh:
        held = 0.9 * held + 0.1 * value
        kept.append(held)
    two = jnp.array([[2.0]])
    found = np.asarray(draws.with_momentum(jnp.asarray(fresh[:20_000])[:, None, None], two, 0.9))
    assert found.var() == pytest.approx(np.var(kept), rel=0.05)
    assert found.mean() == pytest.approx(2.0, abs=0.05)


# --- Attackers ---

WEIGHT = np.array([[0.6, 0.2, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25]])
MEMBERS = np.array([[False] * 4, [True, False, False, False], [False, False, True, False]])
CARRIED = WEIGHT @ MEMBERS.T


@pytest.mark.parametrize("name", ["mean", "median"])
def test_error_under_attack_without_noise(tiny, name):
    updates = jnp.broadcast_to(jnp.array([1.0, -2.0]), (3, 4, 2))
    arrays = (jnp.asarray(WEIGHT, jnp.float32), jnp.asarray(MEMBERS))
    found = draws.attacked_errors(tiny, rules.get(name), updates, updates[0], *arrays)
    # The mean moves by twice the share; the median turns round when the share is above one half.
    expected = {"mean": 4 * CARRIED**2, "median": np.where(CARRIED > 0.5, 4.0, 0.0)}[name]
    np.testing.assert_allclose(found, expected.T, atol=1e-5)


def test_error_of_the_mean_under_attack_by_closed_form(tiny):
    noise, count = np.array([10.0, 40.0, 20.0, 30.0]), 20_000
    updates = jnp.asarray(normal(np.ones(4), noise, count), jnp.float32)
    mean = jnp.tile(jnp.array([3.0, 4.0]), (4, 1))
    arrays = (jnp.asarray(WEIGHT, jnp.float32), jnp.asarray(MEMBERS))
    found = draws.attacked_errors(tiny, rules.get("mean"), updates, mean, *arrays)
    for place, scheme in np.ndindex(3, 2):
        honest = np.where(MEMBERS[place], 0, WEIGHT[scheme])
        spread = (honest / honest.sum()) ** 2 @ noise / 25
        bad = 1 - honest.sum()
        expected = 4 * bad**2 + (1 - 2 * bad) ** 2 * spread
        assert float(found[place, scheme]) == pytest.approx(expected, rel=0.05)


# --- The whole ---


@pytest.fixture(scope="module")
def found():
    ticks: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(variance, "QUICK", variance_case.Size(2, 2000, DRAWS, 10))
        whole = variance.measure(config.load("tiny"), quick=True, tick=ticks.append)
    assert ticks == [0.5, 1.0]
    return whole


@pytest.mark.slow
def test_found_is_fit_for_json(found):
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    played = [(case["seed"], case["schedule"]) for case in found["cases"]]
    assert played == [(0, "ceas"), (0, "uniform"), (1, "ceas"), (1, "uniform")]


@pytest.mark.slow
def test_textbook_agrees_with_its_law_in_every_case(found):
    for case in found["cases"]:
        textbook = case["textbook"]
        assert textbook["ratio"]["uniform"] == case["qnn"]["ratio"]["uniform"] == 1
        for name in NAMES:
            # Of two variances from the same 2000 draws each.
            assert textbook["ratio"][name] == pytest.approx(textbook["exact"][name], rel=0.18)
        assert textbook["exact"]["fisher, none"] == pytest.approx(textbook["predicted"], rel=0.03)
        assert textbook["predicted"] <= min(textbook["exact"].values()) + 0.03


@pytest.mark.slow
def test_one_byzantine_node_carries_one_equal_vote_at_most(found):
    for case in found["cases"]:
        share = case["share"]
        assert set(share["nobody"].values()) == {0.0}
        for where in ("random", "best_links"):
            assert share[where]["uniform"] in (0, pytest.approx(1 / case["counted"]))


@pytest.mark.slow
def test_weights_by_shots_are_no_better_than_the_best(found):
    for case in found["cases"]:
        textbook, qnn = case["textbook"], case["qnn"]
        assert textbook["by_shots"] >= 0.97 * textbook["predicted"]
        assert qnn["by_shots"] >= 0.97 * qnn["least"]


@pytest.mark.slow
def test_shots_make_noise_beside_the_minibatch(found):
    for case in found["cases"]:
        assert 0 < case["qnn"]["minibatch"] < 1


@pytest.mark.slow
def test_rows_are_one_of_each_case_and_scheme(found):
    rows = variance.rows(found)
    assert len(rows) == len(found["cases"]) * len(NAMES)
    assert {frozenset(row) for row in rows} == {frozenset(rows[0])}
    first, case = rows[0], found["cases"][0]
    assert first["weights"] == "fisher, none"
    assert first["qnn_ratio"] == case["qnn"]["ratio"]["fisher, none"]
    assert first["error_median_best_links"] == case["error"]["median"]["best_links"]["fisher, none"]
    assert all(isinstance(value, int | float | str) for value in first.values())


@pytest.mark.slow
def test_figure_and_caption(found, tmp_path):
    path = variance.draw(found, tmp_path / "variance.png")
    with Image.open(path) as image:
        assert image.width == 1400
    text = variance.caption(found)
    ratios = [
        case["qnn"]["ratio"]["fisher, none"]
        for case in found["cases"]
        if case["schedule"] == "uniform"
    ]
    assert f"{np.mean(ratios):.2f} (" in text
    assert "nan" not in text


def test_nothing_to_measure_is_said_in_one_line():
    dead = config.load("tiny", {"network.cutoff_fidelity": 0.99})
    with pytest.raises(ValueError, match="no round had a quorum"):
        variance.measure(dead, quick=True, tick=lambda share: None)
