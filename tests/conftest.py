"""What several modules share: a tiny scenario, one key, and one compilation of the step."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import pytest
from helpers import compiled
from helpers.compilations import (
    pytest_collection_modifyitems as pytest_collection_modifyitems,
)
from helpers.compilations import pytest_sessionfinish as pytest_sessionfinish
from helpers.compilations import pytest_terminal_summary as pytest_terminal_summary
from helpers.compilations import pytest_testnodedown as pytest_testnodedown

from ceas_gym import parameters
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params, State

Step = Callable[..., Any]
MAPS = Path("/proc/self/maps")
"""What Linux maps into memory, a line each: by default 65,530 at most."""
MANY = 15_000
COMPILED = Path(__file__).parent.parent / ".pytest_cache" / "jax"
"""Compiled programs of all workers, of processes that tests start, and of earlier runs."""

QUICK = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
"""Compiles in a quarter of the time. What is tested runs a few rounds only, and most of a test
would be waiting for a compiler. `test_first_contact.py` runs what users run."""

os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {QUICK}".strip()
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(COMPILED))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")
jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


gc.set_threshold(100_000, 50, 100)


def pytest_collection_finish() -> None:
    """Leaves alone what is imported: to look through it again and again takes a tenth of a run."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def few_programs() -> Iterator[None]:
    """Drops compiled programs before there are too many: each maps memory, and XLA crashes then."""
    yield
    if MAPS.is_file() and MAPS.read_bytes().count(b"\n") > MANY:
        jax.clear_caches()


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    """Six nodes, from a good link to one whose pairs are dead on arrival; four rounds."""
    return Scenario.model_validate(
        {
            "network": {
                "nodes": 6,
                "channels": 3,
                "windows": 3,
                "window_s": 0.1,
                "lengths_km": (1.0, 3.0, 6.0, 12.0, 40.0, 70.0),
                "memories_per_link": 40,
                "cutoff_fidelity": 0.7,
                "oldest_windows": 6,
            },
            "hardware": {
                "modes": 12,
                "dark_probability": 1e-3,
                "node_coherence_s": 2.0,
                "hub_coherence_s": 4.0,
            },
            "learning": {"qubits": 3, "layers": 2, "features": 3, "batch_size": 4},
            "consensus": {"tolerated_nodes": 1, "key": {"security_bits": 8, "lifetime_s": 0.6}},
            "attack": {"name": "ipm", "byzantine_nodes": 1, "placement": "best_links"},
            "episode": {"rounds": 4},
        }
    )


@pytest.fixture(scope="session")
def params(scenario: Scenario) -> Params:
    return parameters.build(scenario)


@pytest.fixture(scope="session")
def key() -> jax.Array:
    return jax.random.key(0)


@pytest.fixture(scope="session")
def start(params: Params, key: jax.Array) -> State:
    """The state that the key begins with."""
    return compiled.reset(params, key)[0]


@pytest.fixture(scope="session")
def step() -> Step:
    """The step, compiled once for all tests of the tiny scenario."""
    return compiled.step
