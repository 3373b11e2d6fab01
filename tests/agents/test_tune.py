"""Tuning: equal effort, a score that evaluations do not report, and what is made of the result."""

import csv
import json
import re
import shutil
import sys
from typing import Any

import jax
import numpy as np
import pytest
from helpers.next_command import suggested

from ceas_agents import cli
from ceas_agents.evaluation import contestants, play, rounds, run, tuned
from ceas_agents.evaluation.tuned import RATE
from ceas_agents.policies import options
from ceas_agents.policies.registry import POLICIES
from ceas_agents.tuning import proposals
from ceas_agents.tuning import run as tuning
from ceas_agents.tuning import search as tune_search
from ceas_agents.tuning.proposals import OWN
from ceas_agents.tuning.search import TRIALS, Trial
from ceas_gym import config
from ceas_gym.config import yaml_text

SMALL = {
    "episode.rounds": 8,
    "learning.layers": 1,
    "learning.batch_size": 4,
    "attack.byzantine_nodes": 0,
}
SETS = [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]


def call(monkeypatch, *arguments):
    """Returns the exit code of `ceas-gym` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["ceas-gym", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


def rows(folder):
    with (folder / tuning.TABLE).open(newline="") as file:
        return list(csv.DictReader(file))


def plan(*names, episodes=2, **changes):
    chosen = [contestants.get(name) for name in names]
    return tune_search.plan(config.load("tiny", SMALL | changes), chosen, episodes)


def pretend(monkeypatch, score):
    """Makes an episode's last validation accuracy a function of rate and seed, its others wrong."""

    def episodes(contestant, params, steps, seeds):
        rate = float(params.learning.learning_rate)
        for seed in seeds:
            validation = np.append(np.linspace(1, 0, steps - 1), score(contestant, rate, seed))
            yield seed, {"validation_accuracy": validation, "accuracy": np.full(steps, 1 - rate)}

    monkeypatch.setattr(play, "episodes", episodes)


def pretend_over_time(monkeypatch, score):
    """Makes the validation accuracy of an episode a function of contestant and parameters.

    It is that from a half of the budget on, and 1 in its first half. No barrier comes later.
    """

    def episodes(contestant, params, steps, seeds):
        end = float(params.budget * params.network.window_s)
        for seed in seeds:
            accuracy = np.array([1, score(contestant, params)])
            made = {name: np.zeros(2, np.float32) for name in rounds.NAMES}
            yield (
                seed,
                made
                | {
                    "fired": np.ones(2),
                    "time_s": np.array([0.0, end / 2]),
                    "validation_accuracy": accuracy,
                    "validation_accuracy_before": np.ones(2),
                },
            )

    monkeypatch.setattr(play, "episodes", episodes)


def played(plan):
    return {one.name: list(trials_of(plan, one)) for one in plan.contestants}


def trials_of(plan, one):
    def play(number, setting):
        return tune_search.scores(plan, one, setting, lambda share: None)

    return tune_search.trials(plan, one, play)


@pytest.fixture
def ship(tmp_path, monkeypatch):
    """Ships a text as the tuned settings of the scenario `tiny`."""
    monkeypatch.setattr(tuned, "FOLDER", tmp_path / "shipped")
    (tmp_path / "shipped").mkdir()
    return (tmp_path / "shipped" / "tiny.yaml").write_text


# --- The search ---


def test_everybody_has_the_same_effort(monkeypatch):
    pretend(monkeypatch, lambda contestant, rate, seed: 0.5)
    found = played(plan("ceas", "focused", "oblivious-naive", "focused:share=0.4"))
    rates = {name: [trial.setting[RATE] for trial in trials[:-2]] for name, trials in found.items()}
    assert {tuple(each) for each in rates.values()} == {(0.0125, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8)}
    assert {len(trials) for trials in found.values()} == {TRIALS}
    assert {len(trial.scores) for trials in found.values() for trial in trials} == {2}
    # What the name spells out is given: such a contestant refines its rate, as the others do.
    finer = [[trial.setting for trial in found[name][-2:]] for name in found if name != "focused"]
    assert all(two == [{RATE: 0.0707}, {RATE: 0.141}] for two in finer)
    own = [trial.setting for trial in found["focused"][-2:]]
    assert own == [{RATE: 0.1, "share": value} for value in OWN["share"]]


