"""Layouts: each is a scenario of its own, seeds take turns, and one program plays them all."""

import jax
import numpy as np
import pytest
from helpers import compilations
from helpers.compiled import reset, step

from ceas_agents.evaluation import play
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import scarcity
from ceas_agents.policies.registry import POLICIES
from ceas_gym import config, layouts, parameters
from ceas_gym.envs.env import CEASEnv
from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.jax_utils import randomness
from ceas_gym.learning import pauli, setup
from ceas_gym.scenario import LearningSettings, Scenario

COUNT, ROUNDS = 3, 3
CHANGES = {"episode.layouts": COUNT, "episode.rounds": ROUNDS, "learning.partition": "dirichlet"}
ALONE = CHANGES | {"episode.layouts": 1}
# XLA may sum in another order in another program.
LAST_BITS = 1e-5


def alone(number):
    """Returns the scenario that layout number j of `tiny` is."""
    moved = {"network.layout_seed": number, "learning.data_seed": number}
    return config.load("tiny", ALONE | moved)


@pytest.fixture(scope="module")
def several():
    return parameters.build(config.load("tiny", CHANGES))


def played(params, seed):
    """Returns what an episode's rounds tell, the same action in each."""
    state, timestep = reset(params, randomness.key(seed))
    told = [timestep.observation]
    for _ in range(ROUNDS):
        state, timestep = step(params, state, np.ones((4, 4), np.float32))
        happened = timestep.round
        told.append((timestep.observation, timestep.reward, happened.schedule, happened.ledger))
    return state, told


@pytest.mark.parametrize("number", range(COUNT))
def test_each_is_the_scenario_with_its_seeds(several, number):
    one, other = layouts.every(several)[number], parameters.build(alone(number))
    assert one.layouts is None
    for (path, leaf), (_, expected) in zip(
        *(jax.tree_util.tree_leaves_with_path(each) for each in (one, other)), strict=True
    ):
        found = np.asarray(leaf)
        if "shards" in jax.tree_util.keystr(path) and found.ndim == 2:
            # Padded to the largest shard of any layout.
            found = found[:, : expected.shape[1]]
        np.testing.assert_array_equal(found, expected, err_msg=jax.tree_util.keystr(path))


def test_layouts_differ_in_links_memories_and_data(several):
    varied = several.layouts
    assert {".generation.success_probability", ".memories.decay_rate", ".routes.latency"} <= set(
        varied.network
    )
    splits = {f".{split}.paulis" for split in ("training", "validation", "test")}
    assert splits | {".shards"} <= set(varied.learning)
    assert ".key.tag_bits" not in varied.network
    assert ".readout" not in varied.learning


@pytest.mark.parametrize("seed", [40, pytest.param(41, marks=pytest.mark.slow), 2**31 - 1])
def test_an_episode_is_the_one_of_its_layout_alone(several, seed):
    state, told = played(several, seed)
    assert int(state.layout) == seed % COUNT
    _, expected = played(parameters.build(alone(seed % COUNT)), seed)
    for one, other in zip(jax.tree.leaves(told), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=LAST_BITS)


def test_one_program_plays_all(several):
    for seed in range(3, 3 + COUNT):
        played(several, seed)
    before = compilations.made.total()
    for seed in range(COUNT):
        played(several, seed)
    assert compilations.made.total() == before


def test_a_row_of_a_batch_is_the_single_environment():
    given = np.random.default_rng(0).uniform(-1, 1, (ROUNDS, COUNT, 4, 4)).astype(np.float32)
    envs = CEASVectorEnv(COUNT, "tiny", overrides=CHANGES)
    env = CEASEnv("tiny", overrides=CHANGES)
    observation, info = envs.reset(seed=7)
    assert info["layout"].tolist() == [7 % COUNT, 8 % COUNT, 9 % COUNT]
    told = [observation, *(envs.step(action)[0] for action in given)]
    for row in range(COUNT):
        seen, alone_info = env.reset(seed=7 + row)
        assert alone_info["layout"] == info["layout"][row]
        single = [seen, *(env.step(action[row])[0] for action in given)]
        for batched, expected in zip(told, single, strict=True):
            np.testing.assert_allclose(batched["nodes"][row], expected["nodes"], atol=LAST_BITS)


