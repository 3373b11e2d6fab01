"""What the hub believes of a link that behaves as no condition of it allows."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from network import built, of_windows

from ceas_gym.network import conditions
from ceas_gym.types import Network

advance = of_windows.compiled
SURE = 1e-300
"""How seldom a link fails that hardly ever does."""
MARKOV = {"links": "markov", "good_s": 64, "degraded_s": 32, "down_s": 16}


def network(success: float, **settings: Any) -> Network:
    """Returns one node whose attempts succeed with this probability in good order."""
    hardware = {"scheme": "explicit", "success_probability": success, "initial_fidelity": 0.9}
    return built.build(hardware, nodes=1, conditions=settings)


def believed(network: Network, prior: list[float], heralded: int, failed: int) -> np.ndarray:
    """Returns the belief of the next round after a round with such outcomes."""
    now = replace(conditions.steady(network), belief=jnp.array([prior]))
    tried, pairs = (jnp.full((1, 1, 1), n, jnp.int32) for n in (heralded + failed, heralded))
    after = advance(network, now, tried, pairs, 0, 8, True, jax.random.key(0))
    return np.asarray(after.belief[0], float)


def limit(network: Network, prior: list[float], heralded: int, failed: int) -> np.ndarray:
    """Returns the same by Bayes' rule, where what never fails does so with probability `SURE`."""
    rate = np.asarray(network.condition_model.rate, float) * float(
        network.generation.success_probability[0, 0]
    )
    with np.errstate(divide="ignore"):
        logarithm = np.log(prior) + failed * np.log(np.maximum(1 - rate, SURE))
        logarithm += heralded * np.log(rate) if heralded else 0
    posterior = np.exp(logarithm - logarithm.max())
    return posterior / posterior.sum() @ np.asarray(network.condition_model.transition[1], float)


def test_a_sure_link_that_fails_is_still_good_where_links_are_steady() -> None:
    sure = network(1.0)
    for heralded, failed in ((0, 1), (3, 1), (50, 50), (0, 10**7)):
        assert believed(sure, [1.0, 0.0, 0.0], heralded, failed).tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(("heralded", "failed"), [(0, 0), (5, 0), (0, 5), (1, 1), (40, 60)])
@pytest.mark.parametrize("success", [1.0, 0.2])
@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_belief_is_bayes_rule_in_the_limit_of_sure_links(
    rate: float, success: float, heralded: int, failed: int
) -> None:
    changing = network(success, **MARKOV, degraded_rate=rate)
    for prior in ([0.5, 0.3, 0.2], [0.9, 0.1, 0.0], [1.0, 0.0, 0.0]):
        got = believed(changing, prior, heralded, failed)
        assert got == pytest.approx(limit(changing, prior, heralded, failed), abs=1e-6)


def test_what_can_be_under_no_condition_teaches_nothing() -> None:
    dead = network(1.0, **MARKOV, degraded_rate=0.0)
    prior = np.array([0.0, 0.5, 0.5])
    got = believed(dead, prior.tolist(), 3, 4)
    assert got == pytest.approx(prior @ np.asarray(dead.condition_model.transition[1]), abs=1e-6)