def test_the_best_of_either_step_is_found(monkeypatch):
    pretend(monkeypatch, lambda contestant, rate, seed: 0.9 - abs(np.log(rate / 0.28)) / 9)
    (trials,) = played(plan("ceas")).values()
    assert tune_search.best(trials, {RATE: 0.1}).setting == {RATE: 0.283}


def test_a_policys_own_number_is_found(monkeypatch):
    def score(contestant, rate, seed):
        return 0.9 - abs(rate - 0.2) - abs(contestant.policy.keywords["share"] - 0.5)

    pretend(monkeypatch, score)
    (trials,) = played(plan("focused")).values()
    start = {RATE: 0.1, "share": 2 / 3}
    assert tune_search.best(trials, start).setting == {RATE: 0.2, "share": 0.5}


def test_equal_scores_change_nothing():
    start = {RATE: 0.1, "share": 2 / 3}
    settings = [*proposals.grid(start), *proposals.beside(start)]
    for nudge in (0, 1e-8):
        trials = [
            Trial("focused", setting, np.array([0.5 + nudge * place, 0.7]))
            for place, setting in enumerate(settings)
        ]
        assert tune_search.best(trials, start).setting == start


def test_the_score_is_the_last_validation_accuracy_of_seeds_never_reported(monkeypatch):
    heard = []

    def score(contestant, rate, seed):
        heard.append(seed)
        return seed / 1e6

    pretend(monkeypatch, score)
    (trials,) = played(plan("uniform", episodes=3)).values()
    assert set(heard) == {900_000, 900_001, 900_002}
    assert all(trial.scores.tolist() == [0.9, 0.900001, 0.900002] for trial in trials)


# --- The search with time as the budget ---

BY_WINDOW = {"episode.decision": "window", "network.most_windows": 16, "network.barrier_windows": 1}


def options_of(contestant):
    return {name: float(value) for name, value in options.given(contestant.policy).items()}


def test_everybody_has_the_same_effort_by_windows(monkeypatch):
    pretend_over_time(monkeypatch, lambda contestant, params: 0.5)
    names = ("ceas", "ceas-open", "ceas-paced", "oblivious-fair", "oblivious-fixed", "subset-hold")
    found = played(plan(*names, **BY_WINDOW))
    assert {len(trials) for trials in found.values()} == {tune_search.BY_WINDOW}
    for name, trials in found.items():
        settings = [trial.setting for trial in trials]
        assert all(settings.count(setting) == 1 for setting in settings)
        rates = {setting[RATE] for setting in settings}
        assert rates >= {0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2}
        tried = {setting.get("cadence") for setting in settings}
        if name in ("ceas", "oblivious-fixed"):
            # One decides by itself when the barrier fires, the other by the scenario's windows.
            assert tried == {None}
        else:
            assert tried >= {1, 2, 4, 8, 16}
    for name in ("ceas", "ceas-paced"):
        assert {trial.setting["spare"] for trial in found[name]} == {2, *OWN["spare"]}


def test_the_best_cadence_and_the_best_rate_at_it_are_found(monkeypatch):
    def score(contestant, params):
        """Best at 6 windows and a rate of 1.2; what matters most is the rate of each window."""
        rate, cadence = float(params.learning.learning_rate), options_of(contestant)["cadence"]
        return 0.9 - abs(np.log(rate / cadence / 0.2)) / 9 - abs(np.log(cadence / 6)) / 20

    pretend_over_time(monkeypatch, score)
    search = plan("oblivious-fair", **BY_WINDOW)
    (trials,) = played(search).values()
    found = tune_search.best(trials, tune_search.start(search.scenario, search.contestants[0]))
    first = {1: 0.4, 2: 0.4, 4: 0.4, 8: 0.4, 16: 0.4}
    tried = [(trial.setting["cadence"], trial.setting[RATE]) for trial in trials]
    assert tried[:5] == list(first.items())
    assert found.setting["cadence"] in (5, 6, 7)
    assert found.setting[RATE] / found.setting["cadence"] == pytest.approx(0.2, rel=0.05)


