"""The leaderboard: what is played, held back, refused, resumed, written and estimated."""

import csv
import hashlib
import json
import sys

import jax
import numpy as np
import pytest
from helpers.next_command import suggested

from ceas_agents import cli
from ceas_agents.evaluation import contestants, play
from ceas_agents.leaderboard import cost, entry, episodes, row, score, suite
from ceas_agents.leaderboard.suite import Cell, Suite
from ceas_agents.policies.rollout import most_steps
from ceas_agents.training import plan as training
from ceas_agents.tuning import search
from ceas_gym import config

PLACES = {"windows": "micro-loop", "partitions": "micro"}
MICRO = Suite(
    tuple(Cell(track, name, where, 2) for track, name in PLACES.items() for where in ("random",)),
    range(60_000, 60_003),
)
"""Two small cells, in place of eighteen large ones."""
ROUNDS = MICRO.cells[1]
SALT = "a salt of the tests"
PLAYER = "static-subset"


@pytest.fixture
def micro(monkeypatch):
    """A small suite, with a salt of its own, whose programs are compiled once."""
    monkeypatch.setattr(jax, "clear_caches", lambda: None)
    monkeypatch.setattr(suite, "SUITE", MICRO)
    monkeypatch.setattr(suite, "SALT_SHA256", hashlib.sha256(SALT.encode()).hexdigest())


@pytest.fixture
def salt(tmp_path):
    file = tmp_path / "salt.txt"
    file.write_text(f" {SALT}\n")
    return file


