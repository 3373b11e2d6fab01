"""Actions that last: rewards add up, episodes end as they should, and CEAS goes on beneath."""

from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode
from helpers import probes

from ceas_agents.policies.ceas import ceas
from ceas_agents.wrappers import ActionRepeat, Residual
from ceas_gym.envs.dispatch import CEASDispatchVectorEnv
from ceas_gym.envs.vector_env import CEASVectorEnv

ROUNDS = {"episode.rounds": 4}
NOTHING = np.zeros((2, 4, 4), np.float32)


def batch(mode: AutoresetMode = AutoresetMode.SAME_STEP) -> Any:
    return CEASVectorEnv(2, "tiny", overrides=ROUNDS, autoreset_mode=mode)


def assert_same(step: Any, rounds: list[Any]) -> None:
    """Asserts that a step is its rounds: their rewards together, and all else of the last one."""
    np.testing.assert_allclose(step[1], sum(one[1] for one in rounds), atol=1e-6)
    found, expected = ([one[0], *one[2:]] for one in (step, rounds[-1]))
    assert data_equivalence(found, expected, exact=True)


@pytest.mark.parametrize("rounds", [1, 2, 4])
def test_same_as_the_action_again_and_again(rounds):
    repeated, plain = ActionRepeat(batch(), rounds), batch()
    repeated.reset(seed=7)
    plain.reset(seed=7)
    random = np.random.default_rng(0)
    for _ in range(8 // rounds):
        action = random.uniform(-1, 1, (2, 4, 4)).astype(np.float32)
        assert_same(repeated.step(action), [plain.step(action) for _ in range(rounds)])


@pytest.mark.parametrize("mode", AutoresetMode)
def test_no_round_of_an_episode_is_lost(mode):
    """Three rounds, then the one that is left, and so in the next episode, however it begins."""
    repeated, plain = ActionRepeat(batch(mode), 3), batch(mode)
    ends = {"reset_mask": np.ones(2, bool)}
    for envs in (repeated, plain):
        envs.reset(seed=7)
    for _ in range(2):
        for rounds in (3, 1):
            assert_same(repeated.step(NOTHING), [plain.step(NOTHING) for _ in range(rounds)])
        assert plain._ended.all() == (mode is not AutoresetMode.SAME_STEP)
        if mode is AutoresetMode.NEXT_STEP:
            assert_same(repeated.step(NOTHING), [plain.step(NOTHING)])
        if mode is AutoresetMode.DISABLED:
            found, expected = (envs.reset(options=ends) for envs in (repeated, plain))
            assert data_equivalence(found, expected, exact=True)


def test_an_end_cuts_the_step_of_rows_that_are_not_in_step():
    envs = ActionRepeat(probes.Probe(probes.LADDER["delay"], 2), 2)
    envs.reset(seed=0)
    for ended in ([False, True], [True, False], [False, True]):
        _, rewards, terminated, _, info = envs.step(np.zeros(2, int))
        assert terminated.tolist() == ended
        assert rewards.tolist() == [float(end) for end in ended]
        assert info["_final_obs"].tolist() == ended


def test_after_a_reset_by_hand_no_step_is_cut():
    envs = ActionRepeat(batch(AutoresetMode.NEXT_STEP), 4)
    envs.reset(seed=7)
    assert envs.step(NOTHING)[2].all()
    envs.reset()
    assert envs.step(NOTHING)[2].all()


def test_what_a_residual_adds_is_kept_while_ceas_goes_on(monkeypatch):
    played, inner = [], batch()
    step = inner.step
    monkeypatch.setattr(inner, "step", lambda actions: (played.append(actions), step(actions))[1])
    repeated = ActionRepeat(Residual(inner, ceas), 4)
    first = repeated.reset(seed=7)[0]["base"]
    added = np.full((2, 4, 4), 0.3, np.float32)
    repeated.step(first + added)
    assert len(played) == 4
    np.testing.assert_allclose(played[0], np.clip(first + added, -1, 1), atol=1e-6)
    assert any(np.abs(action - played[0]).max() > 1e-3 for action in played[1:])
    assert all((action >= -1 + 0.3 - 1e-6).all() and (action <= 1).all() for action in played)


def test_a_choice_is_made_for_all_its_rounds():
    mode = AutoresetMode.SAME_STEP
    repeated, plain = (
        wrap(CEASDispatchVectorEnv(2, "tiny", overrides=ROUNDS, autoreset_mode=mode))
        for wrap in (lambda envs: ActionRepeat(envs, 2), lambda envs: envs)
    )
    repeated.reset(seed=7)
    plain.reset(seed=7)
    choices = np.array([2, 5])
    steps = [plain.step(choices) for _ in range(2)]
    np.testing.assert_array_equal(repeated.step(choices)[0], steps[-1][0])


def test_no_rounds_are_refused():
    with pytest.raises(ValueError, match="`rounds` must be 1 or more, but is 0"):
        ActionRepeat(batch(), 0)