def test_the_cadence_of_open_loop_is_the_length_of_a_round_in_the_same_time(monkeypatch):
    seen = {}

    def score(contestant, params):
        seen[params.network.windows] = params
        assert "cadence" not in options_of(contestant)
        return 0.9 - abs(params.network.windows - 4) / 100

    pretend_over_time(monkeypatch, score)
    search = plan("ceas-open", **BY_WINDOW)
    (trials,) = played(search).values()
    begin = tune_search.start(search.scenario, search.contestants[0])
    found = tuned.changed(search.contestants[0], tune_search.best(trials, begin).setting)
    assert found.overrides == {"episode.decision": "round", "network.windows": 4, RATE: 0.1}
    closed = play.prepare(search.scenario, [contestants.get("ceas")])["ceas"]
    for params in seen.values():
        assert not params.by_window
        assert int(params.budget) == int(closed.budget) == 8 * (4 + 1)
        assert int(params.network.barrier_windows) == 1


def test_what_a_name_spells_out_is_not_tuned():
    scenario = config.load("tiny", BY_WINDOW)
    for name, tuned_too in (
        ("ceas:feedback=none", ["spare", "half"]),
        ("ceas:spare=4,cadence=3", ["half"]),
        ("uniform:cadence=4", []),
    ):
        setting = tune_search.start(scenario, contestants.get(name))
        assert list(setting) == [RATE, *tuned_too]


def test_a_cadence_beyond_the_budget_is_not_tried(monkeypatch):
    pretend_over_time(monkeypatch, lambda contestant, params: 0.5)
    short: dict[str, Any] = BY_WINDOW | {"episode.budget_s": 9.0}
    (trials,) = played(plan("oblivious-fair", **short)).values()
    assert max(trial.setting["cadence"] for trial in trials) == 8
    assert len(trials) == tune_search.BY_WINDOW


@pytest.mark.parametrize("changes", [BY_WINDOW, {"episode.budget_s": 32.0}])
def test_where_time_is_the_budget_the_score_is_the_mean_over_it(monkeypatch, changes):
    pretend_over_time(monkeypatch, lambda contestant, params: 0.5)
    (trials,) = played(plan("uniform", **changes)).values()
    assert all(trial.scores.tolist() == [0.75, 0.75] for trial in trials)


def test_where_rounds_are_the_budget_nothing_changes():
    search = plan("ceas", "static-subset")
    assert (search.over_time, search.trials) == (False, TRIALS)
    assert [tune_search.start(search.scenario, one) for one in search.contestants] == [
        {RATE: 0.1},
        {RATE: 0.1},
    ]


# --- What is really played ---


@pytest.mark.slow
def test_a_rate_that_trains_beats_one_that_does_not(monkeypatch):
    monkeypatch.setattr(proposals, "FACTORS", (1e-5, 1.0))
    scenario = config.load("tiny", SMALL | {RATE: 0.3})
    search = tune_search.plan(scenario, [contestants.get("uniform")], 4)
    (trials,) = played(search).values()
    assert tune_search.best(trials, {RATE: 0.3}).setting[RATE] > 0.1
    assert trials[0].scores.mean() < trials[1].scores.mean()


@pytest.mark.slow
def test_all_trials_of_a_contestant_share_a_program():
    programs = []

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        programs.append(event) if event == "/jax/core/compile/backend_compile_duration" else None

    search = plan("focused", episodes=1)
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        counts = [len(programs) for _ in played_one_by_one(search)]
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert counts == [counts[0]] * TRIALS


def played_one_by_one(search):
    return trials_of(search, search.contestants[0])


