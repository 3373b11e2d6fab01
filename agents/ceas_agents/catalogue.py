"""All names for scenarios and the command line, each with its first line of documentation."""

import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from ceas_agents.evaluation.contestants import CONTESTANTS
from ceas_agents.policies import checkpoints, options, scarcity
from ceas_gym import config, parameters, sabotage
from ceas_gym.consensus import attacks, placement, protocol, rules, weights
from ceas_gym.learning import circuit, data, model, partitions, quantum_data
from ceas_gym.network import key_pool, purification
from ceas_gym.physics import memories
from ceas_gym.registry import nearest
from ceas_gym.scenario import presets
from ceas_gym.task import rewards

WIDTH = 100
NEVER = 1e6
"""Number of windows beyond which a tag counts as never made."""
HEADINGS = {
    "pre-steps": "pre-steps (before a rule, joined by +)",
    "sabotage": "sabotage (after an attack, joined by +)",
}
"""What stands above the names of a kind, where the kind alone would say too little."""
THETAS = (scarcity.theta_uniform, scarcity.theta_aware)


def catalogue() -> dict[str, dict[str, str]]:
    """Returns one line about every name, by kind and then by name."""
    functions: dict[str, Mapping[str, Callable[..., Any]]] = {
        "placements": placement.PLACEMENTS,
        "rules": rules.RULES,
        "pre-steps": rules.PRE_STEPS,
        "weights": weights.WEIGHTINGS,
        "unauthenticated updates": protocol.UNAUTHENTICATED,
        "rewards": rewards.REWARDS,
        "memories": memories.MEMORIES,
        "purifications": purification.PURIFICATIONS,
        "key accountings": key_pool.ACCOUNTINGS,
        "datasets": data.DATASETS,
        "quantum datasets": quantum_data.QUANTUM,
        "feature maps": circuit.FEATURE_MAPS,
        "ansatze": circuit.ANSATZE,
        "optimizers": model.OPTIMIZERS,
    }
    described = {kind: {n: _line(f) for n, f in names.items()} for kind, names in functions.items()}
    return {
        "scenarios": {name: config.describe(name) for name in config.shipped()},
        "policies": {name: _policy_line(name) for name in CONTESTANTS}
        | {name: checkpoints.describe(name) for name in checkpoints.shipped()},
        "hardware": presets.ABOUT,
        "graphs": {name: config.describe(name, "graphs") for name in config.shipped("graphs")},
        "attacks": _attacks(),
        "sabotage": {name: each.about for name, each in sabotage.SABOTAGE.items()},
        "schemes": {name: each.about for name, each in partitions.PARTITIONS.items()},
        **described,
    }


def text(kind: str | None = None) -> str:
    """Returns the catalogue, or one kind of it, as text.

    For `hardware` alone, the text has all figures with their sources. For `scenarios` alone, it
    shows how scarce channel-time is in each scenario, in windows (`policies.scarcity`).

    Args:
        kind: A key of `catalogue()`, or None for all kinds.

    Raises:
        ValueError: If there is no such kind.
    """
    everything, kind = catalogue(), kind.strip() if kind else kind
    if kind is not None and kind not in everything:
        raise ValueError(f"kind {kind!r} is unknown; {nearest(kind, everything)}")
    if kind == "hardware":
        return "\n\n".join(_figures(preset) for preset in presets.PRESETS)
    if kind == "scenarios":
        return _ladder(everything[kind])
    chosen = everything if kind is None else {kind: everything[kind]}
    return "\n\n".join(_block(name, entries) for name, entries in chosen.items())


def _ladder(lines: dict[str, str]) -> str:
    # Sorted from plentiful to scarce channel-time.
    found = {name: parameters.networks(config.load(name)) for name in lines}
    thetas = {
        name: tuple(scarcity.mean(theta, drawn) for theta in THETAS)
        for name, drawn in found.items()
    }
    width = max(map(len, lines))
    rows = [f"  {'':<{width}}  uniform  aware  windows until a quorum has its tags"]
    for name in sorted(lines, key=lambda name: thetas[name]):
        uniform, aware = (f"{theta:.1f}" if theta < NEVER else "never" for theta in thetas[name])
        rows.append(f"  {name:<{width}}  {uniform:>7}  {aware:>5}  {lines[name]}")
    return "\n".join(["scenarios", *rows])


def _attacks() -> dict[str, str]:
    sent = {name: _line(function) for name, function in attacks.ATTACKS.items()}
    return sent | {name: whole.about for name, whole in attacks.COMPOSITES.items()}


def _block(kind: str, entries: dict[str, str]) -> str:
    width = max(map(len, entries))
    return "\n".join(
        [
            HEADINGS.get(kind, kind),
            *(f"  {name:<{width}}  {line}" for name, line in entries.items()),
        ]
    )


def _figures(preset: str) -> str:
    # Field, value and source in columns; a long source continues in its column.
    figures = presets.PRESETS[preset]
    values = {name: _shown(figure.value) for name, figure in figures.items()}
    names, digits = max(map(len, values)), max(map(len, values.values()))
    rows = [f"{preset}: {presets.ABOUT[preset]}"]
    for name, figure in figures.items():
        start = f"  {name:<{names}}  {values[name]:<{digits}}  "
        rows += textwrap.wrap(
            figure.source, WIDTH, initial_indent=start, subsequent_indent=" " * len(start)
        )
    return "\n".join(rows)


def _shown(value: presets.Value) -> str:
    return "null" if value is None else value if isinstance(value, str) else f"{value:g}"


def _line(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").split("\n")[0]


def _policy_line(name: str) -> str:
    contestant = CONTESTANTS[name]
    line = _line(contestant.without_options)
    for decision in ("round", "window"):
        if contestant.version(decision) is None:
            line += f" Not for episode.decision = {decision}."
    changes = options.given(contestant.policy) | contestant.overrides
    listed = ", ".join(f"{key}={value}" for key, value in changes.items())
    return f"{line} With {listed}." if listed else line
