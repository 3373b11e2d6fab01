"""Settings to protocol and coalition."""

from typing import Any

import pytest
from helpers import adversaries
from pydantic import ValidationError

from ceas_gym import config
from ceas_gym.consensus import attacks, placement, protocol, rules, setup, weights
from ceas_gym.sabotage import SABOTAGE
from ceas_gym.scenario import AttackSettings, ConsensusSettings, Scenario


def test_numbers_and_names_of_the_protocol() -> None:
    settings = ConsensusSettings(
        momentum=0.5,
        share_budget=1.5,
        largest_share=0.4,
        cache_age_rounds=3,
        unauthenticated_updates="accept",
    )
    built = setup.build(settings, tolerated_nodes=4)
    assert int(built.tolerated) == 4
    numbers = (built.momentum, built.share_budget, built.largest_share, built.cache_age)
    assert [float(number) for number in numbers] == pytest.approx([0.5, 1.5, 0.4, 3.0])
    assert built.rule is rules.get("median")
    assert built.weighting is weights.fisher
    assert built.unauthenticated_updates is protocol.accept


def test_names_of_the_coalition() -> None:
    built = adversaries.build_adversary(
        AttackSettings(name="alie", byzantine_nodes=3, placement="worst_links", strength=1.5),
        rounds=10,
    )
    assert int(built.byzantine_nodes) == 3
    assert float(built.strength) == 1.5
    assert built.attack is attacks.a_little_is_enough
    assert built.placement is placement.worst_links
    assert not built.poisons_labels
    assert not built.sabotage


@pytest.mark.parametrize(
    ("settings", "where", "onset"),
    [
        ({"name": "white_box"}, placement.random, 0),
        ({"name": "sleeper"}, placement.random, 10),
        ({"name": "sleeper", "onset_round": 3}, placement.random, 3),
        ({"name": "ceas_adversary"}, placement.best_links, 0),
        ({"name": "ceas_adversary", "placement": "random"}, placement.random, 0),
    ],
)
def test_composites_bring_defaults_that_settings_replace(
    settings: dict[str, Any], where: object, onset: int
) -> None:
    built = adversaries.build_adversary(AttackSettings(**settings), rounds=30)
    assert built.attack is attacks.white_box
    assert built.placement is where
    assert int(built.onset) == onset


@pytest.mark.parametrize("name", sorted(config.shipped()))
def test_headline_adversary_sits_on_the_best_links_of_every_scenario(name: str) -> None:
    scenario = config.load(name, {"attack.name": "ceas_adversary"})
    built = adversaries.build_adversary(scenario.attack, scenario.episode.rounds)
    assert built.placement is placement.best_links


def test_names_of_sabotage_are_kept_beside_what_is_sent() -> None:
    built = adversaries.build_adversary(
        AttackSettings(name="sign_flip+jamming+withholding"), rounds=10
    )
    assert built.attack is attacks.sign_flip
    assert built.sabotage == (SABOTAGE["jamming"], SABOTAGE["withholding"])
    assert (
        adversaries.build_adversary(AttackSettings(name="exhaustion"), rounds=1).attack
        is attacks.none
    )


def test_forgery_passes_as_often_as_the_key_settings_say() -> None:
    settings = ConsensusSettings.model_validate({"key": {"security_bits": 5}})
    assert float(setup.build(settings, 1).forgery_probability) == 1 / 32


@pytest.mark.parametrize(
    ("rule", "factor"), [("mean", 2), ("clip+nnm+trimmed_mean", 2), ("bucketing+krum", 4)]
)
def test_quorum_is_the_precondition_of_the_rule(rule: str, factor: int) -> None:
    assert int(setup.build(ConsensusSettings(rule=rule), 1).votes_needed) == factor


def test_hub_tolerates_as_many_as_there_are_unless_told() -> None:
    def tolerated(**consensus: Any) -> int:
        sections = {"attack": {"byzantine_nodes": 3}, "consensus": consensus}
        return Scenario.model_validate(sections).tolerated_nodes

    assert tolerated() == 3
    assert tolerated(tolerated_nodes=1) == 1
    assert tolerated(tolerated_nodes=0) == 0


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"attack": {"byzantine_nodes": 5}}, "byzantine_nodes = 5 is not below half"),
        ({"consensus": {"tolerated_nodes": 5}}, "tolerated_nodes = 5 is not below half"),
        ({"consensus": {"largest_share": 0.5}}, "less than 0.5"),
        ({"consensus": {"momentum": 1.0}}, "less than 1"),
        ({"consensus": {"unauthenticated_updates": "forgive"}}, "'drop', 'cache' or 'accept'"),
        ({"consensus": {"share_budget": 0.9}}, "greater than or equal to 1"),
        ({"attack": {"strength": float("nan")}}, "finite"),
        ({"attack": {"placement": "best"}}, "'random', 'best_links' or 'worst_links'"),
    ],
)
def test_settings_that_no_rule_withstands_or_nobody_knows(
    sections: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        Scenario.model_validate(sections)


def test_most_bad_nodes_that_ten_can_have() -> None:
    assert Scenario.model_validate({"attack": {"byzantine_nodes": 4}}).tolerated_nodes == 4
