"""`ceas-gym train`: every kind of agent learns, a stopped run goes on exactly, errors are clear."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from helpers import drawn
from helpers.next_command import suggested

from ceas_agents.cli import main
from ceas_agents.evaluation import contestants
from ceas_agents.policies import checkpoints
from ceas_agents.training import curve, learners, plan, stable_baselines, train, trainer, updates

ROUNDS = {"episode.rounds": 3}
PPO = {"n_steps": 4, "batch_size": 8, "n_epochs": 1}
REPLAY = {"learning_starts": 4, "batch_size": 4, "buffer_size": 100}
# Nets of the shapes that `test_learned.py` plays, so that their programs are compiled once.
KINDS = {
    ("jax.ppo", "nodes"): (PPO, {"hidden": 8}),
    ("jax.ppo", "residual"): (PPO, {"hidden": 8}),
    ("sb3.ppo", "mlp"): (PPO, {"net_arch": drawn.LAYERS}),
    ("sb3.ppo", "nodes"): (PPO, {"hidden": 8}),
    ("sb3.ppo", "residual"): (PPO, {"hidden": 8}),
    ("sb3.ppo", "dispatch"): (PPO, {"net_arch": drawn.LAYERS}),
    ("sb3.sac", "mlp"): (REPLAY, {"net_arch": drawn.LAYERS}),
    ("sb3.dqn", "dispatch"): (REPLAY, {"net_arch": drawn.LAYERS}),
    ("jax.dqn", "dispatch"): (REPLAY, {"net_arch": drawn.LAYERS}),
}
TRAINERS = {"jax": updates.Trainer, "sb3": stable_baselines.Trainer}


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def planned(learner: Any = "sb3.ppo", policy: Any = "nodes", **changes):
    hyperparameters, network = KINDS[learner, policy]
    settings = plan.Settings(
        scenario="tiny",
        set=dict(ROUNDS),
        learner=learner,
        policy=policy,
        steps=32,
        rows=2,
        validation=plan.Validation(every=16, episodes=2),
        hyperparameters=hyperparameters,
        network=network,
    )
    settings = settings.model_copy(update=changes)
    return plan.Plan("agent", settings, plan.config.load("tiny", settings.set))


def file(tmp_path, text):
    path = tmp_path / "agent.yaml"
    path.write_text(textwrap.dedent(text))
    return path


def same(one, other):
    """Asserts that two folders hold the same agents and curves, but for the time it took."""
    for name in (train.BEST, train.LAST):
        first, second = (checkpoints.load(folder / name) for folder in (one, other))
        assert first.form == second.form
        for a, b in zip(first.layers, second.layers, strict=True):
            np.testing.assert_array_equal(a.weight, b.weight)
            np.testing.assert_array_equal(a.bias, b.bias)
    first, second = curve.read(one), curve.read(other)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_equal(a | {"minutes": 0}, b | {"minutes": 0})


def kinds() -> Iterator[Any]:
    """Yields all kinds, three of them as slow ones."""
    for learner, form in KINDS:
        quick = (learner, form) in {
            ("sb3.ppo", "nodes"),
            ("sb3.dqn", "dispatch"),
            ("jax.ppo", "nodes"),
            ("jax.dqn", "dispatch"),
        }
        marks = () if quick else pytest.mark.slow
        yield pytest.param((learner, form), id=f"{learner}-{form}", marks=marks)


@pytest.fixture(scope="module", params=kinds())
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def finished(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("train") / "-".join(kind)
    train.train(planned(*kind), folder)
    return folder


def test_agent_of_every_kind_is_trained_and_plays(kind, finished, capsys, monkeypatch):
    rows = curve.read(finished)
    assert [row["steps"] for row in rows] == [0, 16, 32]
    assert all(np.isfinite(row["validation_return"]) for row in rows)
    assert np.isfinite(rows[-1]["train_return"])
    assert np.isfinite(rows[-1]["explained_variance"]) == (kind[0].endswith("ppo"))
    is_sb3 = kind[0].startswith("sb3")
    assert (finished / "tensorboard").exists() == is_sb3
    assert ("torch" in json.loads((finished / "run.json").read_text())["versions"]) == is_sb3
    assert (finished / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert contestants.get(str(finished / train.BEST)).overrides == {}
    train.show_best(finished)
    _, played, folder = suggested(capsys.readouterr().out, monkeypatch)
    assert [each.name for each in played] == ["ceas", str(finished / train.BEST)]
    assert folder == finished / "evaluate"


def test_learning_changes_the_agent(kind, finished, tmp_path):
    short = tmp_path / "short"
    train.train(planned(*kind, steps=16), short)
    first = checkpoints.load(short / train.LAST)
    last = checkpoints.load(finished / train.LAST)
    pairs = zip(first.layers, last.layers, strict=True)
    assert any(not np.array_equal(a.weight, b.weight) for a, b in pairs)


@pytest.mark.parametrize("moment", ["in the second stage", "before a checkpoint"])
def test_stopped_run_goes_on_exactly(kind, finished, tmp_path, monkeypatch, moment):
    folder = tmp_path / "stopped"
    made: Any = TRAINERS[kind[0][:3]]
    learn, save = made.learn, made.save
    calls = {"saved": 0}

    def stopping(learner, number, tell):
        def counting(steps):
            if moment == "in the second stage" and steps > 16:
                raise KeyboardInterrupt
            tell(steps)

        return learn(learner, number, counting)

    def failing(*arguments):
        calls["saved"] += 1
        if (moment, calls["saved"]) == ("before a checkpoint", 2):
            raise KeyboardInterrupt
        save(*arguments)

    monkeypatch.setattr(made, "learn", stopping)
    monkeypatch.setattr(made, "save", failing)
    with pytest.raises(KeyboardInterrupt):
        train.train(planned(*kind), folder)
    assert len(curve.read(folder)) == 2
    monkeypatch.undo()
    train.train(planned(*kind), folder)
    same(folder, finished)


def test_finished_run_is_not_played_again(finished, kind, monkeypatch):
    monkeypatch.setattr(TRAINERS[kind[0][:3]], "learn", None)
    before = (finished / train.LAST).read_bytes()
    assert len(train.train(planned(*kind), finished)) == 3
    assert (finished / train.LAST).read_bytes() == before


def test_other_seed_is_another_agent(tmp_path):
    for seed in (0, 1):
        train.train(planned(seed=seed, steps=16), tmp_path / str(seed))
    with pytest.raises(AssertionError):
        same(tmp_path / "0", tmp_path / "1")


def test_folder_of_another_run_is_kept_unless_told_otherwise(tmp_path):
    train.train(planned(steps=16), tmp_path / "run")
    before = (tmp_path / "run" / train.LAST).read_bytes()
    with pytest.raises(ValueError, match=r"another training \(seed, .* differ\)"):
        train.train(planned(steps=16, seed=1), tmp_path / "run")
    assert (tmp_path / "run" / train.LAST).read_bytes() == before
    train.train(planned(steps=16, seed=1), tmp_path / "run", overwrite=True)
    assert (tmp_path / "run" / train.LAST).read_bytes() != before


def test_folder_of_another_library_is_kept_unless_told_otherwise(finished, kind):
    other = ("jax.ppo", "nodes") if kind[0].startswith("sb3") else ("sb3.ppo", "nodes")
    before = (finished / train.LAST).read_bytes()
    with pytest.raises(ValueError, match=r"another training \(.*learner"):
        train.train(planned(*other), finished)
    assert (finished / train.LAST).read_bytes() == before


def test_checkpoint_of_another_form_is_refused_in_one_line(tmp_path):
    made = planned("jax.ppo", "nodes", steps=16)
    train.train(made, tmp_path)
    wider = made._replace(settings=made.settings.model_copy(update={"network": {"hidden": 4}}))
    with pytest.raises(ValueError, match=r"npz .* state of another form, .* instead of"):
        trainer.library(wider).trainer(wider).resume(tmp_path)
    (tmp_path / "checkpoint.npz").write_bytes(b"no zip")
    with pytest.raises(ValueError, match=r"checkpoint\.npz can't be resumed") as error:
        trainer.library(made).trainer(made).resume(tmp_path)
    assert "\n" not in str(error.value)


def test_wrong_argument_destroys_nothing(tmp_path):
    train.train(planned(steps=16), tmp_path / "run")
    wrong = planned(network={"hiden": 3})
    before = {path: path.read_bytes() for path in (tmp_path / "run").glob("*.*")}
    with pytest.raises(ValueError, match="hyperparameters and network"):
        train.train(wrong, tmp_path / "run", overwrite=True)
    assert {path: path.read_bytes() for path in (tmp_path / "run").glob("*.*")} == before
    with pytest.raises(ValueError, match="hyperparameters and network"):
        train.train(wrong, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_broken_checkpoint_is_an_error_in_one_line(tmp_path):
    train.train(planned(steps=16), tmp_path)
    (tmp_path / learners.CHECKPOINT).write_bytes(b"cut off")
    with pytest.raises(ValueError, match=r"checkpoint\.zip can't be resumed"):
        train.train(planned(steps=16), tmp_path)


def test_best_agent_is_the_one_of_greatest_measure():
    made = planned(validation=plan.Validation(measure="final_accuracy"))
    rows = [{"validation_final_accuracy": value} for value in (0.2, 0.7, 0.7, 0.5)]
    assert train.best(made, rows) is rows[1]


def test_seeds_of_training_and_validation_never_meet():
    last = planned(seed=plan.MOST_RUNS - 1)
    assert plan.seeds(last, plan.RUNS_APART // last.settings.rows) <= 2**32
    first = planned()
    assert plan.seeds(first, 1) - plan.seeds(first, 0) == first.settings.rows
    assert plan.seeds(first, 0) > plan.VALIDATION_SEEDS + 10**6
    assert plan.seeds(planned(seed=1), 0) == plan.seeds(first, plan.RUNS_APART // 2)


def test_learner_gets_scaled_rewards_but_logs_those_of_the_scenario():
    made = [planned(reward_scale=scale, action_repeat=3) for scale in (1.0, 100.0)]
    plain, scaled = map(learners.environments, made)
    action = np.zeros((2, 4, 4), np.float32)
    for envs in (plain, scaled):
        envs.reset()
    (_, rewards, _, infos), (_, others, ends, told) = (e.step(action) for e in (plain, scaled))
    assert ends.all()
    np.testing.assert_array_equal(others, np.float32(100) * rewards)
    for info, other in zip(infos, told, strict=True):
        assert info["episode"]["r"] == other["episode"]["r"] != 0
        assert other["episode"].keys() >= {"l", *learners.WATCHED}


JAX = "scenario: tiny\nlearner: jax.ppo\n"
DQN = "scenario: tiny\nlearner: jax.dqn\npolicy: dispatch\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scenario: tiny\nstepss: 3", "stepss is not a setting; did you mean steps?"),
        ("steps: 3", "scenario is missing"),
        ("scenario: tinny", "did you mean tiny?"),
        ("scenario: tiny\nreward_scale: 0", "reward_scale must be above 0, but is 0"),
        ("scenario: tiny\nvalidation: 3", "validation must be a mapping of settings, but is 3"),
        ("scenario: tiny\nseed: 5000", "seed must be below 3072, but is 5000"),
        ("scenario: tiny\nsteps: 0", "steps must be at least 1, but is 0"),
        ("scenario: tiny\nset: {network.node: 3}", "did you mean network.nodes?"),
        (
            "scenario: tiny\nlearner: a2c",
            "'jax.ppo', 'jax.dqn' or 'jax.snes', but is 'a2c'",
        ),
        ("scenario: tiny\nlearner: dqn", "policy: sb3.dqn trains dispatch, not nodes"),
        ("scenario: tiny\nvalidation: {evry: 3}", "validation.evry is not a setting"),
        ("scenario: tiny\naction_repeat: 3", "action_repeat: 3 does not divide the 20 rounds"),
        (
            "scenario: tiny\nset: {episode.decision: window}",
            "is window, but sb3.ppo trains agents for whole rounds; set it to round, or learner",
        ),
        (
            "scenario: tiny\nlearner: jax.ppo\npolicy: mlp",
            "jax.ppo trains nodes or residual, not mlp",
        ),
        ("scenario: tiny\nlearner: jax.ppo\naction_repeat: 2", "so it can't be 2; set it to 1"),
        (
            "scenario: tiny\nlearner: dqn\npolicy: dispatch\naction_repeat: 2\n"
            "set: {episode.decision: window}",
            "episode.decision is window and the learner sb3.dqn, which decides in every step",
        ),
        (DQN + "hyperparameters: {gama: 1}", "gama is not a setting; did you mean gamma?"),
        (DQN + "hyperparameters: {buffer_size: 100}", "must be at least the 128 steps between"),
        (DQN + "network: {net_arch: [8, many]}", "net_arch.1 must be an integer, but is 'many'"),
        (JAX + "hyperparameters: {gama: 1}", "gama is not a setting; did you mean gamma?"),
        (JAX + "hyperparameters: {n_steps: many}", "n_steps must be an integer, but is 'many'"),
        (JAX + "hyperparameters: {batch_size: 60}", "must divide the 65536 steps of an update"),
        (JAX + "network: {hiden: 3}", "network: hiden is not a setting; did you mean hidden?"),
        ("scenario: tiny\nhold: 2", "hold is now called action_repeat"),
        ("scenario: tiny\nsteps: 9000000\nvalidation: {every: 1}", "stages are too many"),
        ("scenario: tiny\nhyperparameters: {gama: 1}", "gama is unknown; did you mean gamma?"),
        ("scenario: tiny\nhyperparameters: {seed: 1}", "seed is unknown"),
        ("scenario: tiny\nhyperparameters: {n_steps: many}", "hyperparameters and network"),
        ("scenario: tiny\nnetwork: {hiden: 3}", "hyperparameters and network"),
        ("- 3", "must be a mapping of settings"),
    ],
)
def test_wrong_configuration_is_one_line(tmp_path, capsys, monkeypatch, text, message):
    path, out = file(tmp_path, text), tmp_path / "out"
    monkeypatch.setattr("sys.argv", ["ceas-gym", "train", str(path), "--out", str(out)])
    with pytest.raises(SystemExit) as ended:
        main()
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert message in error
    assert "Traceback" not in error
    assert str(path) in error or "agent" in error


def test_learners_of_earlier_files_are_those_of_stable_baselines(tmp_path):
    for old in ("ppo", "sac", "dqn"):
        policy = plan.LEARNS[plan.SHORT[old]][0]
        text = f"{{scenario: tiny, learner: {old}, policy: {policy}}}"
        assert plan.load(file(tmp_path, text)).settings.learner == f"sb3.{old}"


@pytest.mark.parametrize("learner", ["sb3.dqn", "jax.dqn"])
def test_rules_are_chosen_for_windows_and_on_several_layouts(tmp_path, learner):
    changes = "set: {episode.decision: window, episode.layouts: 2}"
    made = plan.load(
        file(tmp_path, f"scenario: tiny\nlearner: {learner}\npolicy: dispatch\n{changes}")
    )
    envs: Any = learners.environments(made)
    assert (envs.action_space.n, envs.observation_space.shape) == (30, (33,))


def test_options_win_over_the_file(tmp_path):
    path = file(tmp_path, "{scenario: tiny, seed: 3, steps: 100, set: {episode.rounds: 9}}")
    made = plan.load(path, {"episode.rounds": 3}, seed=5, steps=None)
    assert (made.settings.seed, made.settings.steps, made.scenario.episode.rounds) == (5, 100, 3)


def test_scenario_of_a_file_lies_beside_the_configuration(tmp_path):
    (tmp_path / "mine.yaml").write_text("name: mine\nepisode: {rounds: 7}\n")
    assert plan.load(file(tmp_path, "scenario: mine.yaml")).scenario.episode.rounds == 7
