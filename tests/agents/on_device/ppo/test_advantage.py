"""Advantages are those of a slow loop, which sums differences until an episode ends."""

import jax
import numpy as np
import pytest

from ceas_agents.training.on_device.ppo.advantage import advantages

STEPS, ROWS = 7, 5
compute = jax.jit(advantages)


def slow(rewards, values, ended, last, discount, decay):
    """The sum of later differences, from every step anew."""
    result = np.zeros_like(rewards)
    following = np.concatenate([values[1:], last[None]])
    for row in range(rewards.shape[1]):
        for first in range(len(rewards)):
            factor = 1.0
            for step in range(first, len(rewards)):
                expected = 0 if ended[step, row] else discount * following[step, row]
                difference = rewards[step, row] + expected - values[step, row]
                result[first, row] += factor * difference
                if ended[step, row]:
                    break
                factor *= discount * decay
    return result


@pytest.mark.parametrize(("discount", "decay"), [(0.9, 0.8), (1.0, 1.0), (0.9, 0.0), (0.0, 0.5)])
def test_advantages_are_those_of_a_slow_loop(discount, decay):
    random = np.random.default_rng(0)
    rewards, values = random.normal(size=(2, STEPS, ROWS)).astype(np.float32)
    last = random.normal(size=ROWS).astype(np.float32)
    ended = random.random((STEPS, ROWS)) < 0.3
    given = (rewards, values, ended, last, discount, decay)
    np.testing.assert_allclose(compute(*given), slow(*given), atol=1e-5)


def test_without_decay_of_later_differences_they_are_returns_less_values():
    rewards, values = np.ones((3, 1), np.float32), np.full((3, 1), 0.5, np.float32)
    never = np.zeros((3, 1), bool)
    found = compute(rewards, values, never, np.array([4.0], np.float32), 1.0, 1.0)
    np.testing.assert_allclose(found[:, 0], [6.5, 5.5, 4.5])
