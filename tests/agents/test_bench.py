"""The benchmark: what it counts, whom it compares, and that it listens to the real step."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceas_agents.bench import (
    contenders,
    flops,
    growth,
    learners,
    quantum,
    run,
    stages,
    tables,
    timing,
    windows,
)
from ceas_agents.bench.timing import Contender
from ceas_agents.training import plan as plans
from ceas_agents.training.trainer import Library
from ceas_gym import config, parameters
from ceas_gym.learning import setup
from ceas_gym.scenario import LearningSettings
from ceas_gym.types import Params


@pytest.fixture(scope="module")
def tiny() -> Params:
    # Key that lasts does not age, so that pools are after a round what they were at its barrier.
    lasting = {"attack.name": "sign_flip", "consensus.key.lifetime_s": None}
    return parameters.build(config.load("tiny", lasting))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda a: a @ a, 2 * 4**3),
        (lambda a: jnp.exp(a) + a, 2 * 16),
        (lambda a: a.sum(), 16),
        (lambda a: a.T.reshape(-1)[::2], 0),
        (lambda a: jnp.arange(16) * 3, 0),
        (lambda a: jax.lax.scan(lambda c, row: (c + row, c * row), a[0], a)[0], 4 * 8),
        (lambda a: jax.lax.cond(a[0, 0] > 0, lambda: a @ a, lambda: a), 1 + 2 * 4**3),
        (jax.vmap(lambda row: row @ row), 2 * 16),
    ],
)
def test_floating_point_work_is_counted(function: Any, expected: float) -> None:
    assert flops.of(function, jnp.ones((4, 4))) == expected


def test_contenders_take_turns_and_the_first_is_not_counted() -> None:
    calls: list[str] = []
    pair = [Contender(name, lambda name=name: calls.append(name), 2.0) for name in "ab"]
    seconds = timing.seconds_per_round(pair, 3, lambda _: None)
    assert calls == list("abababab")
    assert all(values.shape == (3,) for values in seconds.values())


def test_a_round_is_a_share_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock))
    whole, part = Contender("whole", lambda: None, 3.0), Contender("part", lambda: None, 0.5)
    seconds = timing.seconds_per_round([whole, part], 2, lambda _: None)
    assert seconds["whole"].tolist() == [2.0, 2.0]
    assert seconds["part"].tolist() == [12.0, 12.0]


def test_threads_are_let_go_again() -> None:
    allowed = timing.os.sched_getaffinity(0)
    with timing.one_core() as cores:
        assert cores == allowed
        assert len(timing.os.sched_getaffinity(0)) == 1
    assert timing.os.sched_getaffinity(0) == allowed


@pytest.fixture(scope="module")
def moments(tiny: Params) -> stages.Moment:
    return stages.record(tiny, contenders.start(tiny), contenders.requests(tiny, 3))


@pytest.mark.parametrize(
    ("stage", "did"),
    [
        ("schedule", lambda now: (now.happened.schedule, now.happened.links)),
        ("windows", lambda now: now.happened.gathered),
        ("barrier", lambda now: (now.after.memory, now.happened.delivery, now.happened.ledger)),
        ("gradients", lambda now: (now.happened.gradients, now.happened.exact)),
        ("attack", lambda now: now.happened.received.updates),
        ("consensus", lambda now: (now.after.cache, now.happened.received, now.happened.verdict)),
        ("update", lambda now: (now.after.model, now.after.scores)),
        (
            "time",
            lambda now: (
                *(now.after.conditions, now.after.memory),
                *(now.after.useful, now.after.generated, now.after.clock),
            ),
        ),
    ],
)
def test_a_stage_alone_does_what_it_did_in_the_round(
    tiny: Params, moments: stages.Moment, stage: str, did: Callable[[stages.Moment], Any]
) -> None:
    found = stages.compiled(stage, tiny, moments)()
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(did(moments)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_round_by_round_and_window_by_window_the_same_is_played() -> None:
    by_round, by_window, *environments = windows.rivals(config.load("tiny"))
    assert [each.name.partition(",")[0] for each in environments] == ["CEASEnv", "CEASEnv"]
    one, other = (jax.device_get(each.call()[0]) for each in (by_round, by_window))
    assert np.array_equal(one.clock, other.clock)
    assert np.array_equal(one.generated, other.generated)
    assert np.sum(one.generated) > 0
    # Rounding turns the luck of a few measurements.
    assert one.model.parameters == pytest.approx(other.model.parameters, abs=0.02)


def test_play_without_a_learner_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learners, "ROWS", 2)
    monkeypatch.setattr(learners, "STEPS", 4)
    played = learners.bare(config.load("micro", {"episode.rounds": 6}))
    assert played.rounds == 8
    ended = np.concatenate([np.isfinite(played.call().earned) for _ in range(3)])
    assert np.flatnonzero(ended.all(axis=1)).tolist() == [5, 11]
    assert ended.sum() == 4


def test_all_learners_learn_from_as_many_steps_in_each_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[plans.Plan] = []
    stages: list[int] = []

    def library(plan: plans.Plan) -> Library:
        made.append(plan)
        trainer: Any = SimpleNamespace(learn=lambda stage, tell: stages.append(stage))
        return Library(lambda plan: trainer)

    monkeypatch.setattr(learners, "library", library)
    bare = Contender("bare", lambda: None, learners.ROWS * learners.STEPS)
    monkeypatch.setattr(learners, "bare", lambda scenario: bare)
    chosen = learners.decisions(config.load("micro"))
    calls = {step: learners.rivals(each, 3) for step, each in chosen.items()}
    names = ["jax.ppo, nodes", "jax.dqn, dispatch", "sb3.ppo, nodes", "sb3.ppo, mlp"]
    assert [each.name for each in calls["round"]] == ["bare", *names]
    assert [each.name for each in calls["window"]] == ["bare", *names[:2], names[3]]
    for plan in made:
        assert plan.settings.policy in plans.LEARNS[plan.settings.learner]
        assert plan.settings.steps == 3 * plans.stage_end(plan, 0) == 3 * bare.rounds
    timing.seconds_per_round(calls["round"], 2, lambda _: None)
    assert stages == [stage for stage in range(3) for _ in names]


def test_every_stage_has_work(tiny: Params, moments: stages.Moment) -> None:
    one = stages.first(moments)
    for stage, call in stages.STAGES.items():
        assert flops.of(partial(call, tiny), one) > 0, stage


def test_alternatives_are_checked_against_our_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = LearningSettings(qubits=2, layers=1, features=4, batch_size=2)
    learning = setup.build(settings, 3)
    naive, *compiled = quantum.contenders(settings, learning, nodes=3)
    assert naive.rounds == 1 / 6
    assert [call.name for call in compiled] == [quantum.COMPILED, quantum.MIXED]
    ours = quantum._ours

    def wrong(learning: Any, weights: Any, drawn: Any, contraction: float) -> Any:
        return ours(learning, weights, drawn, 0.8 * contraction)

    monkeypatch.setattr(quantum, "_ours", wrong)
    with pytest.raises(AssertionError, match="Not equal"):
        quantum.contenders(settings, learning, nodes=3)


def test_exponent_is_that_of_the_upper_half() -> None:
    sizes = np.array([10, 20, 40, 80])
    assert growth.exponent(sizes, np.array([7.0, 5.0, 1.0, 8.0])) == pytest.approx(3.0)


@pytest.mark.slow
def test_bench_measures_prints_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "CASES", {"tiny": ("tiny", {})})
    # The exponent is of the upper half, which takes two sizes at least.
    curves = {"nodes": ((4, 6, 8), "1"), growth.BATCH: ((1, 2, 4), "1")}
    monkeypatch.setattr(growth, "CURVES", curves)
    run.bench(config.load("tiny", {"attack.name": "none"}), 3, tmp_path, grow=True, learn=True)
    found = json.loads((tmp_path / "bench.json").read_text())
    assert {
        "rounds",
        "windows",
        "stages",
        "cases",
        "cold start",
        "growth",
        "learners",
        "versions",
    } <= set(found)
    core = found["rounds"]["scanned core"]["rounds per second"]
    assert 0 < core["low"] <= core["median"] <= core["high"]
    assert "CEASVectorEnv, 16 rows" in found["all cores"]
    assert next(iter(found["learners"]["window"])) == learners.BARE
    assert len(tables.of(found)) == 9
    printed = capsys.readouterr().out
    for name in (*stages.STAGES, *found["rounds"], "exponent"):
        assert name in printed
    assert (tmp_path / "growth.png").stat().st_size > 10_000


def test_a_scanned_core_plays_and_keeps_no_record_of_its_rounds(
    tiny: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contender `core` is only traced here; the slow test runs all contenders."""
    traced: list[Any] = []

    def trace(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
        traced.append(jax.eval_shape(function, *arguments))
        return function

    monkeypatch.setattr(contenders, "_compiled", trace)
    contenders.scanned(tiny, rounds=3)
    ((_, steps),) = traced
    assert steps.round is None
    assert steps.reward.shape == (3,)