# --- The command ---


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder that `ceas-gym tune` has filled."""
    out = tmp_path_factory.mktemp("tune") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        names = ["--policy", "focused", "--policy", "oblivious-fair"]
        assert call(patch, "tune", "tiny", *names, *SETS, "--episodes", 2, "--out", out) == 0
    return out


def test_tune_writes_settings_trials_and_what_the_run_is(finished):
    table = rows(finished)
    assert [row["policy"] for row in table] == ["focused"] * TRIALS + ["oblivious-fair"] * TRIALS
    for row in table:
        numbers = [float(row[name]) for name in ("low", "validation_accuracy", "high")]
        assert numbers == sorted(numbers)
        assert row["episodes"] == "2"
    record = json.loads((finished / "run.json").read_text())
    assert record["seeds"] == [900_000, 900_001]
    assert {"jax", "ceas-gym"} <= set(record["versions"])
    assert config.load(finished / "scenario.yaml") == config.load("tiny", SMALL)
    assert not [path for path in finished.iterdir() if path.name.startswith(".")]
    text = (finished / "tuned.yaml").read_text()
    assert text.startswith("# Made by: ceas-gym tune tiny --policy focused --policy obl")
    assert "seeds 900000 to 900001" in text
    assert str(finished) not in text


def test_what_tune_writes_can_be_shipped(finished, ship, tmp_path):
    shutil.copy(finished / "tuned.yaml", tmp_path / "shipped" / "tiny.yaml")
    for name in ("focused", "oblivious-fair"):
        trials = [row for row in rows(finished) if row["policy"] == name]
        highest = max(float(row["validation_accuracy"]) for row in trials)
        found = tuned.contestant("tiny", contestants.get(name))
        (row,) = [
            row
            for row in trials
            if float(row["learning_rate"]) == found.overrides[RATE]
            and row["own"]
            == " ".join(f"{k}={v:.3g}" for k, v in options.given(found.policy).items())
        ]
        assert float(row["validation_accuracy"]) == pytest.approx(highest)


def test_existing_results_are_not_overwritten(finished, monkeypatch, capsys):
    before = (finished / "trials.csv").read_bytes()
    assert call(monkeypatch, "tune", "tiny", "--out", finished) == 2
    assert "holds results; choose another --out or pass --overwrite" in capsys.readouterr().err
    assert (finished / "trials.csv").read_bytes() == before


def test_an_interrupt_leaves_the_finished_trials_only(tmp_path, monkeypatch, capsys):
    def score(contestant, rate, seed):
        if rate > 0.15:
            raise KeyboardInterrupt
        return 0.5

    pretend(monkeypatch, score)
    (tmp_path / "tuned.yaml").write_text("of an earlier run")
    command = ["tune", "tiny", "--policy", "uniform", *SETS, "--out", tmp_path, "--overwrite"]
    assert call(monkeypatch, *command) == 130
    assert [row["learning_rate"] for row in rows(tmp_path)] == ["0.0125", "0.025", "0.05", "0.1"]
    assert not (tmp_path / "tuned.yaml").exists()
    assert "interrupted: 4 of 9 trials" in capsys.readouterr().err
    # A second call plays the trials that are missing only.
    tried = []
    pretend(monkeypatch, lambda contestant, rate, seed: tried.append(round(rate, 4)) or 0.5)
    assert call(monkeypatch, *command[:-1]) == 0
    assert list(dict.fromkeys(tried)) == [0.2, 0.4, 0.8, 0.0707, 0.141]
    assert len(rows(tmp_path)) == TRIALS
    assert (tmp_path / "tuned.yaml").exists()


def test_what_was_found_is_what_to_play_next(tmp_path, monkeypatch, capsys):
    pretend(monkeypatch, lambda one, rate, seed: 0.5 + 0.2 * (one.name == "focused") - rate / 10)
    names = ["--policy", "uniform", "--policy", "focused"]
    assert call(monkeypatch, "tune", "tiny", *names, *SETS, "--out", tmp_path) == 0
    scenario, (one,), folder = suggested(capsys.readouterr().out, monkeypatch)
    found = config.load("tiny", SMALL | {RATE: 0.0125})
    assert (scenario, folder) == (found, tmp_path / "evaluate")
    best = tuned.read(tmp_path / "tuned.yaml", contestants.get("focused"))
    assert best == {RATE: 0.0125, "share": pytest.approx(one.policy.keywords["share"], abs=1e-3)}


def test_a_folder_of_another_tuning_is_refused(tmp_path, monkeypatch, capsys):
    pretend(monkeypatch, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    command = ["tune", "tiny", "--policy", "uniform", *SETS, "--out", tmp_path]
    assert call(monkeypatch, *command) == 130
    assert call(monkeypatch, *command, "--episodes", 3) == 2
    assert "holds results of another tuning (seeds differ)" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_give_the_same_trials(finished, tmp_path, monkeypatch):
    names = ["--policy", "focused", "--policy", "oblivious-fair", "--episodes", 2]
    assert call(monkeypatch, "tune", "tiny", *names, *SETS, "--jobs", 2, "--out", tmp_path) == 0
    for name in ("trials.csv", "tuned.yaml", "run.json"):
        assert (tmp_path / name).read_bytes() == (finished / name).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["papr"], "paper"),
        (["tiny", "--policy", "cea"], "did you mean ceas?"),
        (["tiny", "--policy", "focused:shre=0.5"], "did you mean share?"),
        (["tiny", "--set", "network.node=4"], "network.nodes"),
        (
            ["tiny", "--set", "learning.learning_rate=1e-6"],
            "the grid of rates: overrides: learning",
        ),
        (["tiny", "--episodes", "0"], "episodes"),
        (["tiny", "--policy", "uniform", "--out", "/dev/null/results"], "/dev/null"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, "tune", *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


# --- What is shipped ---


def test_every_number_of_a_shipped_policy_is_tuned():
    for policy in POLICIES.values():
        assert options.numbers(policy).keys() <= {*OWN, "cadence"}


def test_everyone_is_every_contestant_that_can_play():
    by_round, by_window = tune_search.everyone("round"), tune_search.everyone("window")
    assert {"ceas:placement=best", "ceas:placement=random", "focused"} < set(by_round)
    assert {"ceas:serve=quorum", "ceas-open", "ceas-paced", "subset-hold"} < set(by_window)
    assert "focused" not in by_window
    assert not set(by_round) & set(contestants.BY_WINDOW)
    names = set(by_round + by_window)
    assert {contestants.get(name).name for name in names} == names > set(contestants.CONTESTANTS)


def test_the_ladder_is_tuned():
    rungs = ["metro", "paper", "paper-committee", "scarce", "short-memory", "unequal"]
    assert tuned.shipped() == sorted(["drift-loop", *rungs, *(f"{rung}-loop" for rung in rungs)])


@pytest.mark.parametrize("scenario", tuned.shipped())
def test_shipped_files_are_valid(scenario):
    assert scenario in config.shipped()
    text = (tuned.FOLDER / f"{scenario}.yaml").read_text()
    data = yaml_text.mapping(text, scenario, "contestants")
    resolved = config.load(scenario)
    assert list(data) == tune_search.everyone(resolved.episode.decision)
    for name, setting in data.items():
        known = contestants.get(name)
        found = tuned.contestant(scenario, known)
        assert list(setting) == tuned.keys_of(known, resolved.episode.decision)
        expected = tuned.changed(known, setting)
        assert found.overrides == expected.overrides
        assert found.overrides[RATE] == setting[RATE]
        own = tuned.own(known, resolved.episode.decision)
        assert options.given(found.policy) == options.given(expected.policy)
        assert options.given(found.policy).keys() >= own.keys()


TUNED = f"oblivious-fair: {{{RATE}: 0.2}}\nfocused: {{{RATE}: 0.05, share: 0.5}}\n"


def evaluated(monkeypatch, out, *arguments):
    """Returns what `run.json` says of the contestants' settings."""
    policies = ["--policy", "oblivious-fair", "--policy", "focused", "--policy", "uniform"]
    command = ["evaluate", "tiny", *policies, *SETS, "--episodes", 1, *arguments, "--out", out]
    assert call(monkeypatch, *command) == 0
    record = json.loads((out / "run.json").read_text())
    return record["contestants"], record["options"]


