"""Every number of a scenario: refused just outside its bounds, sound at them and just inside.

Settings at their bounds are drawn in combination, and episodes are played with them in 32 and in
64 bits. Whatever is drawn, what the scheduler sees is in its space, figures are finite, and every
pair has one fate.
"""

import sys
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import jax
import numpy as np
import pytest
from helpers.refusals import refusal
from helpers.setting_numbers import Number, numbers
from hypothesis import example, given, settings

from ceas_agents import cli
from ceas_gym import config, dynamics, parameters
from ceas_gym.config.keys import allowed
from ceas_gym.jax_utils.fast_compile import once
from ceas_gym.types import Params

NUMBERS = list(numbers())
EDGE = {"network.graph.edges.length_km", "network.graph.edges.channels"}
DETOUR = "network.map.detour_factor"
"""Nothing can be said of a map unless one is named."""


def override(number: Number, value: float) -> dict[str, Any]:
    """Returns what sets the number, and makes room for it."""
    if number.key in EDGE:
        edge = {"ends": ["a", "b"], "length_km": 1.0, number.key.rpartition(".")[2]: value}
        return {"network.graph": {"hub": "a", "edges": [edge]}, "attack.byzantine_nodes": 0}
    if number.key == DETOUR:
        return {"network.graph": "surfnet-randstad", DETOUR: value}
    return {number.key: [value] * 4 if number.path else value}


# --- Outside ---


