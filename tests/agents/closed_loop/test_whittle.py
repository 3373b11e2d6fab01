"""The Whittle index of age against its decision process, and the knapsack against all sets."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, seen

from ceas_agents.policies.closed_loop import prospects, whittle

OLDEST = 400
knapsack = jax.jit(whittle.knapsack, static_argnums=2)


def charge_of_indifference(age, chance):
    """Returns the charge for service at which serving a request of this age is as good as idling.

    The decision process of one request: its age grows by one in a slot, or falls to one if it is
    served and succeeds. What is to be small is the mean of the age, plus the charge when served.
    Serving from age h on is optimal for some h. Its cost, by renewal: the request waits h slots,
    and then for a geometric number of slots n, in which it is served.
    """
    law = chance * (1 - chance) ** np.arange(OLDEST)
    served = np.arange(1, OLDEST + 1)

    def cost(first, charge):
        # The ages run from 1 to the length of the cycle.
        length = first - 1 + served
        return law @ (length * (length + 1) / 2 + charge * served) / (law @ length)

    low, high = 0.0, 1e5
    for _ in range(60):
        charge = (low + high) / 2
        waits_longer = cost(age + 1, charge) < cost(age, charge)
        low, high = (low, charge) if waits_longer else (charge, high)
    return low


@pytest.mark.parametrize("chance", [0.3, 0.7, 1.0])
@pytest.mark.parametrize("age", [1, 2, 5, 11])
def test_index_is_the_charge_of_indifference(age, chance):
    index = float(whittle.index(jnp.float32(age), jnp.float32(chance)))
    assert index == pytest.approx(charge_of_indifference(age, chance), rel=1e-3)


def test_knapsack_takes_the_best_of_all_sets():
    random = np.random.default_rng(0)
    for _ in range(20):
        value = random.uniform(0, 10, 8).astype(np.float32)
        cost = random.integers(0, 12, 8).astype(np.int32)
        sets = np.array(list(itertools.product([False, True], repeat=8)))
        best = value @ sets.T[:, sets @ cost <= 20]
        taken = np.asarray(knapsack(value, cost, 20))
        assert cost[taken].sum() <= 20
        assert value[taken].sum() == pytest.approx(best.max(), rel=1e-5)


def test_old_requests_are_served_first(looped, start):
    """Two old requests fit into the window; a third, slow one does not, though it is a bit old."""
    asking = seen.nodes(start, silence=[1, 0, 0, 0, 1, 0.1], key_rate=0.3)
    action = np.asarray(compiled.compiled(whittle.whittle)(looped, asking, jax.random.key(0)))
    found = compiled.compiled(prospects.assess)(looped.network, asking)
    need = np.asarray(compiled.compiled(prospects.time_needed)(found))
    assert need[[0, 4]].sum() < 2 < need[[0, 4, 5]].sum()
    asked = (action[:-1] + 1) / 2
    assert (asked[[0, 4]] >= need[[0, 4]] - 1e-4).all()
    assert asked[5] == pytest.approx(0, abs=1e-6)