def test_evaluate_plays_at_the_tuned_rates(ship, tmp_path, monkeypatch, capsys):
    ship(TUNED)
    changes, own = evaluated(monkeypatch, tmp_path / "out")
    assert changes == {
        "oblivious-fair": {"consensus.weights": "uniform", RATE: 0.2},
        "focused": {RATE: 0.05},
        "uniform": {},
    }
    assert own == {"focused": {"share": 0.5}}
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "tuned" in line]
    assert line == (
        "note: tuned learning rates (not with --untuned): oblivious-fair 0.2, "
        "focused 0.05 (share=0.5); the scenario's own: uniform"
    )


def test_untuned_and_set_win(ship, tmp_path, monkeypatch):
    ship(TUNED)
    heard = []
    monkeypatch.setattr(run, "evaluate", lambda *arguments: heard.extend(arguments[1]))
    command = ["evaluate", "tiny", "--policy", "focused", "--out", tmp_path, "--set"]
    assert call(monkeypatch, *command, "attack.name=none", "--untuned") == 0
    assert call(monkeypatch, *command, f"{RATE} = 0.3") == 0
    untuned, given = heard
    assert untuned == contestants.get("focused")
    # A rate of the user's own leaves the policy's own number tuned.
    assert given.overrides == {}
    assert given.policy.keywords == {"share": 0.5}
    assert tuned.described(heard) == []


