"""The fast round against the slow one, in 64 bits, with the same luck: learning and consensus."""

from dataclasses import replace

import jax.numpy as jnp
import pytest
from helpers import beside
from helpers.comparison import vary
from reference.variants import ASKED, BUDGETED, FALSE_DATA, VARIANTS

from ceas_gym import parameters
from ceas_gym.scenario import Scenario


@pytest.mark.parametrize("name", beside.variants(of_network=False))
def test_round_equals_the_reference(scenario: Scenario, name: str) -> None:
    beside.check_variant(scenario, name)


def test_non_finite_updates_are_rejected(scenario: Scenario) -> None:
    varied = vary(scenario, BUDGETED)
    params = parameters.build(varied)
    boundless = replace(params.adversary, strength=jnp.float32(jnp.inf))
    total = beside.rounds(varied, replace(params, adversary=boundless))
    assert 0 < total["accepted_nodes"] < total["authenticated_nodes"]
    assert total["byzantine_weight"] == 0


def test_cached_update_of_a_traitor_is_not_an_honest_one(scenario: Scenario) -> None:
    varied = vary(scenario, BUDGETED | VARIANTS["median"])
    # Node 0 is accepted in the second round and has no tag in the third, in which 2 attacks.
    total = beside.rounds(varied, asked=ASKED["median"], traitors=(0, 2))
    assert total["accepted_nodes"] > total["authenticated_nodes"]


def test_traps_expose_a_false_member(scenario: Scenario) -> None:
    varied = vary(scenario, BUDGETED | FALSE_DATA)
    params = parameters.build(varied)
    # A bet is won so soon that the member is exposed before the last round.
    members = replace(params.consensus.members, trap_doubt=jnp.float32(0.5))
    hasty = replace(params, consensus=replace(params.consensus, members=members))
    total = beside.rounds(varied, hasty)
    assert 0 < total["exposed_members"] < beside.ROUNDS
    assert total["committed"] > 0
