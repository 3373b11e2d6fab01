"""The last line that a command prints: what to run next."""

import shlex
import sys

import pytest

from ceas_agents import cli
from ceas_agents.evaluation import run


def suggested(printed, monkeypatch):
    """Returns scenario, contestants and folder of the evaluation that the last line suggests.

    The suggested command is run up to where it would play.
    """
    first, *command = shlex.split(printed.splitlines()[-1])
    assert (first, command[:2]) == ("next:", ["ceas-gym", "evaluate"])
    told = []
    monkeypatch.setattr(run, "evaluate", lambda *given: told.extend(given))
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    scenario, contestants, params, _, folder = told
    assert list(params) == [each.name for each in contestants]
    return scenario, contestants, folder
