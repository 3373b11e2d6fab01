"""Where the Byzantine nodes sit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import adversaries

from ceas_gym.consensus import placement
from ceas_gym.scenario import AttackSettings
from ceas_gym.types import Adversary

QUALITY = jnp.array([3.0, 9.0, 0.0, 7.0, 1.0, 8.0])
choose = jax.jit(placement.choose)


def coalition(where: str, bad: int) -> Adversary:
    return adversaries.build_adversary(
        AttackSettings.model_validate({"placement": where, "byzantine_nodes": bad}), rounds=10
    )


@pytest.mark.parametrize("where", sorted(placement.PLACEMENTS))
@pytest.mark.parametrize("bad", [0, 1, 3, 6])
def test_as_many_as_asked_for(where: str, bad: int) -> None:
    for seed in range(5):
        chosen = choose(coalition(where, bad), jax.random.key(seed), QUALITY)
        assert int(chosen.sum()) == bad


@pytest.mark.parametrize(
    ("where", "expected"), [("best_links", [1, 5, 3]), ("worst_links", [2, 4, 0])]
)
def test_order_of_the_links(where: str, expected: list[int]) -> None:
    for bad in (1, 2, 3):
        chosen = choose(coalition(where, bad), jax.random.key(0), QUALITY)
        assert np.flatnonzero(chosen).tolist() == sorted(expected[:bad])


@pytest.mark.parametrize("where", ["best_links", "worst_links"])
def test_equal_links_still_give_the_right_number(where: str) -> None:
    chosen = choose(coalition(where, 2), jax.random.key(0), jnp.ones(6))
    assert int(chosen.sum()) == 2


def test_random_places_are_uniform_and_ignore_the_links() -> None:
    keys = jax.random.split(jax.random.key(0), 4000)
    many = jax.jit(jax.vmap(placement.choose, in_axes=(None, 0, None)))
    chosen = np.asarray(many(coalition("random", 2), keys, QUALITY))
    error = np.sqrt(1 / 3 * 2 / 3 / len(keys))
    assert (np.abs(chosen.mean(axis=0) - 1 / 3) <= 4 * error).all()
    # All pairs of nodes are as likely: 2 * 1 / (6 * 5) each.
    together = (chosen[:, :, None] & chosen[:, None, :]).mean(axis=0)[np.triu_indices(6, 1)]
    assert (np.abs(together - 1 / 15) <= 4 * np.sqrt(14 / 225 / len(keys))).all()
