"""`ceas-gym train` with `jax.snes`: it learns, goes on exactly, and refuses what does not fit."""

import textwrap

import numpy as np
import pytest

from ceas_agents.evaluation import contestants, play
from ceas_agents.policies import checkpoints
from ceas_agents.training import curve, plan, train, trainer, updates
from ceas_agents.training.evolution import episodes, search
from ceas_agents.training.on_device.environment import WATCHED
from ceas_agents.training.plan import VALIDATION_SEEDS
from ceas_gym import parameters
from ceas_gym.jax_utils.fast_compile import array

METRICS = {name: array(np.zeros((2, 2))) for name in WATCHED}

FILE = """
    scenario: tiny
    set: {episode.decision: window, episode.rounds: 3, episode.reward: validation_accuracy}
    also:
      - {scenario: tiny, set: {attack.byzantine_nodes: 0}, weight: 3}
    learner: jax.snes
    policy: steered
    steps: 100
    rows: 2
    validation: {every: 50, episodes: 2}
    hyperparameters: {episodes: 1}
"""


def planned(tmp_path, text=FILE):
    path = tmp_path / "agent.yaml"
    path.write_text(textwrap.dedent(text))
    return plan.load(path)


def begin(tmp_path, text):
    made = planned(tmp_path, text)
    return trainer.library(made).trainer(made)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    train.train(planned(folder), folder / "run")
    return folder


def test_it_searches_and_what_it_finds_plays(finished):
    rows = curve.read(finished / "run")
    assert len(rows) == 3
    assert rows[-1]["steps"] >= 100 > rows[-2]["steps"]
    assert all(np.isfinite(row["validation_return"]) for row in rows)
    assert 0 < rows[-1]["train_return"] < 1
    first = checkpoints.load(finished / "run" / train.LAST)
    assert first.form == "steered"
    assert first.features.network == ("progress", "validation_accuracy")
    assert np.abs(first.layers[0].weight).min() > 0
    assert contestants.get(str(finished / "run" / train.BEST)).overrides == {}


def test_all_scenarios_are_played(finished):
    made = planned(finished)
    coalitions = [scenario.attack.byzantine_nodes for scenario in made.scenarios]
    assert coalitions == [1, 0]


def test_scenarios_count_by_their_weights_in_the_search(tmp_path, monkeypatch):
    scores, earned = [], iter([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 5.0], [9.0, 1.0]]])

    def played(*_):
        return episodes.Played(array(next(earned)), array(np.ones((2, 2), int), int), METRICS)

    def told(searched, deviations, returns):
        scores.append(np.asarray(returns))
        return searched

    monkeypatch.setattr(episodes, "on_all_cores", played)
    monkeypatch.setattr(search, "tell_compiled", told)
    begin(tmp_path, FILE.replace("every: 50", "every: 8")).learn(0, lambda _: None)
    np.testing.assert_allclose(scores, [[(1.5 + 3 * 5) / 4, (3.5 + 3 * 5) / 4]])


def test_scenarios_count_by_their_weights_in_the_validation(finished):
    made, best = planned(finished), contestants.get(str(finished / "run" / train.LAST))
    means = []
    for scenario in made.scenarios:
        params = parameters.build(scenario)
        played = play.episodes(best, params, 12, range(VALIDATION_SEEDS, VALIDATION_SEEDS + 2))
        means.append(np.mean([steps["reward"].sum() for _, steps in played]))
    told = curve.read(finished / "run")[-1]["validation_return"]
    assert means[0] != means[1]
    assert told == pytest.approx((means[0] + 3 * means[1]) / 4)


def test_a_stopped_search_goes_on_exactly(finished, tmp_path, monkeypatch):
    made = planned(tmp_path)
    save, calls = updates.Trainer.save, []

    def failing(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        save(*arguments)

    monkeypatch.setattr(updates.Trainer, "save", failing)
    with pytest.raises(KeyboardInterrupt):
        train.train(made, tmp_path / "run")
    monkeypatch.undo()
    train.train(made, tmp_path / "run")
    one, other = (checkpoints.load(each / "run" / train.LAST) for each in (tmp_path, finished))
    np.testing.assert_array_equal(one.layers[0].weight, other.layers[0].weight)
    np.testing.assert_array_equal(one.layers[0].bias, other.layers[0].bias)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("decision: window", "decision: round", "set episode.decision to window"),
        ("rows: 2", "rows: 3", "so it can't be 3; set it to an even number"),
        ("episodes: 1}", "episode: 1}", "episode is not a setting; did you mean episodes?"),
        ("jax.snes", "jax.ppo", "jax.ppo trains nodes or residual, not steered"),
        ("scenario: tiny, set", "scenario: tinny, set", "did you mean tiny?"),
        ("weight: 3", "weight: 0", "also.0.weight must be above 0, but is 0"),
        ("byzantine_nodes: 0", "byzantine_node: 0", "did you mean attack.byzantine_nodes?"),
        ("rows: 2", "rows: 2\n    network: {network_features: [progres]}", "mean progress?"),
        ("rows: 2", "rows: 2\n    network: {network_features: []}", "name at least one feature"),
        ("rows: 2", "rows: 2\n    network: {start: wary}", "lowest_loss]; set them, or start to"),
        ("rows: 2", "rows: 2\n    reward_scale: 10", "so it can't be 10; leave it out"),
        ("rows: 2", "rows: 2\n    action_repeat: 2", "so it can't be 2; set it to 1"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path, old, new, message):
    with pytest.raises(ValueError, match="agent") as error:
        begin(tmp_path, FILE.replace(old, new))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_only_a_search_trains_on_several_scenarios(tmp_path):
    text = FILE.replace("jax.snes", "jax.ppo").replace("steered", "nodes")
    with pytest.raises(ValueError, match=r"also: jax\.ppo trains on one scenario; leave it out"):
        planned(tmp_path, text)
