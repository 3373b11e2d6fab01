"""Our rules beside those of byzfl on random updates, where it is installed."""

import importlib
import importlib.util
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from ceas_gym.consensus import rules
from ceas_gym.consensus.rules import location

NODES, SIZE, BAD = 13, 5, 3

# Elsewhere there is nothing to collect here; the golden numbers of `test_rules` remain.
if importlib.util.find_spec("byzfl"):
    byzfl: Any = importlib.import_module("byzfl")
    THEIRS: dict[str, Any] = {
        "mean": lambda x: byzfl.Average()(x),
        "median": lambda x: byzfl.Median()(x),
        "trimmed_mean": lambda x: byzfl.TrMean(BAD)(x),
        "geometric_median": lambda x: byzfl.GeometricMedian(nu=1e-9, T=2000)(x),
        "krum": lambda x: byzfl.Krum(BAD)(x),
        "multi_krum": lambda x: byzfl.MultiKrum(BAD)(x),
        "nnm+trimmed_mean": lambda x: byzfl.TrMean(BAD)(byzfl.NNM(BAD)(x)),
        "nnm+krum": lambda x: byzfl.Krum(BAD)(byzfl.NNM(BAD)(x)),
    }

    def random_updates(seed: int) -> NDArray[np.float64]:
        updates = np.random.default_rng(seed).normal(size=(NODES, SIZE))
        updates[:BAD] += 2
        return updates

    @pytest.mark.usefixtures("exact")
    @pytest.mark.parametrize("name", THEIRS)
    def test_equals_byzfl(name: str) -> None:
        rule = jax.jit(rules.get(name))
        for seed in range(5):
            updates = random_updates(seed)
            found = rule(jnp.asarray(updates), jnp.full(NODES, 1 / NODES), jnp.int32(BAD))
            # Clipping and others of theirs write to their input.
            assert np.asarray(found) == pytest.approx(THEIRS[name](updates.copy()), abs=1e-8)

    @pytest.mark.usefixtures("exact")
    @pytest.mark.parametrize("steps", [1, 3])
    def test_clipping_about_zero_equals_byzfl(steps: int) -> None:
        updates = random_updates(0)
        equal, zero = jnp.full(NODES, 1 / NODES), jnp.zeros(SIZE)
        found = location.centre(jnp.asarray(updates), equal, zero, jnp.float64(0.7), steps)
        expected = byzfl.CenteredClipping(L=steps, tau=0.7)(updates.copy())
        assert np.asarray(found) == pytest.approx(expected, abs=1e-8)
