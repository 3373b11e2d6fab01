"""Environments where JAX has been told to use 64 bits: the same shapes, and nothing mixed up."""

import jax
import numpy as np
import pytest

from ceas_gym.envs.env import CEASEnv
from ceas_gym.envs.vector_env import CEASVectorEnv

ROUNDS = 3
FATES = ("spent", "keyed", "expired", "blocked", "sacrificed", "tested", "stored")
ROUTED = {
    "network.graph": {"hub": "H", "relays": ["R"], "edges": [["H", "R", 1], ["R", "A", 1]]},
    "attack.byzantine_nodes": 0,
    "episode.rounds": ROUNDS,
}


@pytest.fixture(scope="module")
def played():
    """All that is returned in an episode whose numbers have 64 bits."""
    with jax.enable_x64(True):
        env = CEASEnv("tiny", overrides=ROUTED)
        first = env.reset(seed=0)
        return first, [env.step(np.ones((4, 1), np.float32)) for _ in range(ROUNDS)]


def test_an_episode_in_64_bits_is_sound(played):
    (seen, _), steps = played
    stored = 0.0
    for number, (after, reward, terminated, _, info) in enumerate(steps):
        for part in seen.values():
            assert part.dtype == np.float32
            assert ((part >= 0) & (part <= 1)).all()
        assert seen["network"][0] == pytest.approx(number / ROUNDS)
        parts = sum(info[f"pairs_{fate}"] for fate in FATES)
        assert stored + info["pairs_generated"] == parts > 0
        assert 0 <= info["utilization"] <= 1
        assert np.isfinite(reward)
        assert terminated == (number == ROUNDS - 1)
        seen, stored = after, info["pairs_stored"]


def test_a_row_of_a_batch_in_64_bits_is_the_single_environment(played):
    with jax.enable_x64(True):
        envs = CEASVectorEnv(1, "tiny", overrides=ROUTED)
        first, _ = envs.reset(seed=0)
        rows = [envs.step(np.ones((1, 4, 1), np.float32)) for _ in range(ROUNDS)]
    pairs = [(played[0][0], first), *((a[0], b[0]) for a, b in zip(played[1], rows, strict=True))]
    for alone, row in pairs:
        for name, part in alone.items():
            assert row[name][0] == pytest.approx(part, abs=1e-5)
