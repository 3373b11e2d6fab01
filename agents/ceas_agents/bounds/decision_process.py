"""Optimal policies of finite Markov decision processes, by sparse linear algebra."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.sparse.linalg import splu

ROUNDING = 1e-12
"""Chances of ending, and relative gains of another choice, up to this size count as zero."""
Values = Float[np.ndarray, " states"]
"""Expected sum of rewards from each state on."""
Policy = Int[np.ndarray, " states"]
"""Index of the state-action pair that is chosen in each state."""


class Process(NamedTuple):
    """A finite Markov decision process; here a pair is a state-action pair."""

    chances: sparse.csr_array
    """Probability of each next state after each pair, shape (pairs, states). The rows may sum to
    less than 1: the rest is the probability that the process ends, after which nothing is earned.
    """
    rewards: Float[np.ndarray, " pairs"]
    """Expected reward of each pair; finite."""
    states: Int[np.ndarray, " pairs"]
    """Index of the state of each pair."""

    @property
    def shape(self) -> tuple[int, int]:
        """Returns the shape of `chances`: the numbers of pairs and of states."""
        shape = self.chances.shape
        assert shape is not None
        return shape


def best(process: Process, discount: float = 1.0) -> tuple[Values, Policy]:
    """Returns the largest expected sums of rewards until the end, and a policy that attains them.

    Policy iteration: the linear equations give the values of a policy exactly, and a state changes
    to another pair only if that gains something. Without discount, the first policy and all later
    ones end with probability one.

    Args:
        process: The process. Without discount, every state must be able to reach the end, and a
            policy that never ends must not earn more than one that does.
        discount: Factor on rewards for each later step, in (0, 1].

    Returns:
        Values of shape (states,) and the index of the pair that is chosen in each state.

    Raises:
        ValueError: If an argument is out of range, or a state can't reach the end.

    Source:
        Bertsekas and Tsitsiklis, An analysis of stochastic shortest path problems, Mathematics of
        Operations Research 16, 580 (1991).

    Example:
        Half of all attempts at a price of 2 succeed, and one in eight at a price of 1.
        >>> chances = sparse.csr_array([[0.5], [0.875]])
        >>> best(Process(chances, np.array([-2.0, -1.0]), np.array([0, 0])))
        (array([-4.]), array([0]))
    """
    _check(process, discount)
    policy = _ending(process) if discount == 1 else _greedy(process, process.rewards)
    total = -np.inf
    # In exact arithmetic the sum rises until the policy no longer changes; there are finitely many
    # policies, so the loop ends.
    while (values := evaluate(process, policy, discount)).sum() > total:
        total = values.sum()
        policy = _improved(process, policy, _gains(process, values, discount))
    return values, policy


def evaluate(process: Process, policy: Policy, discount: float = 1.0) -> Values:
    """Returns the expected sums of rewards under a policy, from each state until the end.

    Args:
        process: The process.
        policy: For each state, the index of one of its pairs.
        discount: Factor on rewards for each later step, in (0, 1].

    Raises:
        ValueError: If an argument is out of range, or the policy never ends from some state and
            there is no discount.

    Source:
        Bellman's equations of a fixed policy, solved by sparse LU decomposition.
    """
    _check(process, discount)
    if not np.array_equal(process.states[policy], np.arange(process.shape[1])):
        raise ValueError("policy must choose a pair of each state, in order")
    chances, rewards = process.chances[policy], process.rewards[policy]
    if discount == 1:
        _ending(Process(chances, rewards, np.arange(len(policy))))
    stayed = sparse.eye_array(len(policy), format="csc") - discount * chances.tocsc()
    return splu(stayed).solve(rewards)


def finite_horizon(
    process: Process, steps: int, discount: float = 1.0
) -> tuple[Float[np.ndarray, "steps+1 states"], Int[np.ndarray, "steps states"]]:
    """Returns the largest expected sums of rewards from each step on, and a policy for each step.

    Backward induction: the last row of the values is zero, because no step is left.

    Args:
        process: The process; it need not end by itself.
        steps: Number of choices; at least 0.
        discount: Factor on rewards for each later step, in (0, 1].

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Bellman, Dynamic Programming, 1957.

    Example:
        >>> chances = sparse.csr_array([[1.0], [0.0]])
        >>> stay_or_leave = Process(chances, np.array([1.0, 1.5]), np.array([0, 0]))
        >>> values, policy = finite_horizon(stay_or_leave, steps=2)
        >>> values.ravel(), policy.ravel()
        (array([2.5, 1.5, 0. ]), array([0, 1]))
    """
    _check(process, discount)
    if steps < 0:
        raise ValueError(f"steps must be at least 0, but is {steps}")
    values = np.zeros((steps + 1, process.shape[1]))
    policy = np.zeros((steps, process.shape[1]), dtype=int)
    for step in reversed(range(steps)):
        gains = _gains(process, values[step + 1], discount)
        policy[step] = _greedy(process, gains)
        values[step] = gains[policy[step]]
    return values, policy


def _gains(process: Process, values: Values, discount: float) -> np.ndarray:
    # Reward of each pair, plus the expected rewards after it.
    return process.rewards + discount * (process.chances @ values)


def _greedy(process: Process, gains: np.ndarray) -> Policy:
    # The best pair of each state; of equally good ones, the first.
    order = np.lexsort((-gains, process.states))
    return order[np.searchsorted(process.states[order], np.arange(process.shape[1]))]


def _improved(process: Process, policy: Policy, gains: np.ndarray) -> Policy:
    # Of equally good pairs the present one is kept: another might never end.
    other = _greedy(process, gains)
    slack = ROUNDING * np.abs(gains).max()
    return np.where(gains[other] > gains[policy] + slack, other, policy)


def _ending(process: Process) -> Policy:
    # A policy that ends: each chosen pair leads nearer to the end with positive probability.
    ends = process.chances.sum(axis=1) < 1 - ROUNDING
    policy = np.full(process.shape[1], -1)
    while (policy < 0).any():
        nearer = np.flatnonzero(ends | (process.chances @ (policy >= 0.0) > 0))
        fresh = nearer[policy[process.states[nearer]] < 0]
        if not fresh.size:
            raise ValueError(f"the end is out of reach of state {np.argmin(policy)}")
        policy[process.states[fresh]] = fresh
    return policy


def _check(process: Process, discount: float) -> None:
    chances, rewards, states = process
    if not 0 < discount <= 1:
        raise ValueError(f"discount must be in (0, 1], but is {discount}")
    if not len(rewards) == len(states) == process.shape[0]:
        raise ValueError("chances, rewards and states must be of the same pairs")
    if not np.array_equal(np.unique(states), np.arange(process.shape[1])):
        raise ValueError("every state must have a pair, and every pair a state")
    if not np.isfinite(rewards).all():
        raise ValueError("rewards must be finite")
    if not ((chances.data >= 0).all() and (chances.sum(axis=1) <= 1 + ROUNDING).all()):
        raise ValueError("chances must not be negative, and those of a pair not exceed 1 together")
