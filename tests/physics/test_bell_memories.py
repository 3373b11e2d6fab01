"""Pairs in decaying memories against the reference sheet, density matrices and laws."""

import functools

import jax
import numpy as np
import pytest
from physics import density

from ceas_gym.physics import bell

exactly = functools.partial(pytest.approx, rel=1e-10, abs=1e-12)
# Compiled once for all tests, which is faster than an operation at a time.
werner, depolarize, dephase = jax.jit(bell.werner), jax.jit(bell.depolarize), jax.jit(bell.dephase)
DECAYS = {"depolarizing": depolarize, "dephasing": dephase}
expiry_age = jax.jit(bell.expiry_age, static_argnames="memory")
MEMORIES = pytest.mark.parametrize("memory", sorted(DECAYS))


@MEMORIES
@pytest.mark.parametrize("kept", [(0.7, 0.9), (1.0, 0.2), (0.35, 0.35)])
def test_stored_pair_equals_density_matrix(memory: str, kept: tuple[float, float]) -> None:
    pairs, time = density.random_pairs(20), 0.3
    coherence = tuple(-time / np.log(fraction) if fraction < 1.0 else np.inf for fraction in kept)
    aged = DECAYS[memory](pairs, time, *coherence)
    for before, after in zip(pairs, np.asarray(aged), strict=True):
        # The whole matrix: the state stays Bell-diagonal.
        np.testing.assert_allclose(
            density.density(after), density.stored(before, memory, kept), atol=1e-13
        )


# --- The reference sheet ---


@pytest.mark.parametrize(
    ("start", "coherence_a", "coherence_b", "time", "contraction", "depolarized", "dephased"),
    [
        (1.0, 1.0, 1.0, 0.1, 0.818730753078, 0.864048064808, 0.909365376539),
        (0.95, 2.0, 0.5, 0.3, 0.448748225104, 0.586561168828, 0.711874112552),
        (0.9, 1.0, 4.0, 0.25, 0.658454066052, 0.743840549539, 0.804227033026),
        (0.92, 10.0, 0.05, 0.02, 0.615462286035, 0.711596714526, 0.787731143018),
    ],
)
def test_decay_table(
    start: float,
    coherence_a: float,
    coherence_b: float,
    time: float,
    contraction: float,
    depolarized: float,
    dephased: float,
) -> None:
    storage = (werner(start), time, coherence_a, coherence_b)
    mixed, classical = depolarize(*storage), dephase(*storage)
    assert float(bell.contraction(mixed)) == exactly(contraction)
    assert float(bell.fidelity(mixed)) == exactly(depolarized)
    np.testing.assert_allclose(mixed, werner(contraction), atol=1e-12)
    other_phi = (1.0 + start) / 2.0 - dephased
    psi = (1.0 - start) / 4.0
    np.testing.assert_allclose(classical, [dephased, psi, psi, other_phi], atol=1e-12)


@pytest.mark.parametrize(
    ("start", "coherence_a", "coherence_b", "threshold", "depolarizing", "dephasing"),
    [
        (1.0, 1.0, 1.0, 0.5, 0.5493061443341, np.inf),
        (0.95, 2.0, 0.5, 0.8, 0.1035446535665, 0.1674841339433),
        (0.98, 1.0, 1.0, 0.9, 0.06144906816158, 0.09525916199907),
        (0.92, 10.0, 0.05, 0.8349581931, 0.008216478492513, 0.01289683944568),
    ],
)
def test_expiry_table(
    start: float,
    coherence_a: float,
    coherence_b: float,
    threshold: float,
    depolarizing: float,
    dephasing: float,
) -> None:
    question = (werner(start), threshold, coherence_a, coherence_b)
    assert float(expiry_age(*question)) == exactly(depolarizing)
    age = expiry_age(*question, memory="dephasing")
    assert float(age) == exactly(dephasing)


# --- Laws ---


@MEMORIES
def test_decay_conserves_probability_and_never_helps(memory: str) -> None:
    pairs = density.random_pairs(30, ordered=True)[:, None]
    ages = np.linspace(0.0, 5.0, 20)[None]
    aged = np.asarray(DECAYS[memory](pairs, ages, 1.3, 0.8))
    np.testing.assert_allclose(aged.sum(axis=-1), 1.0, rtol=1e-12)
    assert (aged >= 0.0).all()
    assert (np.diff(aged[..., 0], axis=1) < 0.0).all()


@MEMORIES
def test_decay_in_two_steps_equals_one(memory: str) -> None:
    decay, pairs = DECAYS[memory], density.random_pairs(10)
    halfway = decay(pairs, 0.2, 1.3, 0.8)
    np.testing.assert_allclose(
        decay(halfway, 0.5, 1.3, 0.8), decay(pairs, 0.7, 1.3, 0.8), rtol=1e-12
    )
    np.testing.assert_array_equal(decay(pairs, 0.0, 1.3, 0.8), pairs)
    np.testing.assert_array_equal(decay(pairs, 0.5, np.inf, np.inf), pairs)


