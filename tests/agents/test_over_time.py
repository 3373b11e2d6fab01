"""Episodes whose budget is time: what is played, and what is told of it by rounds and over time."""

import csv
import re
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from helpers.compiled import reset, step
from jax.tree_util import Partial

from ceas_agents.bounds import pair_bounds
from ceas_agents.evaluation import play, results, rounds
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import rollout
from ceas_agents.policies.registry import POLICIES
from ceas_gym import config, parameters
from ceas_gym.jax_utils import randomness
from ceas_gym.task.observations import NETWORK_FEATURES

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"
BARRIER, WAITED = 2, [feature.name for feature in NETWORK_FEATURES].index("waited")
CHANGES = {
    "episode.decision": "window",
    "network.barrier_windows": BARRIER,
    "network.most_windows": 8,
    "network.window_s": 0.5,
    # Thirty windows: five rounds of four windows and a barrier.
    "episode.budget_s": 15.0,
}


def equal_shares(params, observation, key, cadence):
    """Fires after so many windows; never if there are none."""
    waited = jnp.round(observation.network[WAITED] * params.network.most_windows) + 1
    fires = jnp.where((waited >= cadence) & (cadence > 0), 1.0, -1.0)
    share = params.network.switch.channels[0] / params.network.nodes
    return jnp.append(jnp.full(params.network.nodes, 2 * share - 1), fires)


def every(cadence):
    """Returns the policy; whatever the cadence is, it is the same program."""
    return Partial(equal_shares, cadence=cadence)


@pytest.fixture(scope="module")
def params():
    return parameters.build(config.load("tiny", CHANGES))


def played(params, policy, seeds=(3,)):
    contestant = Contestant("mine", policy, {})
    return dict(play.episodes(contestant, params, rollout.most_steps(params), seeds))


@pytest.fixture(scope="module")
def five(params):
    """Steps of an episode with a barrier after every five windows."""
    return played(params, every(5))[3]


# --- What is played ---


def test_an_episode_has_the_steps_until_it_is_terminated(params, five):
    state, timestep = reset(params, randomness.key(3))
    told = []
    while not timestep.terminated:
        state, timestep = step(params, state, every(5)(params, timestep.observation, None))
        told.append(timestep.metrics)
    assert len(five["fired"]) == len(told)
    for name in ("fired", "time_s", "pairs_generated", "accuracy"):
        np.testing.assert_allclose(five[name], [each[name] for each in told], rtol=1e-6)


def test_fewer_barriers_leave_more_windows(params):
    """Windows that wait, and barriers in the time that is left: counted by hand."""
    for cadence, barriers, steps in ((1, 10, 10), (5, 4, 5 * 4 + 0), (0, 3, 3 * 8)):
        seen = played(params, every(cadence))[3]
        assert seen["fired"].sum() == barriers
        assert len(seen["fired"]) == steps
        assert seen["time_s"][-1] <= 15


def test_the_most_steps_are_those_of_windows_that_only_wait(params):
    assert rollout.most_steps(params) == 30 - BARRIER
    by_round = config.load("tiny", CHANGES | {"episode.decision": "round"})
    assert rollout.most_steps(parameters.build(by_round)) == 30 // (4 + BARRIER)


def test_a_round_played_window_by_window_is_the_same_episode(params):
    """Fired after as many windows as a round has, and told by rounds."""
    by_round = parameters.build(config.load("tiny", CHANGES | {"episode.decision": "round"}))
    one = rounds.of_steps(played(params, every(4))[3])
    other = rounds.of_steps(played(by_round, POLICIES["uniform"])[3])
    assert one.keys() == other.keys()
    for name, values in other.items():
        np.testing.assert_allclose(one[name], values, rtol=1e-5, atol=1e-6, err_msg=name)


# --- By rounds ---


def test_rounds_add_up_to_the_steps(five):
    found = rounds.of_steps(five)
    for name in ("pairs_generated", "pairs_keyed", "shots", "reward", "fired"):
        assert found[name].sum() == pytest.approx(five[name].sum(dtype=float))
    assert len(found["fired"]) == 4
    assert found["time_s"].tolist() == [3.5, 7, 10.5, 14]
    assert found["pairs_generated"][0] == five["pairs_generated"][:5].sum()
    assert found["accuracy"].tolist() == five["accuracy"][4::5].tolist()
    assert found["accuracy_before"][1:].tolist() == found["accuracy"][:-1].tolist()


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def made_up(fired, accuracy, start=0.5, **others):
    """Steps of 1 s; accuracies are those after each barrier."""
    fired = np.array(fired, np.float32)
    after = np.array([start, *accuracy], np.float32)[fired.cumsum().astype(int)]
    steps = {name: np.zeros(len(fired), np.float32) for name in rounds.NAMES} | {
        "fired": fired,
        "time_s": np.arange(1, len(fired) + 1, dtype=np.float32),
        "accuracy": after,
        "accuracy_before": np.append(np.float32(start), after[:-1]),
    }
    return steps | {name: np.array(values, np.float32) for name, values in others.items()}