def test_episodes_that_follow_play_all_layouts():
    env = CEASEnv("tiny", overrides=CHANGES)
    env.reset(seed=0)
    followed = [env.reset()[1]["layout"] for _ in range(40)]
    # Each is missed by 40 fair draws with a chance of 1e-7.
    assert set(followed) == set(range(COUNT))


def test_policies_are_told_the_network_of_their_episode():
    scenario = config.load("tiny", CHANGES | {"network.channels": 1, "network.longest_km": 60})
    contestant = Contestant("static_subset", POLICIES["static_subset"], {})
    params = play.prepare(scenario, [contestant])["static_subset"]
    rows = dict(play.episodes(contestant, params, ROUNDS, range(COUNT)))
    for number, each in enumerate(layouts.every(params)):
        expected = dict(play.episodes(contestant, each, ROUNDS, [number]))[number]
        assert rows[number]["pairs_generated"].sum() == expected["pairs_generated"].sum() > 0
        assert rows[number]["layout"].tolist() == [number] * ROUNDS
        assert play.summary(rows[number], 0.5)["layout"] == number


def test_words_that_vanish_in_a_layout_are_zero_there():
    settings = LearningSettings(qubits=2, layers=1, features=2, batch_size=4, estimator="all")
    own = setup.build(settings, 3)
    all_words = setup.build(settings, 3, tuple(range(16)))
    held = list(own.program.words)
    assert 0 < len(held) < 16
    found = np.asarray(all_words.training.paulis)
    np.testing.assert_array_equal(found[:, held], own.training.paulis)
    # Amplitudes are real, so words with a single Y vanish.
    assert not found[:, pauli.letter_counts(2)[:, 1] == 1].any()
    assert found.any(axis=0).sum() > len(held)


def test_words_of_layouts_are_of_any():
    drawn = [LearningSettings(qubits=2, layers=1, features=2, data_seed=seed) for seed in (0, 1)]
    every = setup.words_of(drawn)
    assert list(every) == sorted({*setup.words_of(drawn[:1]), *setup.words_of(drawn[1:])})


def test_theta_is_the_mean_of_the_layouts(several):
    each = [scarcity.theta_aware(one) for one in layouts.every(several)]
    assert len(set(each)) == COUNT
    assert scarcity.over_layouts(scarcity.theta_aware, several) == pytest.approx(np.mean(each))


def test_networks_alone_are_those_of_the_layouts(several):
    drawn = parameters.networks(config.load("tiny", CHANGES))
    for one, other in zip(drawn, layouts.every(several), strict=True):
        jax.tree.map(np.testing.assert_array_equal, one.network, other.network)
        jax.tree.map(np.testing.assert_array_equal, one.consensus, other.consensus)


def test_after_the_last_seed_comes_the_first():
    last = {"network.layout_seed": 2**31 - 2, "learning.data_seed": 2**31 - 1}
    drawn = layouts.scenarios(config.load("tiny", CHANGES | last))
    seeds = [(each.network.layout_seed, each.learning.data_seed) for each in drawn]
    assert seeds == [(2**31 - 2, 2**31 - 1), (2**31 - 1, 0), (0, 1)]


def test_one_layout_is_the_scenario_itself():
    params = parameters.build(config.load("tiny"))
    assert params.layouts is None
    state = reset(params, randomness.key(5))[0]
    assert int(state.layout) == 0
    assert layouts.of(params, state) is params
    assert layouts.scenarios(Scenario()) == [Scenario()]


def test_the_layout_of_large_seeds(several):
    numbers = [int(layouts.number(several, randomness.key(seed))) for seed in (2**32 + 4, 2**70)]
    assert numbers[0] == 4 % COUNT
    assert numbers[1] in range(COUNT)
