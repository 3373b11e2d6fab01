"""Functions of the user's own on the command line: what fails is one line, before any episode."""

import sys

import pytest

from ceas_agents import cli

MINE = """
import jax.numpy as jnp

def broken(*given):
    return given[99]

def scalar(*given):
    return jnp.float32(0)

def nothing(*given):
    pass

def spoiled(params, observation, key):
    return half(params, observation, key) * jnp.nan

def half(params, observation, key):
    return jnp.zeros((params.network.windows, params.network.nodes))
"""
FEW = ["--episodes", "1", "--set", "episode.rounds=2", "--set", "learning.batch_size=4"]


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine_here.py").write_text(MINE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["ceas-gym", *arguments, *FEW, "--out", "out"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code or 0, capsys.readouterr().err

    return call


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--policy", "mine_here:spoiled"],
            "scenario tiny: policy mine_here:spoiled: function 'spoiled' must return finite "
            "numbers, but its first action has NaN or infinity; look at the weights that it loads",
        ),
        (
            ["--policy", "theta.npy"],
            "policy 'theta.npy' is a file of weights; write a function that loads them, and name "
            "it as module:function (docs/own-functions.md)",
        ),
        (
            ["--policy", "mine_here:broken"],
            "scenario tiny: policy mine_here:broken: function 'broken' raised IndexError: tuple "
            "index out of range",
        ),
        (
            ["--policy", "mine_here:scalar"],
            "scenario tiny: policy mine_here:scalar: function 'scalar' must return an array of "
            "shape (4, 4), but returned one of shape ()",
        ),
        (["--policy", "mine_here:nothing"], "but returned a NoneType"),
        (
            ["--set", "consensus.rule=mine_here:broken"],
            "scenario tiny: consensus.rule: rule 'mine_here:broken' raised IndexError: tuple index",
        ),
        (
            ["--set", "learning.dataset=mine_here:nothing"],
            "scenario tiny: learning.dataset: dataset 'mine_here:nothing' must return",
        ),
        (
            ["--set", "learning.angles_per_qubit=1"],
            "scenario tiny: learning.angles_per_qubit: ansatz 'hardware_efficient' takes 2 angles",
        ),
        (
            ["--set", "learning.features=64"],
            "learning.features: features = 64, but the training split of 'digits' has 53",
        ),
        (["--set", "learning.layers=1000000000"], "weights, but at most 512"),
    ],
)
def test_what_fails_is_one_line_and_exit_code_2(call, tmp_path, arguments, said):
    policy = [] if "--policy" in arguments else ["--policy", "uniform"]
    code, error = call("evaluate", "tiny", *arguments, *policy)
    assert code == 2
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_policy_that_works_plays(call, tmp_path):
    assert call("evaluate", "tiny", "--policy", "mine_here:half")[0] == 0
    assert (tmp_path / "out" / "episodes.csv").exists()
