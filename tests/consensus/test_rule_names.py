"""Rules and their steps by name."""

import jax
import jax.numpy as jnp
import pytest

from ceas_gym.consensus import rules


def first_row(updates: jax.Array, weights: jax.Array, byzantine: jax.Array) -> jax.Array:
    del weights, byzantine
    return updates[0]


def negated(updates: jax.Array, weights: jax.Array, byzantine: jax.Array) -> jax.Array:
    del weights, byzantine
    return -updates


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
        ("mean+clip", "unknown"),
        ("clip+", "empty"),
        ("", "empty"),
    ],
)
def test_unknown_rule(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        rules.get(name)
    assert "\n" not in str(error.value)
