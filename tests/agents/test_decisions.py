"""Finite decision processes: solved by hand, by enumeration, and what is refused."""

from itertools import product

import numpy as np
import pytest
from scipy import sparse

from ceas_agents.bounds import decision_process
from ceas_agents.bounds.decision_process import Process


def random_process(seed: int, num_states: int = 3, num_choices: int = 3) -> Process:
    """Every state with as many choices, all of which may end, in a random order."""
    rng = np.random.default_rng(seed)
    count = num_states * num_choices
    chances = rng.dirichlet(np.full(num_states + 1, 0.5), count)[:, :num_states]
    chances[chances < 0.1] = 0.0
    states = rng.permutation(np.repeat(np.arange(num_states), num_choices))
    return Process(sparse.csr_array(chances), rng.normal(size=count), states)


def policies(process: Process) -> list[np.ndarray]:
    """All of them."""
    states = range(process.shape[1])
    pairs = [np.flatnonzero(process.states == state) for state in states]
    return [np.array(policy) for policy in product(*pairs)]


def worth(process: Process, policy: np.ndarray, discount: float) -> np.ndarray:
    chances = discount * process.chances.toarray()[policy]
    return np.linalg.solve(np.eye(len(policy)) - chances, process.rewards[policy])


def by_hand(*rows: tuple[int, float, list[float]]) -> Process:
    """A process written by hand: state, reward and chances of each pair."""
    states, rewards, chances = zip(*rows, strict=True)
    return Process(sparse.csr_array(np.array(chances)), np.array(rewards), np.array(states))


# At 0, half of all tries at 1 end, and 3.5 end for sure; at 1, 5 end, and 1 leads back.
RISK = by_hand((0, -3.5, [0, 0]), (0, -1, [0, 0.5]), (1, -5, [0, 0]), (1, -1, [1, 0]))


def test_process_solved_by_hand() -> None:
    values, policy = decision_process.best(RISK)
    np.testing.assert_allclose(values, [-3, -4])
    np.testing.assert_array_equal(policy, [1, 3])
    discounted, policy = decision_process.best(RISK, discount=0.5)
    np.testing.assert_allclose(discounted, [-10 / 7, -12 / 7])
    np.testing.assert_array_equal(policy, [1, 3])


def test_horizon_solved_by_hand() -> None:
    values, policy = decision_process.finite_horizon(RISK, steps=3)
    np.testing.assert_allclose(values, [[-2, -2.5], [-1.5, -2], [-1, -1], [0, 0]])
    np.testing.assert_array_equal(policy, [[1, 3]] * 3)
    values, _ = decision_process.finite_horizon(RISK, steps=2, discount=0.5)
    np.testing.assert_allclose(values, [[-1.25, -1.5], [-1, -1], [0, 0]])


@pytest.mark.parametrize("discount", [1.0, 0.8])
@pytest.mark.parametrize("seed", range(20))
def test_best_of_all_policies(seed: int, discount: float) -> None:
    process = random_process(seed)
    worths = [worth(process, policy, discount) for policy in policies(process)]
    values, policy = decision_process.best(process, discount)
    np.testing.assert_allclose(values, np.max(worths, axis=0), rtol=1e-10)
    np.testing.assert_allclose(values, worth(process, policy, discount), rtol=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_every_policy_is_worth_what_dense_equations_say(seed: int) -> None:
    process = random_process(seed)
    for policy in policies(process):
        values = decision_process.evaluate(process, policy, 0.9)
        np.testing.assert_allclose(values, worth(process, policy, 0.9), rtol=1e-10)


@pytest.mark.parametrize("discount", [1.0, 0.8])
@pytest.mark.parametrize("seed", range(5))
def test_best_of_all_sequences_of_policies(seed: int, discount: float) -> None:
    process = random_process(seed, num_choices=2)
    chances, sums = process.chances.toarray(), []
    for sequence in product(policies(process), repeat=3):
        total = np.zeros(3)
        for policy in reversed(sequence):
            total = process.rewards[policy] + discount * chances[policy] @ total
        sums.append(total)
    values, policy = decision_process.finite_horizon(process, 3, discount)
    assert (values.shape, policy.shape) == ((4, 3), (3, 3))
    np.testing.assert_allclose(values[0], np.max(sums, axis=0), rtol=1e-12)


def test_long_horizon_has_the_values_without_one() -> None:
    process = random_process(0)
    values, policy = decision_process.finite_horizon(process, 2000)
    expected, stationary = decision_process.best(process)
    np.testing.assert_allclose(values[0], expected, rtol=1e-10)
    np.testing.assert_array_equal(policy[0], stationary)


def test_no_steps_are_worth_nothing() -> None:
    values, policy = decision_process.finite_horizon(RISK, 0)
    np.testing.assert_array_equal(values, [[0, 0]])
    assert policy.shape == (0, 2)


def test_free_waiting_does_not_put_off_the_end_for_ever() -> None:
    values, policy = decision_process.best(by_hand((0, 0, [1]), (0, 2, [0])))
    np.testing.assert_array_equal(values, [2])
    np.testing.assert_array_equal(policy, [1])


@pytest.mark.parametrize(
    ("process", "said"),
    [
        (by_hand((0, -1, [0, 0.5]), (1, -1, [0, 1])), "out of reach of state 1"),
        (by_hand((0, 1, [1]), (0, 1, [0])), "out of reach of state 0"),
        (by_hand((0, -1, [0.5, 0])), "every state must have a pair"),
        (by_hand((0, -1, [0.5]), (1, -1, [0.5])), "every pair a state"),
        (by_hand((0, -1, [1.5])), "not exceed 1"),
        (by_hand((0, -1, [-0.5])), "not be negative"),
        (by_hand((0, float("nan"), [0.5])), "rewards must be finite"),
        (RISK._replace(rewards=np.zeros(3)), "of the same pairs"),
    ],
)
def test_processes_without_an_answer_are_refused(process: Process, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decision_process.best(process)


def test_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="discount must be in"):
        decision_process.best(RISK, discount=0.0)
    with pytest.raises(ValueError, match="steps must be at least 0, but is -1"):
        decision_process.finite_horizon(RISK, -1)
    with pytest.raises(ValueError, match="a pair of each state, in order"):
        decision_process.evaluate(RISK, np.array([3, 1]))
    with pytest.raises(ValueError, match="out of reach"):
        decision_process.evaluate(by_hand((0, -1, [1]), (0, -1, [0])), np.array([0]))
