"""White box against its own measure, and what the attacks do to the rules."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.attack_rounds import BAD, Floats, honest_figures, round_of, sent, view_of

from ceas_gym.consensus import attacks, rules
from ceas_gym.consensus.attacks import View

pytestmark = pytest.mark.usefixtures("exact")

# --- White box ---


@functools.cache
def compiled(rule: str) -> Callable[..., jax.Array]:
    return jax.jit(rules.get(rule))


def harm(rule: str, seed: int, updates: Floats) -> float:
    """Inner product of the aggregate with the honest mean: the less, the more harm."""
    votes = round_of(seed).votes
    result = compiled(rule)(jnp.asarray(updates), jnp.asarray(votes), jnp.int32(BAD))
    return float(np.asarray(result) @ honest_figures(seed)[0])


def candidates(seed: int) -> list[Floats]:
    mean, deviation = honest_figures(seed)
    shifts = (0.25, 0.5, 1.0, 1.5, 2.5)
    back = mean / np.linalg.norm(mean) * np.linalg.norm(deviation)
    return [
        *(-length * mean for length in (0.1, 0.5, 1.0, 3.0, 10.0)),
        *(mean - shift * np.sign(mean) * deviation for shift in shifts),
        *(mean - shift * back for shift in shifts),
    ]


@pytest.mark.parametrize("rule", ["mean", "clip+nnm+trimmed_mean", "geometric_median", "krum"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_white_box_sends_the_worst_of_its_candidates(rule: str, seed: int) -> None:
    found = sent("white_box", seed, rule=rule)
    tried = []
    for candidate in candidates(seed):
        updates = np.asarray(round_of(seed).received.updates).copy()
        updates[:BAD] = candidate
        tried.append(harm(rule, seed, updates))
    assert harm(rule, seed, found) == pytest.approx(min(tried), abs=1e-10)
    nearest = min(np.abs(found[0] - candidate).max() for candidate in candidates(seed))
    assert nearest < 1e-12


@pytest.mark.parametrize("rule", ["mean", "median", "trimmed_mean", "clip+nnm+trimmed_mean"])
def test_white_box_is_worse_than_any_plain_attack(rule: str) -> None:
    plain = (("sign_flip", None), ("ipm", None), ("alie", 1.5), ("signed_alie", 1.5))
    for seed in range(4):
        worst = harm(rule, seed, sent("white_box", seed, rule=rule))
        for name, strength in plain:
            one = harm(rule, seed, sent(name, seed, strength, rule))
            assert worst <= one + 1e-12
        honest = harm(rule, seed, sent("none", seed, rule=rule))
        assert worst < honest - 0.01


def test_white_box_without_spread_is_finite() -> None:
    view = view_of(np.zeros((5, 2)), np.arange(5) < 2)
    assert (attacks.white_box(view) == 0).all()


# --- When few are authenticated ---


@pytest.mark.parametrize(
    ("counted_honest", "strength", "attacks_now"),
    [
        (9, None, False),
        (6, None, False),
        (5, None, False),
        (4, None, True),
        (1, None, True),
        (0, None, True),
        (9, 0.24, True),
        (9, 0.25, False),
        (4, 0.6, False),
    ],
)
def test_attacks_when_few_enough_are_counted(
    counted_honest: int, strength: float | None, attacks_now: bool
) -> None:
    # Three of twelve are bad; the default asks for less than two thirds, eight, to be counted.
    updates, place = 1 + np.random.default_rng(0).normal(size=(12, 3)), np.arange(12)
    counted = place < 3 + counted_honest
    view = view_of(
        updates,
        place < 3,
        counted / counted.sum(),
        counted=counted,
        strength=np.nan if strength is None else strength,
    )
    expected = attacks.white_box(view) if attacks_now else view.mean
    assert (attacks.opportunistic(view) == expected).all()
    assert not np.allclose(attacks.white_box(view), view.mean)


# --- Findings ---


def moved(rule: str, attack: Callable[[View], jax.Array], *strengths: float) -> Floats:
    """What each of 160 rounds loses along the honest mean, in units of it; 9 of 30 are bad.

    The most of several strengths.
    """
    aggregate, bad = rules.get(rule), jnp.arange(30) < 9

    def loss(updates: jax.Array, strength: jax.Array) -> jax.Array:
        equal = jnp.full(30, 1 / 30)
        view = View(
            updates=updates,
            weights=equal,
            honest=~bad,
            bad=bad,
            strength=strength,
            key=jax.random.key(0),
            aggregate=lambda rows: aggregate(rows, equal, jnp.int32(9)),
        )
        mean = view.mean
        return 1 - view.aggregate(view.send(attack(view))) @ mean / (mean @ mean)

    random = np.random.default_rng(0)
    mean = random.normal(size=(160, 1, 6))
    mean /= np.linalg.norm(mean, axis=-1, keepdims=True)
    updates = jnp.asarray(mean + random.normal(size=(160, 30, 6)) / np.sqrt(6))
    each = jax.jit(jax.vmap(jax.vmap(loss, (0, None)), (None, 0)))
    return np.asarray(each(updates, jnp.asarray(strengths))).max(axis=0)


def shifted_back(view: View) -> jax.Array:
    length = jnp.linalg.norm(view.deviation)
    return view.mean - view.strength * length * view.mean / jnp.linalg.norm(view.mean)


def test_small_inner_product_attack_defeats_krum() -> None:
    krum = moved("krum", attacks.inner_product, 0.1)
    mixed = moved("clip+nnm+trimmed_mean", attacks.inner_product, 0.1)
    difference = krum - mixed
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    assert difference.mean() > 4 * error


@pytest.mark.parametrize(
    "rule",
    [
        "krum",
        pytest.param("nnm+trimmed_mean", marks=pytest.mark.slow),
        pytest.param("clip+nnm+trimmed_mean", marks=pytest.mark.slow),
    ],
)
def test_shifts_back_along_the_mean_do_more_harm_than_plain_ones(rule: str) -> None:
    # Hence these and not those are among the candidates of the white box.
    back = moved(rule, shifted_back, 0.25, 0.5, 1.0, 1.5, 2.5)
    plain = moved(rule, attacks.a_little_is_enough, 0.25, 0.5, 1.0, 1.5, 2.5)
    difference = back - plain
    assert difference.mean() > 4 * difference.std(ddof=1) / np.sqrt(len(difference))


def descent(attack: Callable[[View], jax.Array]) -> tuple[Floats, Floats]:
    """Mean loss and share of attacks in the last 60 of 120 rounds on a quadratic, in 16 runs.

    Momentum 0.9, three of twelve nodes bad; in every other round an honest node has no tag with
    probability 0.4.
    """
    aggregate, bad, curvature = rules.get("trimmed_mean"), jnp.arange(12) < 3, jnp.arange(1.0, 4.0)

    def round_(
        carry: tuple[jax.Array, jax.Array], keys: jax.Array
    ) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
        place, momentum = carry
        noise_key, burst_key, tag_key = jax.random.split(keys, 3)
        noisy = curvature * place + jax.random.normal(noise_key, (12, 3))
        momentum = 0.9 * momentum + 0.1 * noisy
        chance = jnp.where(jax.random.bernoulli(burst_key), 0.4, 0.0)
        counted = bad | (jax.random.uniform(tag_key, (12,)) >= chance)
        weights = counted / counted.sum()
        view = View(
            updates=momentum,
            weights=weights,
            honest=counted & ~bad,
            bad=bad,
            strength=jnp.asarray(jnp.nan),
            key=noise_key,
            aggregate=lambda rows: aggregate(rows, weights, jnp.int32(3)),
        )
        vector = attack(view)
        update = view.aggregate(view.send(vector))
        place = place - 0.1 * jnp.where(counted.sum() > 6, update, 0)
        attacked = (vector != view.mean).any()
        return (place, momentum), ((curvature * place**2).sum() / 2, attacked)

    def run(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        start = (jnp.ones(3), jnp.zeros((12, 3)))
        losses, attacked = jax.lax.scan(round_, start, jax.random.split(key, 120))[1]
        return losses[60:].mean(), attacked[60:].mean()

    losses, attacked = jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(0), 16))
    return np.asarray(losses), np.asarray(attacked)


def test_attacking_when_few_are_counted_is_weaker_than_always() -> None:
    always, every_round = descent(attacks.white_box)
    sometimes, some_rounds = descent(attacks.opportunistic)
    assert (every_round == 1).all()
    assert 0.1 < some_rounds.mean() < 0.5
    difference = always - sometimes
    assert difference.mean() > 4 * difference.std(ddof=1) / np.sqrt(len(difference))
