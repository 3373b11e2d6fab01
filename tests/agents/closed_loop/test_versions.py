"""A policy's version for each decision, and what is said where there is none."""

import inspect
import re

import jax
import jax.numpy as jnp
import pytest

from ceas_agents.evaluation import contestants
from ceas_agents.policies import options, registry
from ceas_agents.policies.registry import POLICIES, VERSIONS
from ceas_gym import config, parameters
from ceas_gym.task import actions


@pytest.fixture(scope="module")
def by_round():
    return parameters.build(config.load("tiny"))


@pytest.mark.parametrize("name", [name for name, each in VERSIONS.items() if each.window])
def test_every_version_for_windows_returns_an_action_of_its_shape(looped, start, name):
    action = jax.eval_shape(POLICIES[name], looped, start, jax.random.key(0))
    assert action.shape == actions.shape(looped) == (7,)
    registry.check(POLICIES[name], looped)


@pytest.mark.parametrize("name", [name for name, each in VERSIONS.items() if each.window])
def test_every_version_for_windows_acts_where_numbers_have_64_bits(start, name):
    with jax.enable_x64(True):
        changes = {"episode.decision": "window", "network.nodes": 6, "network.channels": 2}
        params = parameters.build(config.load("tiny", changes))
        assert jax.eval_shape(POLICIES[name], params, start, jax.random.key(0)).shape == (7,)


def test_one_name_acts_by_either_decision(looped, by_round, start):
    assert registry.version(POLICIES["ceas"], "window") is VERSIONS["ceas"].window
    assert registry.version(POLICIES["ceas"], "round") is VERSIONS["ceas"].round
    registry.check(POLICIES["ceas"], by_round)
    assert options.options(POLICIES["ceas"]).keys() > {"placement", "cadence", "serve"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("focused", "policy 'focused' has no version for episode.decision = window; set it to"),
        ("focused:share=0.5", "policy 'focused' has no version for episode.decision = window"),
    ],
)
def test_a_policy_without_a_version_says_so_in_a_line(looped, name, said):
    with pytest.raises(ValueError, match=re.escape(said)) as refused:
        registry.check(contestants.load(name), looped)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "whittle",
            "policy 'whittle' has no version for episode.decision = round; set it to window",
        ),
        ("uniform:cadence=4", "option 'cadence' is for episode.decision = window, but"),
        ("ceas:spare=1,placement=best", "option 'spare' is for episode.decision = window, but"),
    ],
)
def test_an_option_of_the_other_decision_is_refused_in_a_line(by_round, name, said):
    with pytest.raises(ValueError, match=re.escape(said)) as refused:
        registry.check(contestants.load(name), by_round)
    assert "\n" not in str(refused.value)


def whole_round(params, observation, key):
    """An action for a round, where one for a window is due."""
    del observation, key
    return jnp.zeros((params.network.windows, params.network.nodes))


def test_a_users_action_of_the_wrong_shape_is_refused(looped):
    with pytest.raises(ValueError, match=re.escape("must return an array of shape (7,), but")):
        registry.check(whole_round, looped)


def test_versions_share_the_defaults_of_their_options():
    for each in VERSIONS.values():
        if each.round and each.window:
            both = options.options(each.round).keys() & options.options(each.window).keys()
            assert all(_default(each.round, name) == _default(each.window, name) for name in both)


def _default(policy, name):
    return inspect.signature(policy).parameters[name].default
