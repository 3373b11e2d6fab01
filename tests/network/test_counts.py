"""Counts of pairs by age against lists of single pairs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceas_gym.network import counts

take = jax.jit(counts.take, static_argnames="oldest_first")
age, admit, shift = jax.jit(counts.age), jax.jit(counts.admit), jax.jit(counts.shift)
AGES = 6
some_pairs = st.lists(st.integers(0, 5), min_size=AGES, max_size=AGES)
few = settings(derandomize=True, deadline=None, max_examples=60)


def ages_of(pairs: list[int]) -> list[int]:
    """The age of each pair, the youngest first."""
    return [age for age, count in enumerate(pairs) for _ in range(count)]


def by_age(ages: list[int]) -> list[int]:
    return np.bincount(np.array(ages, int), minlength=AGES).tolist()


def test_fidelity_is_the_share_of_the_wanted_bell_state() -> None:
    # Phi+ has +1 for XX and ZZ and, up to the sign that the letters leave out, for YY.
    phi = np.array([1, 0, 0, 1]) / np.sqrt(2)
    state = 0.7 * np.outer(phi, phi) + 0.3 * np.diag([0, 1, 0, 0])
    x, z = np.array([[0, 1], [1, 0]]), np.diag([1, -1])
    y = 1j * x @ z
    letters = [np.trace(state @ np.kron(p, p)).real * s for p, s in ((x, 1), (y, -1), (z, 1))]
    assert float(counts.fidelity(jnp.array(letters))) == pytest.approx(phi @ state @ phi, abs=1e-6)


@few
@given(pairs=some_pairs, alive=st.lists(st.booleans(), min_size=AGES, max_size=AGES))
def test_pairs_grow_older_by_one_and_expire_when_their_new_age_is_not_alive(
    pairs: list[int], alive: list[bool]
) -> None:
    older = [age + 1 for age in ages_of(pairs)]
    kept = [age for age in older if age < AGES and alive[age]]
    left, expired = age(jnp.array(pairs), jnp.array(alive))
    assert left.tolist() == by_age(kept)
    assert int(expired) == len(older) - len(kept)


def test_shift_drops_the_oldest_of_every_row() -> None:
    pairs = jnp.array([[[1, 2, 3], [4, 5, 6]]])
    assert shift(pairs).tolist() == [[[0, 1, 2], [0, 4, 5]]]


@few
@given(pairs=some_pairs, new=st.integers(0, 40), memories=st.integers(30, 50))
def test_new_pairs_fill_the_free_memories_and_the_rest_is_blocked(
    pairs: list[int], new: int, memories: int
) -> None:
    stored, blocked = admit(jnp.array(pairs), jnp.array(new), jnp.int32(memories))
    fits = min(new, memories - sum(pairs))
    assert stored.tolist() == [pairs[0] + fits, *pairs[1:]]
    assert int(blocked) == new - fits


def test_full_memory_blocks_the_new_pairs_and_keeps_the_old() -> None:
    pairs = jnp.array([[0, 3, 2], [0, 5, 0], [4, 0, 0]])
    stored, blocked = admit(pairs, jnp.array([1, 7, 2]), jnp.int32(5))
    assert stored.tolist() == [[0, 3, 2], [0, 5, 0], [5, 0, 0]]
    assert blocked.tolist() == [1, 7, 1]


@few
@given(pairs=some_pairs, amount=st.integers(0, 40), oldest_first=st.booleans())
def test_taking_exhausts_an_age_before_the_next(
    pairs: list[int], amount: int, oldest_first: bool
) -> None:
    taken = take(jnp.array([pairs]), jnp.array([amount]), oldest_first=oldest_first)[0].tolist()
    assert taken == by_age(sorted(ages_of(pairs), reverse=oldest_first)[:amount])
