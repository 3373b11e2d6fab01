"""Recorded episodes are those of the run, and lose no pair on the way."""

import numpy as np
import pytest

from ceas_agents.replay import record, runs

STORED = ("spent", "keyed", "expired", "blocked", "sacrificed", "tested")


@pytest.fixture(params=["proportional_fair", "uniform:cadence=5", "by round"])
def played(request, by_window, by_round):
    """The rows of a run and the episode recorded of it."""
    run, _, episodes = by_round if request.param == "by round" else by_window
    name = "uniform" if request.param == "by round" else request.param
    return next(reversed(run.rows[name].values())), episodes[name]


def test_an_episode_is_that_of_the_rows(played):
    rows, episode = played
    assert runs.difference(rows, episode.metrics) == ""
    changed = {**rows, "pairs_spent": rows["pairs_spent"] + np.eye(len(rows["fired"]))[1]}
    found = runs.difference(changed, episode.metrics)
    assert found.startswith("from round 2 on (pairs_spent was ")
    shorter = {name: values[:-1] for name, values in rows.items()}
    assert runs.difference(shorter, episode.metrics).startswith("in its length")


def test_no_frame_loses_a_pair(played):
    frames = played[1].frames
    fates = dict(zip(record.FATES, frames.fates.T, strict=True))
    gone = sum(fates[fate] for fate in STORED)
    assert fates["generated"][-1] > 0
    assert (fates["generated"] == gone + frames.pairs.sum(axis=(1, 2))).all()
    assert (np.diff(frames.fates, axis=0) >= 0).all()


def test_barriers_are_those_of_the_rows(played):
    rows, episode = played
    frames, fired = episode.frames, rows["fired"] > 0
    at_barrier = np.flatnonzero(frames.is_barrier)
    assert len(at_barrier) == fired.sum() > 3
    window_s = rows["time_s"][-1] / frames.clock[-1]
    np.testing.assert_allclose(
        frames.clock[at_barrier] * window_s, rows["time_s"][fired], rtol=1e-6
    )
    stored = frames.pairs[at_barrier].sum(axis=(1, 2))
    assert (stored == rows["pairs_stored"][fired]).all()
    spent = frames.fates[at_barrier, record.FATES.index("spent")]
    assert (spent == rows["pairs_spent"][fired].cumsum()).all()
    assert (episode.barriers.counted.sum(axis=1) == rows["accepted_nodes"][fired]).all()
    assert (episode.barriers.shots.sum(axis=1) == rows["shots"][fired]).all()
    assert (episode.barriers.exposed.sum(axis=1) == rows["exposed_members"][fired]).all()
    assert (rows["accepted_nodes"] >= episode.quorum)[rows["committed"] > 0].all()


def test_pairs_grow_older_by_a_window_a_frame(played):
    frames = played[1].frames
    for number in np.flatnonzero(~frames.is_barrier)[1:]:
        assert frames.clock[number] == frames.clock[number - 1] + 1
        before, now = frames.pairs[number - 1], frames.pairs[number]
        assert (now[:, 1:] <= before[:, :-1]).all()
        assert (now[frames.served[number] == 0, 0] == 0).all()


def test_windows_of_a_round_are_apart(by_round):
    run, params, episodes = by_round
    frames, windows = episodes["uniform"].frames, run.scenario.network.windows
    pattern = [False] + ([False] * windows + [True]) * 5
    assert frames.is_barrier.tolist() == pattern
    assert frames.clock[-1] == 5 * windows == params["uniform"].budget
    assert (frames.served[frames.is_barrier] == 0).all()
    assert frames.served.max() > 0


def test_key_is_a_share_and_is_used_up_by_tags(by_window):
    episode = by_window.episodes["uniform:cadence=5"]
    frames, at_barrier = episode.frames, np.flatnonzero(episode.frames.is_barrier)
    assert (frames.key[0] == 0).all()
    assert frames.key.max() <= 1
    tagged = episode.barriers.counted
    assert tagged.any()
    # Only with key for all its tags is a node counted, and it has less after the barrier.
    assert (frames.key[at_barrier - 1][tagged] >= 1 - 1e-6).all()


def test_a_seed_decides_everything(by_window):
    run, params, episodes = by_window
    contestant = runs.contestant(run, "proportional_fair")
    other = record.episode(contestant, params["proportional_fair"], 3)
    assert runs.difference(run.rows["proportional_fair"][3], other.metrics) == ""
    assert runs.difference(run.rows["proportional_fair"][4], other.metrics) != ""
    assert not np.array_equal(other.frames.pairs, episodes["proportional_fair"].frames.pairs)
