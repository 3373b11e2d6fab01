"""Adaptive cut-offs: the order that the source tells of, a longer queue for a lower fidelity."""

import jax
import numpy as np
import pytest
from helpers import compiled, seen

from ceas_agents.policies.closed_loop import cutoffs, prospects

act = compiled.compiled(cutoffs.adaptive_cutoff)
assess = compiled.compiled(prospects.assess)


@jax.jit
def cutoff(params, observation, cadence):
    found = prospects.assess(params.network, observation)
    return cutoffs.cutoff(params, observation, found, cadence)


def waiting(observation, params, windows):
    return seen.hub(observation, waited=windows / float(params.network.most_windows))


def test_cutoff_grows_with_the_queue_up_to_the_lifetime(looped, start):
    ages = np.array([cutoff(looped, waiting(start, looped, w), 4.0) for w in (0, 3, 7, 30)])
    found = assess(looped.network, start)
    lifetime = np.asarray((found.worth > 0).sum(axis=0))
    assert (np.diff(ages, axis=0) >= 0).all()
    assert (ages[0] >= 1).all()
    assert ages[1] == pytest.approx(np.clip(lifetime / 2, 1, lifetime), rel=1e-5)
    assert (ages[-1] == lifetime).all()


def test_an_overdue_barrier_makes_do_with_older_pairs(looped, start):
    """One window old: too old at first, good enough later. That trades fidelity for capacity."""
    ready = seen.stocked(start, looped, shots=30)
    contraction = np.asarray(ready.nodes[:, seen.COLUMN["new_contraction"]])
    survival = np.asarray(ready.nodes[:, seen.COLUMN["survival"]])
    old = seen.nodes(ready, stored_contraction=contraction * survival)
    assert set(np.asarray(assess(looped.network, old).age).tolist()) <= {1, 2}
    fires = [
        float(act(looped, waiting(old, looped, windows), jax.random.key(0), cadence=2.0)[-1]) > 0
        for windows in (0, 12)
    ]
    assert fires == [False, True]


def test_fresh_pairs_need_not_wait(looped, start):
    ready = waiting(seen.stocked(start, looped, shots=30), looped, 1)
    assert float(act(looped, ready, jax.random.key(0), cadence=4.0)[-1]) > 0