@pytest.mark.parametrize("number", NUMBERS, ids=[number.name for number in NUMBERS])
def test_a_number_outside_its_bounds_is_refused_with_key_and_range(
    number: Number, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(number.bounds) == 2, "every number needs a lower and an upper bound"
    for value in number.outside:
        said = refusal("tiny", override(number, value))
        assert number.key.rpartition(".")[2] in said
        assert allowed(number.key, is_entry=bool(number.path)) in said
        assert all(f"{bound}" in said for bound in number.bounds)
        if number.key not in EDGE:
            assert evaluated(override(number, value), monkeypatch, capsys) == (
                2,
                [f"error: {said}"],
            )


def evaluated(
    changes: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> tuple[object, list[str]]:
    """Returns the exit code of the command line, and the lines that it complains in."""
    options = [part for key, value in changes.items() for part in ("--set", f"{key}={value!r}")]
    monkeypatch.setattr(sys, "argv", ["ceas-gym", "evaluate", "tiny", *options])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, capsys.readouterr().err.strip().splitlines()


def test_a_round_of_too_many_pairs_is_refused_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All settings are within their bounds, and 2,560,000,000 is beyond 32 bits."""
    monkeypatch.chdir(tmp_path)
    many: dict[str, Any] = {
        "network.windows": 64,
        "network.channels": 4,
        "network.lengths_km": [0.0] * 4,
        "hardware.scheme": "explicit",
        "hardware.success_probability": 1.0,
        "hardware.initial_fidelity": 0.9,
        "hardware.modes": 10_000,
        "hardware.attempt_overhead_s": 1e-3,
    }
    code, said = evaluated(many, monkeypatch, capsys)
    assert code == 2
    assert len(said) == 1
    assert "network.windows, network.window_s, network.channels and hardware.modes" in said[0]
    assert "2560000000 pairs in a round on average, more than the 8323072" in said[0]


# --- Inside ---

STAR: dict[str, Any] = {
    "network.nodes": 3,
    "network.windows": 2,
    "network.oldest_windows": 2,
    "learning.qubits": 1,
    "learning.features": 1,
    "learning.layers": 1,
    "learning.batch_size": 2,
    "consensus.key.lifetime_s": 1e-9,
    "attack.name": "jamming",
    "attack.byzantine_nodes": 1,
    "episode.layouts": 1,
}
"""Nothing but what every scenario has."""
GRAPH: dict[str, Any] = {
    "network.graph": {
        "hub": "H",
        "relays": ["R"],
        "edges": [["H", "R", 3.0], ["R", "A", 0.0], ["H", "B", 1.0, 1], ["B", "C", 100.0]],
    },
    "network.windows": 3,
    "network.oldest_windows": 5,
    "network.purification": "dejmps",
    "network.conditions.links": "markov",
    "network.conditions.coherence": "drifting",
    "learning.qubits": 2,
    "learning.features": 2,
    "learning.layers": 1,
    "learning.batch_size": 2,
    "learning.optimizer": "adam",
    "consensus.rule": "trimmed_mean",
    "consensus.weights": "claimed",
    "consensus.unauthenticated_updates": "accept",
    "consensus.cap": "share_budget",
    "consensus.key.accounting": "finite",
    "consensus.key.lifetime_s": None,
    "consensus.verification.pairs": 2,
    "attack.name": "white_box+jamming+exhaustion+over_claiming+under_claiming+forgery",
    "attack.byzantine_nodes": 1,
    "episode.reward": "alignment",
}
"""All that may be there beside."""
LINKS: list[dict[str, Any]] = [
    {},
    {"hardware.scheme": "single_click", "hardware.memory": "dephasing"},
    {
        "hardware.scheme": "explicit",
        "hardware.success_probability": 0.3,
        "hardware.initial_fidelity": 0.95,
    },
    {
        "hardware.memory": "t1_t2",
        "hardware.hub_relaxation_s": 60.0,
        "hardware.node_relaxation_s": 30.0,
    },
]
DURATIONS = [f"network.conditions.{name}_s" for name in ("good", "degraded", "down", "drift")]
EXPLICIT = ("hardware.success_probability", "hardware.initial_fidelity")
RELAXATION = ("hardware.hub_relaxation_s", "hardware.node_relaxation_s")
COMMITTEE = {f"consensus.committee.{name}" for name in ("members", "byzantine", "trap_share")}
TEAMS = ("network.team_size", "learning.qubits_per_qpu")
FIXED = {
    *STAR,
    *GRAPH,
    *COMMITTEE,
    *TEAMS,
    DETOUR,
    "consensus.tolerated_nodes",
    "learning.angles_per_qubit",
}
"""Sizes and names, which make another program, and how many are Byzantine."""
BOUNDED = [number for number in NUMBERS if len(number.bounds) == 2 and not number.path]
DRAWN = {number.key: number.inside for number in BOUNDED if number.key not in FIXED | EDGE}
"""Values at and just inside the bounds."""
ROUNDS = 3
FATES = ("spent", "keyed", "expired", "blocked", "sacrificed", "tested", "stored")

Drawn = dict[str, int]
"""Which of its four values each number takes, by key."""


def covering(size: int) -> Iterator[Drawn]:
    """Yields draws in which every value of every number occurs."""
    order = np.random.default_rng(0).permutation(len(DRAWN))
    keys = [list(DRAWN)[place] for place in order]
    for place, first in product(range(4), range(0, len(keys), size)):
        part = keys[first : first + size]
        yield {key: (place + turn) % 4 for turn, key in enumerate(part)}


def scenario(base: dict[str, Any], links: dict[str, Any], drawn: Drawn) -> dict[str, Any]:
    """Returns the overrides, without what the base does not have, and in agreement."""
    found = {**base, **links}
    values = {key: DRAWN[key][place] for key, place in drawn.items()}
    found |= {k: v for k, v in values.items() if k not in EXPLICIT + RELAXATION or k in found}
    for relaxation in RELAXATION:
        if relaxation in found:
            # T2 is at most twice T1.
            coherence = relaxation.replace("relaxation", "coherence")
            found[coherence] = min(found.get(coherence, 20.0), 2 * found[relaxation])
    lengths = {"network.shortest_km": 1.0, "network.longest_km": 20.0} | found
    if lengths["network.shortest_km"] > lengths["network.longest_km"]:
        found["network.shortest_km"] = 0.0
    if base.get("network.conditions.links") == "markov":
        # Nothing that changes lasts less than a round.
        windows = found["network.windows"] + found.get("network.barrier_windows", 0)
        round_s = windows * found.get("network.window_s", 1.0)
        found |= {key: max(found.get(key, 1e3), round_s) for key in DURATIONS}
    if "consensus.verification.pairs" in base:
        # With tests, there must be some before the first round.
        tests = "consensus.verification.commissioning_pairs"
        found[tests] = max(found.get(tests, 1), 1)
    # A third of the nodes is tolerated.
    found["consensus.largest_share"] = max(found.get("consensus.largest_share", 0.45), 0.4)
    return found


def built(overrides: dict[str, Any]) -> Params:
    """Returns the parameters; of what can't be counted, those of shorter rounds and episodes."""
    shorter: dict[str, Any] = {}
    for remedy in (
        {"episode.budget_s": None, "episode.rounds": ROUNDS},
        {"network.window_s": overrides.get("hardware.attempt_overhead_s", 1e-4)},
    ):
        try:
            return parameters.build(config.load("tiny", {**overrides, **shorter}))
        except ValueError as error:
            said = str(error)
        assert "can be counted" in said or "shorter than the shortest step" in said
        is_episode = said.startswith(("episode.budget_s", "episode.rounds"))
        assert is_episode or "network.window_s" in said
        assert said.isprintable()
        shorter |= remedy
    return parameters.build(config.load("tiny", {**overrides, **shorter}))


@once
def episode(params: Params, key: jax.Array, actions: jax.Array) -> tuple[Any, Any]:
    """Returns the time step of the reset, and those of the rounds."""
    state, first = dynamics.reset(params, key)
    return first, jax.lax.scan(partial(dynamics.step, params), state, actions)[1]


def check(params: Params, seed: int) -> None:
    """Asserts that all is sound in an episode of full and of random schedules."""
    shape = (ROUNDS, params.network.windows, *params.network.routes.vertex.shape)
    actions = np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)
    actions[0] = 1.0
    first, later = jax.device_get(episode(params, jax.random.key(seed), actions))
    for timestep in (first, later):
        for seen in (timestep.observation.nodes, timestep.observation.network):
            assert seen.dtype == np.float32
            assert ((seen >= 0) & (seen <= 1)).all()
        assert np.isfinite(timestep.reward).all()
        for name, values in timestep.metrics.items():
            # There is no bound without votes, or with half of the weight in the wrong hands.
            finite = np.isfinite(values) | (np.isposinf(values) & (name == "certificate"))
            assert finite.all(), name
    figures = {name: values.astype(float) for name, values in later.metrics.items()}
    stored = figures["pairs_stored"]
    before = np.concatenate([[0.0], stored[:-1]])
    parts = [figures[f"pairs_{fate}"] for fate in FATES]
    assert (np.min(parts, axis=0) >= 0).all()
    assert (before + figures["pairs_generated"] == sum(parts)).all()
    assert ((figures["utilization"] >= 0) & (figures["utilization"] <= 1)).all()


def covered(test: Any) -> Any:
    """Adds the draws that cover all bounds to a test, each kind of link in turn."""
    for number, drawn in enumerate(covering(12)):
        test = example(links=LINKS[number % len(LINKS)], drawn=drawn, seed=number)(test)
    sure = {key: DRAWN[key].index(DRAWN[key][-1]) for key in EXPLICIT}
    return example(links=LINKS[-1], drawn=sure, seed=0)(test)


@pytest.mark.parametrize(
    ("base", "wide"),
    [(STAR, False), pytest.param(GRAPH, False, marks=pytest.mark.slow), (GRAPH, True)],
    ids=["star", "graph", "graph in 64 bits"],
)
@covered
@settings(derandomize=True, deadline=None, max_examples=10)
@given(
    links=st.sampled_from(LINKS),
    drawn=st.dictionaries(st.sampled_from(list(DRAWN)), st.integers(0, 3), max_size=12),
    seed=st.integers(0, 2**32 - 1),
)
def test_settings_at_and_just_inside_their_bounds_make_a_sound_episode(
    base: dict[str, Any], wide: bool, links: dict[str, Any], drawn: Drawn, seed: int
) -> None:
    with jax.enable_x64(wide):
        check(built(scenario(base, links, drawn)), seed)
