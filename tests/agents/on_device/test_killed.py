"""A training that is killed goes on from its last checkpoint, bit for bit."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from ceas_agents.policies import checkpoints
from ceas_agents.training import curve, train

PLAN = """
scenario: tiny
set: {episode.rounds: 4, episode.decision: window, network.barrier_windows: 1}
steps: 768
rows: 4
validation: {every: 64, episodes: 2}
"""
LEARNERS = {
    "jax.ppo": """
hyperparameters: {n_steps: 8, batch_size: 16, n_epochs: 2}
network: {hidden: 8}
""",
    "jax.dqn": """
policy: dispatch
hyperparameters: {buffer_size: 300, learning_starts: 50, batch_size: 16}
network: {net_arch: [8]}
""",
}
PATIENCE_S = 300


def started(path, out):
    command = [sys.executable, "-m", "ceas_agents.cli", "train", str(path), "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def rows(out):
    return len(curve.read(out)) if (out / curve.TABLE).exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize("learner", LEARNERS)
def test_a_killed_run_goes_on_exactly(tmp_path, learner):
    path = tmp_path / "plan.yaml"
    path.write_text(f"learner: {learner}\n{PLAN}{LEARNERS[learner]}")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert started(path, whole).wait(PATIENCE_S) == 0
    for least in (1, 4, 7):
        run, until = started(path, killed), time.monotonic() + PATIENCE_S
        while rows(killed) < least and run.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        os.kill(run.pid, signal.SIGKILL)
        assert run.wait(PATIENCE_S) == -signal.SIGKILL
    assert started(path, killed).wait(PATIENCE_S) == 0
    for name in (train.BEST, train.LAST):
        one, other = (checkpoints.load(folder / name) for folder in (whole, killed))
        for first, second in zip(one.layers, other.layers, strict=True):
            np.testing.assert_array_equal(first.weight, second.weight)
            np.testing.assert_array_equal(first.bias, second.bias)
    for first, second in zip(curve.read(whole), curve.read(killed), strict=True):
        np.testing.assert_equal(first | {"minutes": 0}, second | {"minutes": 0})
