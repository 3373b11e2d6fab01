"""Counts of an episode, which no number of 32 bits has to hold."""

from dataclasses import replace

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.comparison import requests
from hypothesis import given, settings

from ceas_gym.jax_utils import tally
from ceas_gym.types import Params, State

add, share = jax.jit(tally.add), jax.jit(tally.share)
numbers = st.integers(0, 2**30) | st.sampled_from([0, 1, 2**30 - 1, 2**30])


def count(words: jax.Array) -> int:
    upper, lower = np.asarray(words).tolist()
    return upper * 2**30 + lower


@settings(derandomize=True, deadline=None, max_examples=50)
@given(added=st.lists(numbers, max_size=40))
def test_a_tally_is_the_sum_of_what_was_added(added: list[int]) -> None:
    total = tally.zero()
    for number in added:
        total = add(total, number)
    assert count(total) == sum(added)
    assert total.dtype == jnp.int32


@settings(derandomize=True, deadline=None, max_examples=50)
@given(part=st.integers(0, 2**59), more=st.integers(0, 2**59))
def test_a_share_is_right_to_the_last_bits(part: int, more: int) -> None:
    words = (jnp.array(divmod(number, 2**30), jnp.int32) for number in (part, part + more))
    assert float(share(*words)) == pytest.approx(part / max(part + more, 1), rel=3e-7)


@pytest.mark.parametrize("before", [0, 2**24, 2**31 - 2, 2**32, 10**12])
def test_utilization_is_right_after_any_number_of_pairs(
    params: Params, start: State, step, before: int
) -> None:
    """Half of the pairs before this round were useful."""
    useful, generated = (jnp.array(divmod(n, 2**30), jnp.int32) for n in (before // 2, before))
    now = replace(start, useful=useful, generated=generated)
    after, timestep = step(params, now, requests(1, 3, 6))
    made = int(timestep.metrics["pairs_generated"])
    worked = int(timestep.metrics["pairs_spent"] + timestep.metrics["pairs_keyed"])
    worked -= int(timestep.metrics["pairs_wasted"])
    assert made > worked > 0
    assert count(after.generated) == before + made
    assert count(after.useful) == before // 2 + worked
    utilization = (before // 2 + worked) / (before + made)
    assert timestep.metrics["utilization"] == pytest.approx(utilization, rel=1e-6)
    assert timestep.observation.network[8] == pytest.approx(utilization, rel=1e-6)
