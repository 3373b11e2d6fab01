"""Plain attacks in NumPy, who is changed by an attack, and what becomes of it in the rules."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.attack_rounds import (
    BAD,
    BAD_ONES,
    NODES,
    SIZE,
    Floats,
    Round,
    adversary,
    corrupted,
    honest_figures,
    round_of,
    sent,
    view_of,
)

from ceas_gym.consensus import attacks, protocol, rules
from ceas_gym.consensus.attacks import View

pytestmark = pytest.mark.usefixtures("exact")

# --- Formulas ---


@pytest.mark.parametrize(
    ("name", "strength", "factor"),
    [
        ("sign_flip", None, -1.0),
        ("scaled_sign_flip", None, -10.0),
        ("scaled_sign_flip", 4.0, -4.0),
        ("ipm", None, -0.5),
        ("ipm", 0.1, -0.1),
    ],
)
def test_multiples_of_the_mean(name: str, strength: float | None, factor: float) -> None:
    found = sent(name, strength=strength)[:BAD]
    assert np.abs(found - factor * honest_figures()[0]).max() < 1e-7


@pytest.mark.parametrize(("strength", "factor"), [(None, 10.0), (0.5, 0.5)])
def test_noise_has_the_length_asked_for(strength: float | None, factor: float) -> None:
    nodes, size = 41, 500
    updates = np.random.default_rng(0).normal(size=(nodes, size))
    view = view_of(updates, np.arange(nodes) < 40)  # One honest node: its update is the mean.
    view = dataclasses.replace(view, strength=jnp.asarray(np.nan if strength is None else strength))
    noise = np.asarray(attacks.gaussian(view))[:40] / (factor * np.linalg.norm(updates[40]))
    # 20000 normal numbers of variance 1 / size: their sum of squares has mean 40.
    assert abs((noise**2).sum() - 40) < 4 * 40 * np.sqrt(2 / noise.size)
    assert abs(noise.mean()) < 4 / np.sqrt(size * noise.size)
    # Different nodes send different noise: normalised products have variance 1 / size.
    products = (noise[:20] * noise[20:]).sum(axis=1)
    assert np.abs(products).max() < 5 / np.sqrt(size)


def test_noise_is_drawn_anew_from_each_key() -> None:
    first, other = (corrupted(round_of(0), "gaussian", seed=seed) for seed in (0, 1))
    assert (first[:BAD] != other[:BAD]).all()
    assert (first == corrupted(round_of(0), "gaussian", seed=0)).all()


def test_huge_is_the_largest_finite_number_against_the_mean() -> None:
    mean, _ = honest_figures(seed=1)
    assert set(np.sign(mean)) == {-1, 1}
    found = sent("huge", seed=1)[:BAD]
    assert (np.abs(found) == np.finfo(np.float64).max).all()
    assert (np.sign(found) == -np.sign(mean)).all()


def test_huge_is_finite_in_single_precision() -> None:
    with jax.enable_x64(False):
        found = sent("huge")
    assert found.dtype == np.float32
    assert (np.abs(found[:BAD]) == np.finfo(np.float32).max).all()


def test_not_a_number() -> None:
    found = sent("non_finite")
    assert np.isnan(found[:BAD]).all()
    assert np.isfinite(found[BAD:]).all()


# --- What the coalition knows of the honest ---


def test_mean_where_nobody_honest_counts_is_of_what_the_bad_would_have_sent() -> None:
    updates = np.random.default_rng(1).normal(size=(5, 3))
    bad = np.arange(5) < 3
    view = view_of(updates, bad, np.array([0.5, 0.3, 0.2, 0.0, 0.0]), counted=bad)
    assert np.asarray(view.mean) == pytest.approx(np.array([0.5, 0.3, 0.2]) @ updates[:3])
    around = updates[:3] - np.asarray(view.mean)
    assert np.asarray(view.deviation) == pytest.approx(np.sqrt((around**2).sum(axis=0) / 2))


@pytest.mark.parametrize("name", sorted(attacks.ATTACKS.keys() - {"non_finite", "huge"}))
@pytest.mark.parametrize("counted", [np.ones(5, bool), np.zeros(5, bool)])
def test_without_weight_everything_stays_finite(name: str, counted: np.ndarray) -> None:
    updates = np.random.default_rng(1).normal(size=(5, 3))
    view = view_of(updates, np.arange(5) < 2, np.zeros(5), counted=counted)
    assert (view.mean == 0).all()
    assert np.isfinite(view.deviation).all()
    assert np.isfinite(attacks.ATTACKS[name](view)).all()


def test_what_is_not_counted_may_be_anything() -> None:
    updates = np.random.default_rng(1).normal(size=(6, 3))
    counted = np.arange(6) < 5
    plain = view_of(updates, np.arange(6) < 2, counted=counted)
    updates[5] = np.nan
    spoiled = view_of(updates, np.arange(6) < 2, counted=counted)
    for name in ("alie", "min_max", "min_sum", "mimic", "white_box"):
        assert (attacks.ATTACKS[name](spoiled) == attacks.ATTACKS[name](plain)).all()


# --- Who is changed ---


@pytest.mark.parametrize("name", sorted(attacks.ATTACKS))
def test_only_bad_counted_rows_change(name: str) -> None:
    case = round_of(1)
    # The last node is bad too, but not counted.
    bad = np.array([True, False, True, False, False, False, False, False, True])
    before = np.asarray(case.received.updates)
    found = corrupted(case, name, bad, rule="clip+nnm+trimmed_mean")
    changed = (found != before).any(axis=1)
    attacked = name not in ("none", "label_flip")
    assert changed.tolist() == [attacked, False, attacked] + [False] * 6
    alike = np.array_equal(found[0], found[2], equal_nan=True)
    assert alike == (attacked and name != "gaussian")


@pytest.mark.parametrize("name", ["white_box", "gaussian", "non_finite"])
def test_without_bad_nodes_nothing_changes(name: str) -> None:
    case = round_of(2)
    found = corrupted(case, name, np.zeros(NODES, bool))
    assert (found == np.asarray(case.received.updates)).all()


def test_bad_nodes_do_not_enter_the_honest_mean() -> None:
    received, votes = round_of(3)
    moved = dataclasses.replace(received, updates=received.updates.at[:BAD].add(100.0))
    plain = corrupted(Round(received, votes), "sign_flip")
    assert (corrupted(Round(moved, votes), "sign_flip") == plain).all()


def test_cached_update_of_the_coalition_is_neither_replaced_nor_honest() -> None:
    received, votes = round_of(4)
    sends = BAD_ONES & (np.arange(NODES) > 0)
    moved = dataclasses.replace(received, updates=received.updates.at[0].add(100.0))
    plain = corrupted(Round(received, votes), "sign_flip", sends, members=BAD_ONES)
    other = corrupted(Round(moved, votes), "sign_flip", sends, members=BAD_ONES)
    assert (plain[0] == received.updates[0]).all()
    assert (other[1:] == plain[1:]).all()


def test_label_flip_poisons_the_labels_and_nothing_else_does() -> None:
    flags = {name: adversary(name).poisons_labels for name in attacks.ATTACKS}
    assert [name for name, poisons in flags.items() if poisons] == ["label_flip"]


# --- In the rules ---


@pytest.mark.parametrize("rule", [*sorted(rules.RULES), "clip+nnm+trimmed_mean", "bucketing+krum"])
def test_every_attack_leaves_every_rule_finite(rule: str) -> None:
    received, votes = round_of(5)
    aggregate = jax.jit(rules.get(rule))
    with jax.enable_x64(False):
        single = dataclasses.replace(received, updates=jnp.asarray(received.updates, jnp.float32))
        for name in sorted(attacks.ATTACKS):
            found = jnp.asarray(corrupted(Round(single, votes), name))
            assert found.dtype == jnp.float32
            finite = bool(jnp.isfinite(found).all())
            assert finite == (name != "non_finite")
            result = aggregate(found, jnp.asarray(votes, jnp.float32), jnp.int32(1))
            assert np.isfinite(result).all(), name


def test_hub_rejects_what_is_not_a_number_and_nothing_else() -> None:
    received, votes = round_of(5)
    for name in sorted(attacks.ATTACKS):
        found = jnp.asarray(corrupted(Round(received, votes), name))
        arrived = dataclasses.replace(received, updates=found)
        left, weight = protocol.reject_non_finite(arrived, jnp.asarray(votes))
        lost = BAD if name == "non_finite" else 0
        assert left.counted.sum() == received.counted.sum() - lost
        assert (np.asarray(weight) > 0).tolist() == np.asarray(left.counted).tolist()
        assert np.isfinite(left.updates).all()


# --- A user's own ---


def towards_one(view: View) -> jax.Array:
    return jnp.ones_like(view.mean) * view.strength_or(7.0)


def each_its_own(view: View) -> jax.Array:
    number = jnp.arange(view.updates.shape[0])[:, None]
    return number * jnp.ones_like(view.updates)


@pytest.mark.parametrize(("strength", "expected"), [(None, 7.0), (2.0, 2.0)])
def test_attack_of_the_user(strength: float | None, expected: float) -> None:
    found = sent(f"{__name__}:towards_one", strength=strength)
    assert (found[:BAD] == expected).all()
    assert (found[BAD:] == np.asarray(round_of(0).received.updates)[BAD:]).all()


def test_attack_of_the_user_in_which_nodes_differ() -> None:
    found = sent(f"{__name__}:each_its_own")
    expected: Floats = np.asarray(round_of(0).received.updates).copy()
    expected[:BAD] = np.arange(BAD)[:, None] * np.ones(SIZE)
    assert (found == expected).all()
    before = corrupted(round_of(0), f"{__name__}:each_its_own", acting=False)
    assert before[:BAD] == pytest.approx(np.tile(honest_figures()[0], (BAD, 1)))