PACED = "oblivious-fair: {learning.learning_rate: 0.4, cadence: 6}\nceas-open: {cadence: 5}\n"


def test_a_tuned_cadence_is_what_is_played(ship):
    ship(PACED)
    names = ("oblivious-fair", "ceas-open")
    fair, by_round = (
        tuned.contestant("tiny", contestants.get(name), decision="window") for name in names
    )
    assert options.given(fair.policy) == {"cadence": 6}
    assert by_round.overrides["network.windows"] == 5
    params = play.prepare(config.load("tiny", BY_WINDOW), [fair, by_round])
    assert params["ceas-open"].network.windows == 5
    assert tuned.described([fair]) == [
        "note: tuned learning rates (not with --untuned): oblivious-fair 0.4 (cadence=6)"
    ]


def test_a_tuned_cadence_is_for_windows_and_not_for_a_cadence_that_is_given(ship):
    ship(PACED)
    fair = contestants.get("oblivious-fair")
    assert options.given(tuned.contestant("tiny", fair).policy) == {}
    given = tuned.contestant("tiny", fair, ["network.windows"], "window")
    assert options.given(given.policy) == {}
    assert given.overrides[RATE] == 0.4


def test_a_rate_goes_with_its_optimizer_and_its_scenario(ship, tmp_path):
    ship(TUNED)
    fair = contestants.get("oblivious-fair")
    assert tuned.contestant(" tiny ", fair).overrides[RATE] == 0.2
    for scenario, given in [("tiny", ["learning.optimizer"]), ("small", []), ("../tiny", [])]:
        assert tuned.contestant(scenario, fair, given) == fair
    mine = tmp_path / "tiny.yaml"
    mine.write_text(config.dump(config.load("tiny")))
    assert tuned.contestant(str(mine), fair) == fair


def test_the_tuned_rate_is_what_is_played(ship):
    ship(TUNED)
    found = tuned.contestant("tiny", contestants.get("oblivious-fair"))
    params = play.prepare(config.load("tiny", SMALL), [found])["oblivious-fair"]
    assert float(params.learning.learning_rate) == pytest.approx(0.2)
    assert run.notes([found], {"oblivious-fair": params}) == tuned.described([found])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("oblivious-fair: [", "line 1"),
        ("- 0.2", "must be a mapping of contestants, but is [0.2]"),
        ("oblivious-fair: 0.2", "oblivious-fair: must be a mapping of settings, but is 0.2"),
        (f"oblivious-fair: {{{RATE}: fast}}", f"{RATE} must be a number, but is 'fast'"),
        (f"oblivious-fair: {{{RATE}: 0}}", f"{RATE} must be a finite number from 1e-06 to 1000"),
        ("oblivious-fair: {share: 0.5}", "share is not a setting"),
        ("oblivious-fair: {cadence: 0}", "cadence must be a whole number of at least 1, but is 0"),
        ("oblivious-fair: {cadence: 2.5}", "cadence must be a whole number of at least 1, but is"),
    ],
)
def test_a_damaged_file_is_named_in_one_line(text, said, ship, tmp_path, monkeypatch, capsys):
    ship(text)
    command = ["evaluate", "tiny", "--policy", "oblivious-fair", "--out", tmp_path / "out"]
    assert call(monkeypatch, *command) == 2
    error = capsys.readouterr().err
    assert re.match(r"error: .*shipped/tiny\.yaml(:| must) ", error)
    assert said in error
    assert error.count("\n") == 1
