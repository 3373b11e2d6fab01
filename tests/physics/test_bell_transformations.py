"""Pairs compiled, batched, broadcast, differentiated and in single precision."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from physics import density

from ceas_gym.physics import bell


def with_noise(operation: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """An operation on a pair and its mirror image, its noise a function of two numbers."""
    return lambda pair, one, other: operation(
        pair, pair[..., ::-1], jnp.exp(-one), jnp.exp(-0.1 * other)
    )


def purified(protocol: str) -> Callable[..., jax.Array]:
    return lambda one, other, gate, readout: bell.purify(one, other, protocol, gate, readout)[1]


# Each takes a pair and two positive numbers.
QUESTIONS: dict[str, Callable[..., jax.Array]] = {
    "depolarize": lambda pair, time, a: bell.depolarize(pair, time, a, 2.0),
    "dephase": lambda pair, time, a: bell.dephase(pair, time, a, 2.0),
    "expiry_age": lambda pair, time, a: bell.expiry_age(pair, 0.2 + time, a, 2.0),
    "teleport": lambda pair, time, a: bell.teleport(pair, jnp.exp(-time), jnp.exp(-0.1 * a)),
    "letters": lambda pair, time, a: bell.from_letters(bell.teleport(pair, jnp.exp(-time - a))),
    "swap": with_noise(bell.swap),
    "dejmps": with_noise(purified("dejmps")),
    "bbpssw": with_noise(purified("bbpssw")),
    "teleported_cnot": lambda pair, time, a: bell.teleported_cnot(
        bell.swap(pair, bell.werner(time * a))
    ),
}
EACH = pytest.mark.parametrize("name", sorted(QUESTIONS))


@EACH
def test_compiled_batch_equals_broadcast_equals_loop(name: str) -> None:
    ask = jax.jit(QUESTIONS[name])
    pairs = density.random_pairs(6, ordered=True)
    times, coherences = np.linspace(0.1, 0.4, 6), np.linspace(0.5, 3.0, 6)
    loop = np.stack([ask(*row) for row in zip(pairs, times, coherences, strict=True)])
    batch = jax.jit(jax.vmap(QUESTIONS[name]))(pairs, times, coherences)
    np.testing.assert_allclose(batch, loop, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(ask(pairs, times, coherences), loop, rtol=1e-12, atol=1e-15)


@EACH
def test_gradients_at_pure_states_are_those_of_small_steps(name: str) -> None:
    def total(pair: jax.Array, time: jax.Array) -> jax.Array:
        answers = QUESTIONS[name](pair, time, 0.7)
        # Unequal weights, so that a conserved sum does not hide the slopes.
        return (answers * jnp.arange(1.0, 1.0 + answers.size).reshape(answers.shape)).sum()

    ask = jax.jit(jax.vmap(jax.value_and_grad(total, argnums=(0, 1)), in_axes=(0, None)))
    pure, step = np.eye(4), 1e-6
    by_pair, by_time = ask(pure, 0.3)[1]
    numeric = (ask(pure, 0.3 + step)[0] - ask(pure, 0.3 - step)[0]) / (2.0 * step)
    assert jnp.isfinite(by_pair).all()
    np.testing.assert_allclose(by_time, numeric, atol=1e-7)


def test_one_pair_meets_many_and_one_noise_serves_all() -> None:
    purify = functools.partial(bell.purify, protocol="dejmps")

    def shape(one: tuple[int, ...], other: tuple[int, ...], noise: tuple[int, ...]) -> tuple:
        pairs, chance = (np.zeros(one), np.zeros(other)), np.ones(noise)
        swapped = jax.eval_shape(bell.swap, *pairs, chance, 0.9)
        probability, pair = jax.eval_shape(purify, *pairs, gate_contraction=chance, readout=chance)
        assert swapped.shape == pair.shape == (*probability.shape, 4)
        return pair.shape

    assert shape((4,), (4,), ()) == (4,)
    assert shape((4,), (5, 4), ()) == (5, 4)
    assert shape((3, 1, 4), (3, 5, 4), ()) == (3, 5, 4)
    assert shape((4,), (4,), (6,)) == (6, 4)
    assert shape((3, 1, 4), (4,), (1, 5)) == (3, 5, 4)
    assert jax.eval_shape(bell.teleported_cnot, np.zeros((2, 3, 4))).shape == (2, 3, 4, 4)


def test_single_precision_stays_single() -> None:
    def answers() -> tuple[jax.Array, ...]:
        pair = bell.depolarize(bell.werner(1), 1, 10, 20)
        dephased, age = bell.dephase(pair, 1, 10, 20), bell.expiry_age(pair, 0.8, 10, 20)
        letters, swapped = bell.teleport(pair, 1, 1), bell.swap(pair, dephased, 1, 1)
        kept, purified = bell.purify(swapped, pair, "dejmps", 1, 1)
        back = bell.from_letters(letters)
        return (
            pair,
            dephased,
            age,
            letters,
            swapped,
            kept,
            purified,
            back,
            bell.teleported_cnot(back),
        )

    with jax.enable_x64(False):
        assert {answer.dtype for answer in jax.eval_shape(answers)} == {jnp.dtype("float32")}


def test_single_precision_resolves_small_errors() -> None:
    with jax.enable_x64(False):
        perfect = bell.werner(1.0)
        # A convolution adds small numbers; a difference of letters near 1 would lose them.
        swapped = jax.jit(bell.swap)(bell.werner(1.0 - 4e-7), perfect, 1.0, 1.0 - 1e-4)
        assert float(swapped[1]) == pytest.approx(1e-7 + 1e-8, rel=1e-3, abs=1e-8)
