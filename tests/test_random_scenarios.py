"""Random settings within their ranges: every scenario is built, or refused in one line."""

from typing import Any

import numpy as np
import pytest

from ceas_gym import config, parameters
from ceas_gym.config.keys import SECTIONS, joined
from ceas_gym.consensus import attacks, rules, weights
from ceas_gym.learning import data, model, partitions
from ceas_gym.network import purification
from ceas_gym.physics import memories
from ceas_gym.sabotage import SABOTAGE
from ceas_gym.task.rewards import REWARDS

FEW, MANY = 40, 400
NAMES = {
    "name": ["mine"],
    "hardware.preset": ["custom", "trapped_ion", "nv_centre"],
    "hardware.memory": [*memories.MEMORIES],
    "network.purification": [*purification.PURIFICATIONS],
    "learning.scheme": [*partitions.PARTITIONS],
    "learning.dataset": [*data.DATASETS],
    "learning.label_column": ["label"],
    "learning.feature_map": ["angle"],
    "learning.ansatz": ["hardware_efficient"],
    "learning.optimizer": [*model.OPTIMIZERS],
    "consensus.rule": [*rules.RULES, "clip+nnm+trimmed_mean", "bucketing+median"],
    "consensus.weights": [*weights.WEIGHTINGS],
    "attack.name": [*attacks.ATTACKS, *SABOTAGE, *attacks.COMPOSITES, "mimic+jamming"],
    "episode.reward": [*REWARDS],
}
MOST = {
    "network.nodes": 12,
    "network.windows": 8,
    "network.oldest_windows": 24,
    "learning.features": 8,
    "learning.data_seed": 1,
    "learning.qubits": 3,
    "learning.layers": 2,
    "learning.angles_per_qubit": 3,
    "learning.batch_size": 64,
}
"""What keeps a scenario small; all else goes up to what is allowed."""
LISTS = {
    "learning.classes": lambda random: random.integers(0, 10, random.integers(2, 5)).tolist(),
    "learning.placement": lambda random: random.integers(0, 3, random.integers(1, 7)).tolist(),
    "network.lengths_km": lambda random: random.uniform(0, 60, random.integers(1, 12)).tolist(),
}


def settings() -> dict[str, dict[str, Any]]:
    """Returns the JSON schema of every setting but those of graph and map, by dotted key."""
    return {
        joined(section, name): schema
        for section, kind in SECTIONS.items()
        if section not in ("network.graph", "network.map")
        for name, schema in kind.model_json_schema()["properties"].items()
        if joined(section, name) not in SECTIONS
    }


def drawn(key: str, schema: dict[str, Any], random: np.random.Generator) -> object:
    """Returns a value within the range of a setting: often an end of it, else log-uniform."""
    options = schema.get("anyOf", [schema])
    option = options[random.integers(len(options))]
    if words := NAMES.get(key, option.get("enum")):
        return str(random.choice(words))
    if option["type"] == "null":
        return None
    if option["type"] == "array":
        return LISTS[key](random)
    low = option.get("minimum", option.get("exclusiveMinimum", -1e3))
    high = option.get("maximum", option.get("exclusiveMaximum", 1e12))
    high = MOST.get(key) or (min(high, 2**31 - 1) if option["type"] == "integer" else high)
    inner = low + (1 + high - low) ** random.random() - 1
    value = [low, high, inner, inner, inner, inner][random.integers(6)]
    return int(value) if option["type"] == "integer" else float(value)


def overrides(seed: int) -> dict[str, object]:
    random, schemas = np.random.default_rng(seed), settings()
    keys = random.choice(sorted(schemas), random.integers(1, 12), replace=False)
    chosen = {str(key): drawn(str(key), schemas[str(key)], random) for key in keys}
    explicit = ("hardware.success_probability", "hardware.initial_fidelity")
    for key in explicit:
        chosen.pop(key, None)
        if chosen.get("hardware.scheme") == "explicit":
            chosen[key] = float(random.uniform(0.3, 1.0))
    for place in ("hub", "node"):
        chosen.pop(f"hardware.{place}_relaxation_s", None)
        if chosen.get("hardware.memory") == "t1_t2":
            # From half its T2 on, which is the least that there can be.
            chosen[f"hardware.{place}_coherence_s"] = t2_s = float(random.uniform(1e-3, 50.0))
            chosen[f"hardware.{place}_relaxation_s"] = t2_s * float(random.uniform(0.5, 100.0))
    if isinstance(lengths := chosen.get("network.lengths_km"), list):
        chosen["network.nodes"] = len(lengths)
    calm = random.random() < 0.8
    return (
        {"attack.byzantine_nodes": 0, "learning.angles_per_qubit": 2} | chosen if calm else chosen
    )


def outcome(seed: int) -> str:
    """Returns what is said of a scenario, nothing if it is built."""
    try:
        scenario = config.load("tiny", overrides(seed))
        with config.naming("tiny"):
            parameters.build(scenario)
    except config.ScenarioError as error:
        return str(error)
    return ""


def check(seeds: range) -> None:
    said = [outcome(seed) for seed in seeds]
    assert all(message.isprintable() for message in said)
    # Most are no good reason to refuse anything.
    assert said.count("") > len(seeds) / 3


def test_a_few_random_scenarios_are_built_or_refused_in_one_line() -> None:
    check(range(FEW))


@pytest.mark.slow
def test_many_random_scenarios_are_built_or_refused_in_one_line() -> None:
    check(range(FEW, FEW + MANY))