def call(monkeypatch, *arguments):
    """Returns the exit code of `ceas-gym leaderboard` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["ceas-gym", "leaderboard", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


def read(path):
    return json.loads((path / "row.json").read_text())


def expected(cell, seeds):
    """Returns the columns of a cell, played without jobs."""
    (contestant,) = [contestants.get(PLAYER)]
    scenario = config.load(cell.scenario, cell.changes)
    params = play.prepare(scenario, [contestant])[contestant.name]
    target = scenario.episode.target_accuracy
    played = play.episodes(contestant, params, most_steps(params), seeds)
    rows = [play.summary(steps, target, budget_s=play.seconds(params)) for _, steps in played]
    return {name: [round(each[name], 5) for each in rows] for name in score.COLUMNS}


# --- The suite ---


def test_nobody_trains_or_tunes_on_its_seeds():
    hidden = range(suite.HELD_BACK, suite.HELD_BACK + suite.LAYOUTS * suite.APART)
    others = (search.SEED, training.VALIDATION_SEEDS, training.TRAINING_SEEDS)
    assert suite.PUBLIC_SEEDS.stop < search.SEED < hidden.start
    assert hidden.stop <= min(training.VALIDATION_SEEDS, training.TRAINING_SEEDS)
    assert not any(seed in suite.PUBLIC_SEEDS or seed in hidden for seed in others)


def test_it_has_both_placements_of_every_scenario():
    assert len(suite.SUITE.cells) == 18
    assert {cell.changes["attack.placement"] for cell in suite.SUITE.cells} == {
        *suite.PLACEMENTS,
    }
    for cell in suite.SUITE.cells:
        loaded = config.load(cell.scenario, cell.changes)
        assert loaded.episode.layouts == suite.LAYOUTS
        assert loaded.attack.placement == cell.placement
        by_window = loaded.episode.decision == "window"
        assert by_window == (cell.track == "windows")
        assert (loaded.network.team_size == 2) == (cell.track == "partitions")


def test_the_hash_is_that_of_settings_seeds_and_salt(tmp_path):
    file = tmp_path / "mine.yaml"
    text = "name: mine\nnetwork: {nodes: 4}\n"
    one = MICRO._replace(cells=(Cell("windows", str(file), "random"),))
    found = []
    for written in (text, f"# a comment\n{text}", text.replace("4", "5")):
        file.write_text(written)
        found.append(suite.digest(one))
    assert found[0] == found[1] != found[2]
    others = [one._replace(seeds=range(3)), one._replace(salt="x"), one._replace(cells=())]
    assert len({found[2], *map(suite.digest, others)}) == 4


def test_a_salt_stands_for_seeds_and_networks(micro, salt):
    def drawn(label, below):
        # HMAC as RFC 2104 defines it.
        key = SALT.encode().ljust(64, b"\0")
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + label.encode()).digest()
        outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).hexdigest()
        return int(outer, 16) % below

    found = suite.salted(MICRO, salt)
    first = 2**28 + 16 * drawn("seeds", 2**24)
    assert found.seeds == range(first, first + 3)
    for cell, public in zip(found.cells, MICRO.cells, strict=True):
        assert cell.changes == public.changes | {
            key: drawn(f"{key} {cell.scenario}", 2**31)
            for key in ("network.layout_seed", "learning.data_seed")
        }
    assert found.record == suite.hidden(MICRO).record != MICRO.record


def test_another_salt_is_refused_in_one_line(micro, monkeypatch, capsys, tmp_path):
    other, binary = tmp_path / "other.txt", tmp_path / "binary"
    other.write_text(SALT + "x")
    binary.write_bytes(b"\xff\xfe")
    for file in (other, binary, tmp_path / "none.txt"):
        assert call(monkeypatch, PLAYER, "--salt", file, "--out", tmp_path / "out") == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"error: --salt: {file}")
        assert not (tmp_path / "out").exists()


# --- Playing ---


def test_a_run_goes_on_after_an_interrupt_and_plays_what_others_play(
    micro, monkeypatch, capsys, tmp_path
):
    played, keep = [], episodes.episode

    def stopped(*arguments):
        if len(played) == 2:
            played.append("interrupted")
            raise KeyboardInterrupt
        played.append(arguments[2:4])
        return keep(*arguments)

    monkeypatch.setattr(episodes, "episode", stopped)
    one = MICRO._replace(cells=(ROUNDS,))
    monkeypatch.setattr(suite, "SUITE", one)
    command = (PLAYER, "--out", tmp_path / "out")
    assert call(monkeypatch, *command) == 130
    assert "interrupted: 2 of 3 episodes" in capsys.readouterr().err
    assert not (tmp_path / "out" / "row.json").exists()
    assert call(monkeypatch, *command) == 0
    played.remove("interrupted")
    assert played == [(ROUNDS, seed) for seed in MICRO.seeds]
    scenario, (player,), _ = suggested(capsys.readouterr().out, monkeypatch)
    assert scenario == config.load(ROUNDS.scenario, {"attack.placement": "random"})
    assert player.name == PLAYER
    found, columns = read(tmp_path / "out"), expected(ROUNDS, MICRO.seeds)
    (each,) = found["cells"]
    assert each["columns"] == columns
    assert each["score"] == row.rounded(score.of_cell(columns))
    assert found["tracks"] == {"partitions": row.rounded(score.of_track({ROUNDS: columns}))}
    assert found["cost"][ROUNDS.name]["episode_s"] > 0
    assert found["suite"] == one.record
    assert found["seeds"] == [60_000, 60_002]
    assert row.read(tmp_path / "out" / "row.json", one) == found
    with (tmp_path / "out" / "episodes.csv").open() as file:
        lines = [float(line[score.MEAN]) for line in csv.DictReader(file)]
    assert lines == pytest.approx(columns[score.MEAN], abs=1e-5)
    assert not (tmp_path / "out" / "jobs").exists()
    # Results are not lost by accident.
    assert call(monkeypatch, *command) == 2


def test_what_is_held_back_is_played_and_stays_unknown(micro, monkeypatch, tmp_path, salt):
    command = (PLAYER, "--track", "partitions", "--episodes", "2", "--salt", salt)
    assert call(monkeypatch, *command, "--out", tmp_path / "out") == 0
    found, hidden = read(tmp_path / "out"), suite.salted(MICRO, salt)
    assert found["cells"][0]["refusal"] == row.NOT_PLAYED
    assert found["cells"][1]["columns"] == expected(hidden.cells[1], hidden.seeds[:2])
    assert list(found["tracks"]) == ["partitions"]
    assert found["seeds"] is None
    numbers = [hidden.seeds.start, *(value for _, value in hidden.cells[1].networks)]
    for name in ("row.json", "episodes.csv"):
        text = (tmp_path / "out" / name).read_text()
        assert not any(f"{number}" in text for number in numbers)
    assert row.read(tmp_path / "out" / "row.json", MICRO) == found


def test_what_a_policy_cannot_play_is_refused_with_the_reason(micro):
    plan = row.plan(entry.entry("whittle", {}), MICRO, None, ())
    loop, rounds = MICRO.cells
    assert plan.cells == [loop]
    assert "no version for episode.decision = round" in plan.refusals[rounds]
    columns = {score.MEAN: [0.5, 0.6, 0.7], score.REACHED: [0, 1, 1], score.LAYOUT: [0, 1, 0]}
    found = row.made(plan, {loop: columns}, {})
    assert list(found["tracks"]) == ["windows"]
    assert found["cells"][1]["refusal"] == plan.refusals[rounds]
    with pytest.raises(ValueError, match="whittle can play no cell: policy whittle"):
        row.plan(entry.entry("whittle", {}), MICRO, None, ["partitions"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody"], "policy 'nobody' is unknown"),
        (["ceas", "--track", "window"], "--track: window is unknown; did you mean windows"),
        (["ceas", "--episodes", "4"], "--episodes: the suite has 3 seeds, not 4"),
        (["ceas", "--set", "network.nodes=3"], "--set network.nodes: the suite is fixed"),
        (["ceas", "--set", "learning.learning_rate=0"], "learning.learning_rate must be"),
        (["ceas", "--on", "abacus"], "--on: abacus is unknown"),
    ],
)
def test_mistakes_are_told_in_one_line(micro, monkeypatch, capsys, tmp_path, arguments, said):
    assert call(monkeypatch, *arguments, "--out", tmp_path / "out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / "out").exists()


def test_where_results_go_is_checked_before_anything_is_played(
    micro, monkeypatch, capsys, tmp_path
):
    monkeypatch.setattr(episodes, "episode", None)
    (tmp_path / "notes").write_text("mine")
    assert call(monkeypatch, PLAYER, "--out", tmp_path / "notes" / "run") == 2
    assert "notes is not a folder; choose another folder" in capsys.readouterr().err


def test_a_rate_takes_the_place_of_a_tuned_one():
    cell = suite.SUITE.cells[0]._replace(layouts=1)
    rates = [
        entry.ready(entry.entry(PLAYER, settings), cell).params.learning.learning_rate
        for settings in ({}, {"learning.learning_rate": 0.123})
    ]
    assert rates[0] != pytest.approx(0.123)
    assert rates[1] == pytest.approx(0.123)


def test_a_file_is_known_by_its_hash(tmp_path, monkeypatch):
    agent, module = tmp_path / "best.npz", tmp_path / "lb_mine.py"
    agent.write_bytes(b"agent")
    module.write_text("def policy(params, observation, key): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert entry.file_hash(str(agent)) == hashlib.sha256(b"agent").hexdigest()
    assert entry.file_hash("lb_mine:policy") == hashlib.sha256(module.read_bytes()).hexdigest()
    assert entry.file_hash("static_subset") == entry.file_hash("ceas:serve=quorum") == ""


def test_a_row_of_another_suite_or_cut_short_is_refused(micro, tmp_path):
    loop, rounds = MICRO.cells
    columns = {score.MEAN: [0.5] * 3, score.REACHED: [0] * 3, score.LAYOUT: [0] * 3}
    plan = row.plan(entry.entry("uniform", {}), MICRO, None, ())
    whole = row.made(plan, {loop: columns, rounds: columns}, {})
    file = tmp_path / "row.json"
    changes = {
        "another suite": {"suite": whole["suite"] | {"hash": "0"}},
        "must have 4 episodes": {"episodes": 4},
        "can't be read as a row": {"cells": []},
    }
    for said, change in changes.items():
        file.write_text(json.dumps(whole | change))
        with pytest.raises(ValueError, match=said):
            row.read(file, MICRO)
    # Scores are not taken on trust.
    file.write_text(json.dumps(whole | {"tracks": {"windows": {"mean": [1, 1, 1]}}}))
    assert row.read(file, MICRO) == whole


# --- Scores ---


def cells_of(values, reached=0.0, layouts=None):
    """Returns the columns of cells of one scenario, from values of shape (cells, episodes)."""
    number = len(values[0])
    groups = list(range(number)) if layouts is None else layouts
    return {
        Cell("windows", f"s{place // 2}", suite.PLACEMENTS[place % 2]): {
            score.MEAN: list(each),
            score.REACHED: [reached] * number,
            score.LAYOUT: groups,
        }
        for place, each in enumerate(values)
    }


def test_scores_of_a_track_by_their_definitions():
    values = np.random.default_rng(3).random((4, 10))
    found = score.of_track(cells_of(values, reached=1.0, layouts=[*range(5)] * 2))
    middle = np.sort(values.ravel())[10:30]
    means = values.mean(axis=1)
    worst = (min(means[0], means[1]) + min(means[2], means[3])) / 2
    for name, one in {"mean": values.mean(), "iqm": middle.mean(), "worst": worst}.items():
        value, low, high = found[name]
        assert value == pytest.approx(one)
        assert low < value < high
    assert found["reached"] == (1, 1, 1)


def test_intervals_are_those_of_two_layouts():
    """Resamples of two layouts are one of them twice, with a chance of a quarter each, or both."""
    values = [[0.2, 0.6, 0.2, 0.6], [0.8, 0.4, 0.8, 0.4]]
    found = score.of_track(cells_of(values, layouts=[0, 1, 0, 1]))
    assert found["worst"] == pytest.approx((0.4, 0.2, 0.4))
    assert found["mean"] == pytest.approx((0.5, 0.5, 0.5))
    # The middle half of 0.2 0.2 0.2 0.2 0.8 0.8 0.8 0.8, of both layouts, and of 0.4 and 0.6.
    assert found["iqm"] == pytest.approx((0.5, 0.5, 0.5))
    one = score.of_track(cells_of([[0.2, 0.6, 0.3, 0.7]], layouts=[0, 1, 0, 1]))
    assert one["mean"] == pytest.approx((0.45, 0.25, 0.65))
    assert one["iqm"] == pytest.approx((0.45, 0.25, 0.65))


def test_the_chance_has_the_exact_binomial_interval():
    for number in (1, 8, 40):
        certain = 0.025 ** (1 / number)
        assert score.chance([1.0] * number) == pytest.approx((1, certain, 1))
        assert score.chance([0.0] * number) == pytest.approx((0, 0, 1 - certain))
    value, low, high = score.chance([1.0, 1.0, 0.0])
    assert value == pytest.approx(2 / 3)
    # At its ends, as many successes or more, or as few or fewer, have a chance of 2.5 %.
    assert 3 * low**2 * (1 - low) + low**3 == pytest.approx(0.025)
    assert 1 - high**3 == pytest.approx(0.025)


def test_who_beats_whom_by_counting():
    values = np.random.default_rng(5).integers(0, 4, (3, 12, 6)) / 4
    groups = np.arange(12) % 4
    found = score.against(list(values), groups)
    for one in range(3):
        for other in range(3):
            won = sum(
                float(a > b) + 0.5 * float(a == b)
                for a, b in zip(values[one].ravel(), values[other].ravel(), strict=True)
            )
            value, low, high = found[one][other]
            assert value == pytest.approx(won / 72)
            assert 0 <= low <= value <= high <= 1
            assert found[other][one] == pytest.approx((1 - value, 1 - high, 1 - low))
    always = score.against([values[0], values[0] + 1], groups)
    assert always[1][0] == (1, 1, 1)
    assert always[0][0] == (0.5, 0.5, 0.5)


# --- Costs ---


def test_an_estimate_adds_up_and_many_cores_pay_with_compilations():
    costs = {cell.name: cost.Cost(30.0, 2.0) for cell in MICRO.cells}
    one = cost.estimate(MICRO, costs, policies=1, cores=1)
    assert one.episodes == 6
    assert 3600 * one.core_hours == pytest.approx(2 * 30 + 6 * 2)
    assert one.wall_hours == pytest.approx(one.core_hours)
    assert one.starting == pytest.approx(60 / 72)
    most = cost.estimate(MICRO, costs, policies=1, cores=100)
    assert 3600 * most.wall_hours == pytest.approx(32)
    assert 3600 * most.core_hours == pytest.approx(6 * 32)
    assert cost.measured([(30.0, True)]) is None


def test_jobs_of_a_cell_are_a_group_and_other_files_are_other_jobs(tmp_path, monkeypatch):
    who = entry.entry("uniform", {})
    jobs = episodes.jobs_of(who, MICRO.cells, MICRO.seeds, tmp_path)
    assert len({job.path for job in jobs}) == 6
    assert len({job.group for job in jobs}) == 2
    monkeypatch.setattr(episodes, "file_hash", lambda name: "another")
    others = episodes.jobs_of(who, MICRO.cells, MICRO.seeds, tmp_path)
    assert not {job.path for job in jobs} & {job.path for job in others}
