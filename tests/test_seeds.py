"""Seeds of any size: no two of them start the same episode, wherever they are given."""

import re
from pathlib import Path

import jax
import numpy as np
import pytest

import ceas_agents
import ceas_gym
from ceas_gym.envs.env import CEASEnv
from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.jax_utils import randomness

ALIKE = [3, 2**32 + 3, 2**33 + 3, 2**64 + 3, 2**96 + 3, 2**1000 + 3]
"""Seeds that are equal modulo 2^32."""
FIGURE = "validation_loss"
"""Of the first model, which is drawn: no two are equal."""


@pytest.fixture(scope="module")
def env():
    return CEASEnv("tiny")


@pytest.fixture(scope="module")
def pair():
    return CEASVectorEnv(2, "tiny")


@pytest.mark.parametrize("wide", [False, True])
def test_a_seed_below_two_to_the_32_has_the_key_that_jax_gives_it(wide):
    seeds = [0, 3, 2**31 - 1, 2**31, 2**32 - 1]
    with jax.enable_x64(wide):
        ours = np.asarray(jax.random.key_data(randomness.keys(seeds)))
        for seed, words in zip(seeds, ours, strict=True):
            jax_words = np.asarray(jax.random.key_data(jax.random.key(seed)))
            assert words.tolist() == jax_words.tolist() == [0, seed]
            assert randomness.key(seed).dtype == jax.random.key(seed).dtype


@pytest.mark.parametrize("wide", [False, True])
def test_no_two_seeds_share_a_key(wide):
    near = [2**power + more for power in (32, 33, 63, 64, 65, 128) for more in range(-3, 4)]
    seeds = [*range(50), *near, *ALIKE[1:]]
    assert len(set(seeds)) < len(seeds)
    with jax.enable_x64(wide):
        words = np.asarray(jax.random.key_data(randomness.keys(seeds)))
    assert len(set(map(tuple, words.tolist()))) == len(set(seeds))
    assert words.tolist() == randomness.key_words(seeds).tolist()


def test_a_batch_of_keys_is_the_keys_of_its_seeds():
    together = np.asarray(jax.random.key_data(randomness.keys(ALIKE)))
    alone = [np.asarray(jax.random.key_data(randomness.key(seed))).tolist() for seed in ALIKE]
    assert together.tolist() == alone


@pytest.mark.parametrize("seed", [-1, 1.5, "3", -(2**70)])
def test_what_is_no_seed_is_an_error(pair, seed):
    message = "Argument `seed` must be a whole number from 0 on, but is"
    with pytest.raises(ValueError, match=message):
        randomness.key(seed)
    with pytest.raises(ValueError, match=message):
        pair.reset(seed=[0, seed])


def test_seeds_of_any_size_start_episodes_of_their_own(env):
    figures = [env.reset(seed=seed)[1][FIGURE] for seed in ALIKE]
    assert len(set(figures)) == len(ALIKE)
    assert [env.reset(seed=seed)[1][FIGURE] for seed in ALIKE] == figures


@pytest.mark.parametrize("last", [2**32 - 1, 2**64 - 1])
def test_rows_of_a_batch_are_single_environments_across_the_width_of_a_word(env, pair, last):
    rows = pair.reset(seed=last)[1][FIGURE]
    alone = [env.reset(seed=seed)[1][FIGURE] for seed in (last, last + 1)]
    assert rows.tolist() == pytest.approx(alone, abs=1e-6)
    assert abs(alone[0] - alone[1]) > 1e-3
    listed = pair.reset(seed=[last + 1, last])[1][FIGURE]
    assert listed.tolist() == rows[::-1].tolist()


@pytest.mark.parametrize("package", [ceas_gym, ceas_agents])
def test_no_module_makes_a_key_of_a_seed_by_itself(package):
    for file in Path(package.__path__[0]).rglob("*.py"):
        assert not re.search(r"random\.(key|PRNGKey)\((?!\d+\))", file.read_text()), file
