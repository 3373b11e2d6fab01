"""Policies with options by name."""

import re
from functools import partial

import jax
import numpy as np
import pytest
from helpers.compiled import reset

from ceas_agents.evaluation import contestants
from ceas_agents.policies import options
from ceas_agents.policies.registry import POLICIES
from ceas_gym import config, parameters


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ceas:", "policy 'ceas': '' is no option; write option=value"),
        ("ceas:placement", "policy 'ceas': 'placement' is no option; write option=value"),
        ("ceas:=x", "policy 'ceas': '=x' is no option; write option=value"),
        ("ceas:plcement=random", "option 'plcement' is unknown; did you mean placement"),
        ("ceas:placement=bold", "placement must be one of best, unknown, random, but is 'bold'"),
        ("ceas:placement=random,placement=random", "option 'placement' is given twice"),
        ("uniform:share=1", "policy 'uniform': option 'share' is unknown; known: cadence"),
        ("focused:share=half", "share must be a number, but is 'half'"),
    ],
)
def test_a_wrong_option_is_one_line(name, said):
    with pytest.raises(ValueError, match=re.escape(said)) as refused:
        contestants.get(name)
    assert "\n" not in str(refused.value)


def test_an_option_changes_what_the_policy_does():
    params = parameters.build(config.load("small", {"attack.byzantine_nodes": 2}))
    seen = reset(params, jax.random.key(0))[1].observation
    asked = {
        name: np.asarray(jax.jit(contestants.load(name))(params, seen, jax.random.key(0)))
        for name in ("focused", "focused:share=0.3", "focused: share = 1.0")
    }
    served = {name: (action > -1).any(axis=0).sum() for name, action in asked.items()}
    assert served["focused:share=0.3"] == 3
    assert served["focused"] < served["focused: share = 1.0"]


def test_a_contestant_with_options_is_called_by_all_of_it():
    contestant = contestants.get(" ceas:placement=random ")
    assert contestant.name == "ceas:placement=random"
    assert isinstance(contestant.policy, partial)
    assert contestant.policy.keywords == {"placement": "random"}


def test_a_contestant_keeps_its_overrides_with_options():
    fair = contestants.get("oblivious-fair:cadence=4")
    assert fair.name == "oblivious-fair:cadence=4"
    assert fair.overrides == contestants.OBLIVIOUS_FAIR
    assert isinstance(fair.policy, partial)
    assert fair.policy.func is POLICIES["uniform"]
    paced = contestants.get("ceas-paced:serve=all").policy
    assert isinstance(paced, partial)
    assert paced.keywords == {"cadence": 8.0, "serve": "all"}
    with pytest.raises(ValueError, match="policy 'oblivious-fair': option 'pace' is unknown"):
        contestants.get("oblivious-fair:pace=4")


def test_every_shipped_option_can_be_told():
    for policy in POLICIES.values():
        for kind in options.options(policy).values():
            assert kind is float or all(isinstance(word, str) for word in kind.__args__)
