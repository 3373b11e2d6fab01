"""Attacks: each formula in NumPy, and the white-box one against its own measure."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from ceas_gym.consensus import attacks, rules, setup
from ceas_gym.consensus.attacks import View
from ceas_gym.scenario import AttackSettings, ConsensusSettings
from ceas_gym.types import Adversary, Consensus, Received

pytestmark = pytest.mark.usefixtures("exact")
Floats = NDArray[np.float64]
NODES, SIZE, BAD = 9, 4, 3


def round_of(seed: int) -> tuple[Received, Floats, NDArray[np.bool_]]:
    """Honest updates around a common mean, uneven weights, bad nodes, and one not counted."""
    random = np.random.default_rng(seed)
    updates = random.normal(size=SIZE) + random.normal(size=(NODES, SIZE))
    votes = random.dirichlet(np.full(NODES, 40.0))
    votes[8] = 0
    received = Received(
        updates=jnp.asarray(updates),
        information=jnp.ones(NODES),
        counted=jnp.arange(NODES) < 8,
        forged=jnp.zeros(NODES, bool),
    )
    return received, votes / votes.sum(), np.arange(NODES) < BAD


def coalition(name: str, strength: float | None = None) -> Adversary:
    return setup.build_adversary(AttackSettings(name=name, strength=strength, byzantine_nodes=BAD))


def hub(rule: str = "clip+nnm+trimmed_mean") -> Consensus:
    return setup.build(ConsensusSettings(rule=rule), BAD)


corrupt = jax.jit(attacks.corrupt)


def corrupted(name: str, case: tuple[Received, Floats, Any], **options: Any) -> Floats:
    """All updates that reach the rule, when the whole coalition sends."""
    received, votes, bad = case
    who, rule = jnp.asarray(bad), hub(options.get("rule", "mean"))
    adversary = coalition(name, options.get("strength"))
    return np.asarray(corrupt(adversary, rule, received, jnp.asarray(votes), who, who))


def sent(name: str, seed: int = 0, strength: float | None = None, rule: str = "mean") -> Floats:
    return corrupted(name, round_of(seed), strength=strength, rule=rule)


def honest_figures(seed: int = 0) -> tuple[Floats, Floats]:
    """Weighted mean, and deviation around it with one degree of freedom less."""
    received, votes, _ = round_of(seed)
    members = np.asarray(received.updates)[BAD:8]
    share = votes[BAD:8] / votes[BAD:8].sum()
    mean = share @ members
    return mean, np.sqrt(((members - mean) ** 2).sum(axis=0) / (len(members) - 1))


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


@pytest.mark.parametrize("strength", [0.25, 1.5, -1.0])
def test_little_is_enough_shifts_by_deviations(strength: float) -> None:
    mean, deviation = honest_figures()
    found = sent("alie", strength=strength)[:BAD]
    assert np.abs(found - (mean - strength * deviation)).max() < 1e-12


@pytest.mark.parametrize(
    ("nodes", "bad", "quantile"), [(50, 10, 0.25), (50, 15, 0.48), (50, 20, 0.84), (50, 1, 0.0)]
)
def test_quantile_of_a_little_is_enough(nodes: int, bad: int, quantile: float) -> None:
    updates = np.random.default_rng(0).normal(size=(nodes, 2))
    is_bad = jnp.arange(nodes) < bad
    view = view_of(updates, np.full(nodes, 1 / nodes), is_bad)
    shift = (np.asarray(view.mean) - np.asarray(attacks.a_little_is_enough(view))) / np.asarray(
        view.deviation
    )
    supporters = nodes // 2 + 1 - bad
    expected = max(0.0, norm.ppf((nodes - bad - supporters) / (nodes - bad)))
    assert shift == pytest.approx(np.full(2, expected), abs=1e-10)
    assert expected == pytest.approx(quantile, abs=5e-3)


def view_of(updates: Floats, votes: Floats, is_bad: jax.Array) -> View:
    return View(
        updates=jnp.asarray(updates),
        weights=jnp.asarray(votes),
        honest=~is_bad,
        bad=is_bad,
        strength=jnp.asarray(jnp.nan),
        aggregate=lambda rows: rows.mean(axis=0),
    )


def test_golden_row_of_a_little_is_enough(sheet: Floats) -> None:
    view = view_of(sheet, np.full(11, 1 / 11), jnp.arange(11) >= 8)
    view = dataclasses.replace(view, strength=jnp.asarray(-1.5))
    row = attacks.a_little_is_enough(view)
    assert row.tolist() == pytest.approx([1.1233229605, 1.6219612570, 1.1535367308], abs=1e-8)
    assert np.asarray(row) == pytest.approx(sheet[8], abs=1e-12)


# --- Who is changed ---


@pytest.mark.parametrize("name", sorted(attacks.ATTACKS))
def test_only_bad_counted_rows_change(name: str) -> None:
    received, votes, _ = round_of(1)
    # The last node is bad too, but not counted.
    bad = np.array([True, False, True, False, False, False, False, False, True])
    before = np.asarray(received.updates)
    found = corrupted(name, (received, votes, bad), rule="clip+nnm+trimmed_mean")
    changed = (found != before).any(axis=1)
    attacked = name not in ("none", "label_flip")
    assert changed.tolist() == [attacked, False, attacked] + [False] * 6
    assert (found[0] == found[2]).all() or not attacked


def test_without_bad_nodes_nothing_changes() -> None:
    received, votes, _ = round_of(2)
    found = corrupted("white_box", (received, votes, np.zeros(NODES, bool)))
    assert (found == np.asarray(received.updates)).all()


def test_bad_nodes_do_not_enter_the_honest_mean() -> None:
    received, votes, bad = round_of(3)
    moved = dataclasses.replace(received, updates=received.updates.at[:BAD].add(100.0))
    plain = corrupted("sign_flip", (received, votes, bad))
    assert (corrupted("sign_flip", (moved, votes, bad)) == plain).all()


def test_cached_update_of_the_coalition_is_neither_replaced_nor_honest() -> None:
    received, votes, bad = round_of(4)
    sends = jnp.asarray(bad & (np.arange(NODES) > 0))
    moved = dataclasses.replace(received, updates=received.updates.at[0].add(100.0))
    run = functools.partial(corrupt, coalition("sign_flip"), hub("mean"))
    plain = run(received, jnp.asarray(votes), jnp.asarray(bad), sends)
    other = run(moved, jnp.asarray(votes), jnp.asarray(bad), sends)
    assert (plain[0] == received.updates[0]).all()
    assert (other[1:] == plain[1:]).all()


def test_label_flip_poisons_the_labels_and_nothing_else_does() -> None:
    flags = {name: coalition(name).poisons_labels for name in attacks.ATTACKS}
    assert [name for name, poisons in flags.items() if poisons] == ["label_flip"]


# --- White box ---


@functools.cache
def compiled(rule: str) -> Callable[..., jax.Array]:
    return jax.jit(rules.get(rule))


def harm(rule: str, seed: int, updates: Floats) -> float:
    """Inner product of the aggregate with the honest mean: the less, the more harm."""
    _, votes, _ = round_of(seed)
    result = compiled(rule)(jnp.asarray(updates), jnp.asarray(votes), jnp.int32(BAD))
    return float(np.asarray(result) @ honest_figures(seed)[0])


def candidates(seed: int) -> list[Floats]:
    mean, deviation = honest_figures(seed)
    shifts = (0.25, 0.5, 1.0, 1.5, 2.5)
    return [
        *(-length * mean for length in (0.1, 0.5, 1.0, 3.0, 10.0)),
        *(mean - shift * deviation for shift in shifts),
        *(mean - shift * np.sign(mean) * deviation for shift in shifts),
    ]


@pytest.mark.parametrize("rule", ["mean", "clip+nnm+trimmed_mean", "geometric_median"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_white_box_sends_the_worst_of_its_candidates(rule: str, seed: int) -> None:
    found = sent("white_box", seed, rule=rule)
    received, _, _ = round_of(seed)
    tried = []
    for candidate in candidates(seed):
        updates = np.asarray(received.updates).copy()
        updates[:BAD] = candidate
        tried.append(harm(rule, seed, updates))
    assert harm(rule, seed, found) == pytest.approx(min(tried), abs=1e-10)
    nearest = min(np.abs(found[0] - candidate).max() for candidate in candidates(seed))
    assert nearest < 1e-12


@pytest.mark.parametrize("rule", ["mean", "median", "trimmed_mean", "clip+nnm+trimmed_mean"])
def test_white_box_is_worse_than_any_plain_attack(rule: str) -> None:
    for seed in range(4):
        worst = harm(rule, seed, sent("white_box", seed, rule=rule))
        for name, strength in (("sign_flip", None), ("ipm", None), ("alie", 1.5)):
            plain = harm(rule, seed, sent(name, seed, strength=strength, rule=rule))
            assert worst <= plain + 1e-12
        honest = harm(rule, seed, sent("none", seed, rule=rule))
        assert worst < honest - 0.01


# --- Names ---


def towards_one(view: View) -> jax.Array:
    return jnp.ones_like(view.mean) * view.strength_or(7.0)


@pytest.mark.parametrize(("strength", "expected"), [(None, 7.0), (2.0, 2.0)])
def test_attack_of_the_user(strength: float | None, expected: float) -> None:
    found = sent(f"{__name__}:towards_one", strength=strength)
    assert (found[:BAD] == expected).all()
    assert (found[BAD:] == np.asarray(round_of(0)[0].updates)[BAD:]).all()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("whitebox", "attack 'whitebox' is unknown; did you mean white_box"),
        (f"{__name__}:nothing", "can't be imported"),
    ],
)
def test_unknown_attack(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attacks.get(name)


def test_strength_that_is_not_set_is_left_to_the_attack() -> None:
    settings: dict[str, Any] = {"name": "ipm", "byzantine_nodes": 1}
    assert np.isnan(float(setup.build_adversary(AttackSettings(**settings)).strength))
    set_by_user = setup.build_adversary(AttackSettings(**settings, strength=0.0))
    assert float(set_by_user.strength) == 0.0
