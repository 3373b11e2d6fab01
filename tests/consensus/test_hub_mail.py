"""Forged, withheld and over-claiming messages in the hub's round."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from consensus import hubs
from consensus.hubs import at_work, delivered, hub
from helpers.coalitions import coalition

from ceas_gym import sabotage
from ceas_gym.consensus.attacks import View
from ceas_gym.types import Params, Received, Verdict

NODES, BAD, ROUNDS = 20, 4, 3000
MEMBERS = np.arange(NODES) < BAD
decide = jax.jit(hubs.decide)


def rounds(scenario: Params, acting: bool = True) -> tuple[Any, Received, Verdict]:
    """Tags of many rounds, and what the hub made of each; all honest updates are one."""
    tagged = MEMBERS | (jax.random.uniform(jax.random.key(3), (ROUNDS, NODES)) < 0.7)
    workers = at_work(jnp.ones((NODES, 1)))

    def one_round(tags: jax.Array, key: jax.Array) -> tuple[Received, Verdict]:
        group = coalition(MEMBERS, acting, key)
        able = delivered(jnp.full(NODES, 4), tags)
        delivery = sabotage.delivery(scenario, group, able)
        return hubs.decide(scenario, workers, delivery, group)[1:]

    keys = jax.random.split(jax.random.key(4), ROUNDS)
    return np.asarray(tagged), *jax.jit(jax.vmap(one_round))(tagged, keys)


# --- Forgery ---


@pytest.mark.parametrize("bits", [1, 3])
def test_forged_tags_pass_as_often_as_their_length_allows(params: Params, bits: int) -> None:
    scenario = hub(params, BAD, attack="sign_flip+forgery", key={"security_bits": bits})
    tagged, received, verdict = rounds(scenario)
    forged = np.asarray(received.forged)
    # In the name of honest nodes with a tag only: where there is no key, no tag is right.
    assert not forged[:, MEMBERS].any()
    assert not forged[~tagged].any()
    assert (np.asarray(received.counted) == tagged).all()
    tried, chance = tagged[:, ~MEMBERS].sum(), 2.0**-bits
    error = np.sqrt(chance * (1 - chance) / tried)
    assert abs(forged.sum() / tried - chance) <= 4 * error
    # The coalition decides what it says.
    expected = 1 - 2 * (forged.sum(axis=1) + BAD) / tagged.sum(axis=1)
    assert np.asarray(verdict.update[:, 0]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("attack", "key", "acting"),
    [
        ("white_box+forgery", {}, True),
        ("sign_flip+forgery", {"security_bits": 3}, False),
        ("sign_flip", {"security_bits": 3}, True),
    ],
)
def test_nothing_is_forged(params: Params, attack: str, key: dict[str, int], acting: bool) -> None:
    # By the default length; before the attack begins; by an attack without forgery.
    _, received, _ = rounds(hub(params, BAD, attack=attack, key=key), acting)
    assert not received.forged.any()


# --- Withholding ---


def test_withholding_nodes_are_not_counted_once_they_act(params: Params) -> None:
    scenario = hub(params, BAD, attack="withholding")
    tagged, received, verdict = rounds(scenario)
    assert (np.asarray(received.counted) == (tagged & ~MEMBERS)).all()
    assert (verdict.weights[:, :BAD] == 0).all()
    assert np.asarray(verdict.update) == pytest.approx(1.0)
    tagged, received, _ = rounds(scenario, acting=False)
    assert (np.asarray(received.counted) == tagged).all()


# --- Over-claiming ---

SHOTS = np.linspace(2, 40, NODES).astype(int)


def verdict_of(params: Params, factor: float, name: str = "over_claiming", **hub_: Any) -> Verdict:
    attack = {"name": name, "claim_factor": factor}
    delivery = delivered(SHOTS, [True] * NODES)
    workers, group = at_work(jnp.ones((NODES, 1))), coalition(MEMBERS)
    return decide(hub(params, BAD, attack=attack, **hub_), workers, delivery, group)[2]


@pytest.mark.parametrize("kind", ["fisher", "inverse_variance", "uniform"])
def test_what_a_node_claims_moves_no_measured_weight(params: Params, kind: str) -> None:
    honest = verdict_of(params, 100.0, name="none", weights=kind)
    assert (verdict_of(params, 100.0, weights=kind).weights == honest.weights).all()


@pytest.mark.parametrize(
    ("cap", "most"), [("share_budget", 1.25 * BAD / NODES), ("certificate", 0.45)]
)
def test_cap_holds_whatever_is_claimed(params: Params, cap: str, most: float) -> None:
    shares = []
    for factor in (1.0, 4.0, 10.0, 1e2, 1e6):
        verdict = verdict_of(params, factor, weights="claimed", rule="trimmed_mean", cap=cap)
        shares.append(float(verdict.weights[:BAD].sum()))
        assert float(verdict.share) <= most + 1e-6
        assert float(verdict.weights.sum()) == pytest.approx(1.0)
    # The bad nodes have the fewest shots: what they gain, they gain by their claims.
    assert shares[0] < 0.7 * BAD / NODES
    assert shares[-1] >= BAD / NODES - 1e-6


def test_weights_without_a_cap_could_be_taken_over(params: Params) -> None:
    boundless = {"cap": "share_budget", "share_budget": 9.0, "largest_share": 0.499}
    verdict = verdict_of(params, 100.0, weights="claimed", **boundless)
    assert float(verdict.weights[:BAD].sum()) > 0.49


# --- Replacement, where what has no tag is accepted ---


@pytest.mark.parametrize(
    ("attack", "acting", "replaced"),
    [
        ("sign_flip", True, True),
        ("sign_flip", False, False),
        ("label_flip", True, False),
        ("jamming", True, False),
    ],
)
def test_only_a_coalition_that_sends_replaces(
    params: Params, attack: str, acting: bool, replaced: bool
) -> None:
    scenario = hub(params, BAD, attack=attack, unauthenticated_updates="accept")
    tagged, received, _ = rounds(scenario, acting)
    assert (np.asarray(received.forged) == (~tagged & replaced)).all()


def of_one_number(view: View) -> jax.Array:
    return view.mean[:1] * jnp.ones(3)


def test_attack_of_the_wrong_shape_is_refused_in_one_line(params: Params) -> None:
    scenario = hub(params, BAD, attack=f"{__name__}:of_one_number")
    message = (
        r"of_one_number must return an array of shape \(1,\) or \(\d+, 1\), but returned \(3,\)"
    )
    with pytest.raises(ValueError, match=message):
        rounds(scenario)
