"""What can be named in scenarios and on the command line, with its first line of documentation."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ceas_agents.contestants import CONTESTANTS
from ceas_gym import config, rewards
from ceas_gym.consensus import attacks, placement, protocol, rules, weights
from ceas_gym.learning import circuit, data, model
from ceas_gym.names import nearest


def catalogue() -> dict[str, dict[str, str]]:
    """Returns a line about every name, by kind."""
    functions: dict[str, Mapping[str, Callable[..., Any]]] = {
        "attacks": attacks.ATTACKS,
        "placements": placement.PLACEMENTS,
        "rules": rules.RULES,
        "pre-steps": rules.PRE_STEPS,
        "weights": weights.WEIGHTINGS,
        "lapses": protocol.LAPSES,
        "rewards": rewards.REWARDS,
        "datasets": data.DATASETS,
        "feature maps": circuit.FEATURE_MAPS,
        "ansatze": circuit.ANSATZE,
        "optimizers": model.OPTIMIZERS,
    }
    described = {kind: {n: _line(f) for n, f in names.items()} for kind, names in functions.items()}
    scenarios = {name: config.describe(name) for name in config.shipped()}
    policies = {name: _policy_line(name) for name in CONTESTANTS}
    return {"scenarios": scenarios, "policies": policies, **described}


def text(kind: str | None = None) -> str:
    """Returns the catalogue, or one kind of it, as text.

    Raises:
        ValueError: If there is no such kind.
    """
    everything = catalogue()
    if kind is not None and kind not in everything:
        raise ValueError(f"kind {kind!r} is unknown; {nearest(kind, everything)}")
    chosen = everything if kind is None else {kind: everything[kind]}
    return "\n\n".join(_block(name, entries) for name, entries in chosen.items())


def _block(kind: str, entries: dict[str, str]) -> str:
    width = max(map(len, entries))
    return "\n".join([kind, *(f"  {name:<{width}}  {line}" for name, line in entries.items())])


def _line(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").split("\n")[0]


def _policy_line(name: str) -> str:
    contestant = CONTESTANTS[name]
    line = _line(contestant.policy)
    changes = ", ".join(f"{key}={value}" for key, value in contestant.overrides.items())
    return f"{line} With {changes}." if changes else line
