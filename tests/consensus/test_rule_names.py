"""Rules and their steps by name."""

import jax
import jax.numpy as jnp
import pytest

from ceas_gym import config, parameters
from ceas_gym.consensus import rules


def first_row(updates: jax.Array, weights: jax.Array, byzantine: jax.Array) -> jax.Array:
    del weights, byzantine
    return updates[0]


def negated(updates: jax.Array, weights: jax.Array, byzantine: jax.Array) -> jax.Array:
    del weights, byzantine
    return -updates


def number_told(updates: jax.Array, weights: jax.Array, byzantine: jax.Array) -> jax.Array:
    del updates, weights
    return byzantine


def test_rules_of_the_user_and_their_order() -> None:
    case = [9.0 - jnp.arange(15.0).reshape(5, 3), jnp.full(5, 0.2), jnp.int32(1)]
    rule = rules.get(f"{__name__}:negated+{__name__}:first_row")
    assert (rule(*case) == -case[0][0]).all()
    clipped = rules.get(f"clip+{__name__}:negated+{__name__}:first_row")(*case)
    assert (clipped == -rules.clip(*case)[0]).all()
    assert (clipped != -case[0][0]).all()


def test_same_name_same_function() -> None:
    assert rules.get("clip+nnm+trimmed_mean") is rules.get("clip+nnm+trimmed_mean")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("trimed_mean", "rule 'trimed_mean' is unknown; did you mean trimmed_mean"),
        ("clp+mean", "pre-step 'clp' is unknown; did you mean clip"),
        ("mean+clip", r"rule 'mean\+clip': 'mean' is a rule and comes last, after pre-steps"),
        ("clip", r"'clip' is a pre-step; put a rule after it: clip\+median"),
        ("nnm+clip", r"'clip' is a pre-step; put a rule after it: nnm\+clip\+median"),
        ("clip+", "empty"),
        ("", "empty"),
    ],
)
def test_unknown_rule(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        rules.get(name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "nodes", "byzantine", "message"),
    [
        ("krum", 8, 4, r"rule 'krum' needs 2 f < n, but f = 4 and n = 8"),
        ("clip+nnm+trimmed_mean", 3, 2, r"needs 2 f < n, but f = 2 and n = 3"),
        ("bucketing+median", 8, 2, r"needs 4 f < n, but f = 2 and n = 8"),
        ("median", 3, -1, r"f = -1"),
        ("mediam", 3, 1, r"did you mean median"),
    ],
)
def test_too_many_byzantine_nodes(name: str, nodes: int, byzantine: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rules.check(name, nodes, byzantine)


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ({}, "attack.byzantine_nodes"),
        ({"consensus.tolerated_nodes": 1}, "consensus.tolerated_nodes"),
    ],
)
def test_settings_behind_the_numbers_are_named(given: dict[str, object], source: str) -> None:
    scenario = config.load("tiny", {"consensus.rule": "bucketing+median", **given})
    with pytest.raises(ValueError, match="4 f < n") as error:
        parameters.build(scenario)
    said = f"but f = 1 and n = 4 (f is {source}, n is network.nodes)"
    assert str(error.value) == f"consensus.rule: rule 'bucketing+median' needs 4 f < n, {said}"


@pytest.mark.parametrize("name", [*rules.RULES, *(f"{step}+mean" for step in rules.PRE_STEPS)])
def test_no_rule_withstands_half_of_the_nodes(name: str) -> None:
    most = 2 if "bucketing" in name else 4
    updates, weights = jnp.arange(9.0).reshape(9, 1), jnp.full(9, 1 / 9)
    rules.check(name, 9, most)
    assert jnp.isfinite(rules.get(name)(updates, weights, jnp.int32(most))).all()
    with pytest.raises(ValueError, match=f"f = {most + 1} and n = 9"):
        rules.get(name)(updates, weights, jnp.int32(most + 1))


def test_traced_numbers_are_not_checked() -> None:
    case = jnp.arange(8.0).reshape(4, 2), jnp.full(4, 0.25)
    assert jnp.isfinite(jax.jit(rules.get("median"))(*case, jnp.int32(2))).all()


def test_after_bucketing_a_rule_is_set_for_the_spoiled_nodes() -> None:
    rule = jax.jit(rules.get(f"bucketing+{__name__}:number_told"))
    updates = jnp.zeros((10, 1))
    assert rule(updates, jnp.full(10, 0.1), 2) == 4
    # Four nodes would carry half and more: nothing would be left for a trimmed mean.
    assert rule(updates, jnp.array([0.2] * 3 + [0.4 / 7] * 7), 2) == 2