def test_depolarized_pair_ends_as_maximally_mixed() -> None:
    np.testing.assert_allclose(depolarize(density.random_pairs(5), 1e3, 1.0, 1.0), 0.25)


def test_dephased_pair_ends_without_phase() -> None:
    ended = dephase(np.array([0.7, 0.05, 0.15, 0.1]), 1e3, 1.0, 1.0)
    np.testing.assert_allclose(ended, [0.4, 0.1, 0.1, 0.4])


@MEMORIES
def test_expiry_age_inverts_decay(memory: str) -> None:
    pairs = density.random_pairs(30, ordered=True)
    limit = np.asarray(DECAYS[memory](pairs, np.inf, 1.3, 0.8))[:, 0]
    threshold = limit + np.linspace(0.1, 0.9, 30) * (pairs[:, 0] - limit)
    age = expiry_age(pairs, threshold, 1.3, 0.8, memory=memory)
    expired = np.asarray(DECAYS[memory](pairs, age, 1.3, 0.8))
    assert (age > 0.0).all()
    np.testing.assert_allclose(expired[:, 0], threshold, rtol=1e-12)


@pytest.mark.parametrize(
    ("pair", "threshold", "memory", "age"),
    [
        pytest.param([0.7, 0.1, 0.1, 0.1], 0.7, "depolarizing", 0.0, id="at the threshold"),
        pytest.param([0.7, 0.1, 0.1, 0.1], 0.8, "depolarizing", 0.0, id="already below"),
        pytest.param([0.1, 0.3, 0.3, 0.3], 0.2, "depolarizing", 0.0, id="below, rising past it"),
        pytest.param([0.7, 0.1, 0.1, 0.1], 0.25, "depolarizing", np.inf, id="at the limit"),
        pytest.param([0.7, 0.1, 0.1, 0.1], 0.1, "depolarizing", np.inf, id="below the limit"),
        pytest.param([0.2, 0.5, 0.2, 0.1], 0.1, "depolarizing", np.inf, id="above, and rising"),
        pytest.param([0.7, 0.1, 0.1, 0.1], 0.8, "dephasing", 0.0, id="already below, dephased"),
        pytest.param(
            [0.5, 0.125, 0.125, 0.25], 0.375, "dephasing", np.inf, id="at the limit, dephased"
        ),
    ],
)
def test_expiry_age_where_nothing_crosses(
    pair: list[float], threshold: float, memory: str, age: float
) -> None:
    assert float(expiry_age(np.array(pair), threshold, 1.0, 2.0, memory=memory)) == age


@MEMORIES
def test_pair_in_perfect_memories_never_expires(memory: str) -> None:
    age = expiry_age(werner(0.9), 0.8, np.inf, np.inf, memory=memory)
    assert float(age) == np.inf


def test_unknown_memory_is_named() -> None:
    with pytest.raises(ValueError, match="'dephasing', 'depolarizing', but is 'perfect'"):
        expiry_age(werner(0.9), 0.8, 1.0, 1.0, memory="perfect")


@MEMORIES
@pytest.mark.parametrize("threshold", [0.25, 0.8, 0.99])
def test_gradient_of_expiry_age_is_finite(memory: str, threshold: float) -> None:
    def age(contraction: jax.Array, threshold: jax.Array) -> jax.Array:
        # An infinite age has no gradient to speak of, but must not give NaN either.
        return expiry_age(werner(contraction), threshold, 1.0, 2.0, memory=memory)

    slopes = jax.jit(jax.grad(age, argnums=(0, 1)))(0.9, threshold)
    assert all(np.isfinite(slope) for slope in slopes)


# --- Shapes ---


@MEMORIES
def test_one_pair_spreads_over_ages_and_one_age_over_pairs(memory: str) -> None:
    def shape(pair: tuple[int, ...], time: tuple[int, ...], coherence: tuple[int, ...]) -> tuple:
        inputs = (np.zeros(pair), np.zeros(time), np.ones(coherence), 2.0)
        return jax.eval_shape(DECAYS[memory], *inputs).shape

    assert shape((4,), (5,), ()) == (5, 4)
    assert shape((2, 3, 4), (), ()) == (2, 3, 4)
    assert shape((3, 1, 4), (3, 5), (3, 1)) == (3, 5, 4)


def test_single_precision_resolves_a_young_pair() -> None:
    with jax.enable_x64(False):
        perfect = np.array([1.0, 0.0, 0.0, 0.0], dtype=np.float32)
        aged = jax.jit(bell.depolarize)(perfect, 1e-6, 1.0, 1.0)
        assert float(aged[1]) == pytest.approx(5e-7, rel=1e-5)