def test_windows_after_the_last_barrier_are_in_a_last_row():
    generated = [1, 2, 4, 8, 16]
    steps = made_up([0, 1, 1, 0, 0], [0.6, 0.7], pairs_generated=generated, pairs_stored=generated)
    found = rounds.of_steps(steps)
    assert found["pairs_generated"].tolist() == [3, 4, 24]
    assert found["pairs_stored"].tolist() == [2, 4, 16]
    assert found["fired"].tolist() == [1, 1, 0]
    row = play.summary(steps, 0.65)
    assert (row["rounds"], row["pairs_generated"], row["pairs_left"]) == (2, 31, 16)
    assert row["mean_accuracy"] == pytest.approx(0.65)


def test_means_over_rounds_are_over_barriers():
    steps = made_up([0, 0, 1, 0, 1], [0.6, 0.7], accepted_nodes=[0, 0, 3, 0, 4])
    assert play.summary(steps, 0.9)["accepted_nodes"] == 3.5


def test_an_episode_without_a_barrier_has_no_rounds():
    row = play.summary(made_up([0, 0, 0], [], start=0.9), 0.85, budget_s=5.0)
    assert (row["rounds"], row["rounds_to_target"], row["accepted_nodes"]) == (0, 0, 0)
    assert (row["reached_target"], row["time_to_accuracy_s"]) == (0, 5)
    assert row["mean_accuracy_over_time"] == row["mean_accuracy"] == pytest.approx(0.9)


def test_files_have_a_row_for_each_barrier(params, five, tmp_path):
    scenario = config.load("tiny", CHANGES)
    with results.Folder(tmp_path, scenario, {}) as folder:
        folder.add("mine", 3, five, pair_bounds.in_each_layout(params), play.seconds(params))
    (episode,), table = rows(tmp_path / "episodes.csv"), rows(tmp_path / "rounds.csv")
    assert [row["round"] for row in table] == ["1", "2", "3", "4"]
    for name in ("pairs_generated", "pairs_spent", "pairs_keyed", "shots"):
        assert sum(float(row[name]) for row in table) == float(episode[name])
    assert float(table[-1]["pairs_stored"]) == float(episode["pairs_left"])
    assert (episode["rounds"], episode["share_of_most_useful"]) == ("4.0", "nan")


def test_the_page_names_every_column():
    table = PAGE.read_text().split("**`episodes.csv`**")[1].split("**`rounds.csv`**")[0]
    told = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ", table, flags=re.MULTILINE)
    named = [name for cell in told for name in re.findall(r"\w+", cell)]
    columns = ("policy", "seed", *play.summary(made_up([1], [0.5]), 0.9))
    assert sorted(named) == sorted(columns)


# --- Over time ---


def test_accuracy_over_time_is_its_integral_over_the_budget():
    """0.5 for 2 s, 0.6 for 1 s, 0.9 for the other 5 s, also after the last step."""
    steps = made_up([0, 1, 1, 0], [0.6, 0.9])
    row = play.summary(steps, 0.85, budget_s=8.0)
    assert row["mean_accuracy_over_time"] == pytest.approx((2 * 0.5 + 0.6 + 5 * 0.9) / 8)
    assert (row["time_to_accuracy_s"], row["rounds_to_target"]) == (3, 2)
    curve = rounds.accuracy(rounds.of_steps(steps), 8.0)
    assert curve.times_s.tolist() == [0, 2, 3, 8]
    np.testing.assert_allclose(curve.values, [0.5, 0.6, 0.9, 0.9], rtol=1e-6)


def test_a_target_that_was_reached_stays_reached():
    steps = made_up([1, 1, 1], [0.7, 0.9, 0.6])
    found = rounds.has_reached(rounds.of_steps(steps), 0.85, 5.0)
    assert (found.times_s.tolist(), found.values.tolist()) == ([0, 2, 5], [0, 1, 1])
    never = rounds.has_reached(rounds.of_steps(steps), 0.95, 5.0)
    assert (never.times_s.tolist(), never.values.tolist()) == ([0, 5], [0, 0])
