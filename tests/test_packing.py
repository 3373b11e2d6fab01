"""Records as words: every bit survives, whatever the type, and what has no 32 bits is refused."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceas_gym import parameters
from ceas_gym.config import load
from ceas_gym.envs import core
from ceas_gym.envs.env import CEASEnv
from ceas_gym.jax_utils import packing, randomness


class Sample(NamedTuple):
    signs: jax.Array
    numbers: jax.Array
    flag: jax.Array
    empty: jax.Array
    key: jax.Array


def sample(*shape: int) -> Sample:
    """Numbers at the edges of their types, and a random key."""
    number = np.prod(shape, dtype=int)
    floats = np.resize(np.array([-0.0, np.nan, np.inf, 1e-45, 3.5], np.float32), number)
    integers = np.resize(np.array([-(2**31), -1, 0, 2**31 - 1], np.int32), number)
    return Sample(
        jnp.asarray(integers.reshape(shape)),
        jnp.asarray(floats.reshape(shape)),
        jnp.asarray(number > 3),
        jnp.zeros((0, 3)),
        randomness.quick(jax.random.key(7)),
    )


@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (2, 1, 4)])
def test_every_bit_survives(shape: tuple[int, ...]) -> None:
    record = sample(*shape)
    packed = jax.jit(packing.pack)(record)
    assert packed.dtype == jnp.uint32
    assert packed.ndim == 1
    again = jax.jit(lambda packed: packing.unpack(packed, record))(packed)
    assert jax.tree.structure(again) == jax.tree.structure(record)
    for before, after in zip(jax.tree.leaves(record), jax.tree.leaves(again), strict=True):
        assert (before.shape, before.dtype) == (after.shape, after.dtype)
    assert np.asarray(again.numbers).tobytes() == np.asarray(record.numbers).tobytes()
    np.testing.assert_array_equal(again.signs, record.signs)
    assert bool(again.flag) == bool(record.flag)
    assert jax.random.uniform(again.key) == jax.random.uniform(record.key)


@pytest.mark.parametrize("batch", [(), (1,), (4,), (2, 3)])
def test_batch_is_read_row_by_row(batch: tuple[int, ...]) -> None:
    like = (jnp.zeros((2, 3), jnp.int32), jnp.zeros(()), jnp.zeros((0, 5)))
    count = 7 * int(np.prod(batch, dtype=int))
    block = np.arange(count, dtype=np.uint32).reshape((*batch, 7))
    integers, number, empty = packing.read(block, like)
    np.testing.assert_array_equal(integers, block[..., :6].reshape(*batch, 2, 3))
    assert number.shape == batch
    assert number.dtype == np.float32
    assert empty.shape == (*batch, 0, 5)


def test_numbers_of_another_width_are_refused() -> None:
    for size in (3, 4):
        with pytest.raises(ValueError, match="32 or 64 bits, but are int8"):
            jax.jit(packing.pack)(jnp.zeros(size, jnp.int8)).block_until_ready()


def test_numbers_of_64_bits_survive() -> None:
    with jax.enable_x64(True):
        record = (jnp.array([1 / 3, np.nan]), jnp.float32(2), jnp.array([[2**40], [-1]]))
        assert record[0].dtype == jnp.float64
        packed = jax.jit(packing.pack)(record)
        assert packed.shape == (9,)
        again = jax.jit(lambda packed: packing.unpack(packed, record))(packed)
        read = packing.read(np.array(packed), record)
        for before, after, numpy in zip(record, again, read, strict=True):
            assert before.dtype == after.dtype == numpy.dtype
            np.testing.assert_array_equal(after, before)
            np.testing.assert_array_equal(numpy, before)


def test_environment_steps_in_64_bits() -> None:
    with jax.enable_x64(True):
        env = CEASEnv("tiny", overrides={"episode.rounds": 2})
        env.reset(seed=0)
        observation, reward, *_ = env.step(np.zeros(env.action_space.shape or (), np.float32))
    assert observation["nodes"].dtype == np.float32
    assert np.isfinite(reward)


def test_parameters_have_the_width_of_the_moment() -> None:
    scenario = load("tiny", {"episode.rounds": 2})
    with jax.enable_x64(True):
        assert parameters.build(scenario).network.memories.decay_rate.dtype == jnp.float64
    assert parameters.build(scenario).network.memories.decay_rate.dtype == jnp.float32
    assert parameters.build(scenario) is parameters.build(scenario)


def test_state_of_an_episode_survives() -> None:
    params = parameters.build(load("tiny"))
    key_words = np.array([1, 3], np.uint32)
    running = jax.jit(core.reset)(params, key_words, False)
    state = jax.jit(core.unpack)(params, running.state)
    np.testing.assert_array_equal(core.key_words(running.state), jax.random.key_data(state.key))
    np.testing.assert_array_equal(jax.jit(packing.pack)(state), running.state)
    assert int(state.round) == 0
