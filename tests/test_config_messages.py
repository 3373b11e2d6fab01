"""Settings that a scenario refuses: every message, in full."""

from pathlib import Path

import pytest
from helpers.refusals import refusal

from ceas_gym.config.keys import KEYS, SECTIONS, unknown

FIELDS = [key for key in KEYS if key not in SECTIONS]
EDGE = "an edge such as [A, B, 11.8], or [A, B, 11.8, 2] with its channels"
COUNT = "an integer from 1 to 2147483647"
SETTINGS = "name, network, hardware, learning, consensus, attack, episode"


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Returns the message about a text in my.yaml."""
    monkeypatch.chdir(tmp_path)

    def refused(text: str) -> str:
        Path("my.yaml").write_text(text)
        return refusal("my.yaml")

    return refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("network: {nodes: -3}", "network.nodes must be an integer from 1 to 1000, but is -3"),
        ("network: {nodes: 10.5}", "network.nodes must be an integer from 1 to 1000, but is 10.5"),
        ("network: {nodes: true}", "network.nodes must be an integer from 1 to 1000, but is true"),
        ("network: {nodes: '9'}", "network.nodes must be an integer from 1 to 1000, but is '9'"),
        ("network: {nodes: [9]}", "network.nodes must be an integer from 1 to 1000, but is [9]"),
        ("episode: {rounds: 3e9}", f"episode.rounds must be {COUNT}, but is 3000000000.0"),
        ("episode: {rounds: 1e999}", f"episode.rounds must be {COUNT}, but is inf"),
        (f"episode: {{rounds: {'9' * 5000}}}", f"episode.rounds must be {COUNT}, but is inf"),
        ("episode: {rounds: 0x10}", f"episode.rounds must be {COUNT}, but is '0x10'"),
        ("episode: {rounds: 1:30}", f"episode.rounds must be {COUNT}, but is '1:30'"),
        (
            "consensus: {key: {lifetime_s: 0}}",
            "consensus.key.lifetime_s must be a finite number from 1e-09 to 1000000000.0, or null, "
            "but is 0",
        ),
        (
            "network: {shortest_km: -1}",
            "network.shortest_km must be a finite number from 0 to 100000, but is -1",
        ),
        (
            "hardware: {hub_coherence_s: 0}",
            "hardware.hub_coherence_s must be a finite number from 1e-09 to 1000000000.0, but is 0",
        ),
        (
            "network: {window_s: .nan}",
            "network.window_s must be a finite number from 1e-09 to 3600, but is nan",
        ),
        (
            "network: {window_s: -.inf}",
            "network.window_s must be a finite number from 1e-09 to 3600, but is -inf",
        ),
        (
            "attack: {strength: .inf}",
            "attack.strength must be a finite number from -1000000.0 to "
            "1000000.0, or null, but is inf",
        ),
        (
            "network: {cutoff_fidelity: 0.25}",
            "network.cutoff_fidelity must be a finite number above 0.25 and below 1, or null, "
            "but is 0.25",
        ),
        (
            "hardware: {scheme: triple_click}",
            "hardware.scheme must be one of double_click, single_click, explicit, "
            "but is 'triple_click'",
        ),
        (
            "consensus: {unauthenticated_updates: no}",
            "consensus.unauthenticated_updates must be one of drop, cache, accept, but is 'no'",
        ),
        (
            "consensus: {lapse: drop}",
            "consensus.lapse is now called consensus.unauthenticated_updates",
        ),
        ("attack: {name: null}", "attack.name must be text, but is null"),
        ("learning: {qubits: 11}", "learning.qubits must be an integer from 1 to 10, but is 11"),
        (
            "network: {lengths_km: [1, -2]}",
            "network.lengths_km[1] must be a finite number from 0 to 100000, but is -2",
        ),
        (
            "network: {graph: 5}",
            "network.graph must be the name or path of a graph, or a mapping of settings, or null, "
            "but is 5",
        ),
        (
            f"network: {{graph: {{hub: a, edges: {'7' * 5000}}}}}",
            f"network.graph.edges must be a list, each {EDGE}, but is inf",
        ),
        (
            "network: {graph: {hub: a, edges: [[a, b]]}}",
            f"network.graph.edges[0] must be {EDGE}, but is ['a', 'b']",
        ),
        (
            "network: {graph: {hub: a, edges: [[a, b, 1], [a, c, -2]]}}",
            "network.graph.edges[1].length_km must be a finite number from 0 to 100000, but is -2",
        ),
        (
            "network: {graph: {hub: a, edges: [[a, b, 1, 0]]}}",
            f"network.graph.edges[0].channels must be {COUNT}, or null, but is 0",
        ),
        (
            "network: {graph: {hub: a, edges: [[a, 5, 1]]}}",
            "network.graph.edges[0].ends[1] must be text, but is 5",
        ),
        (
            "network: {graph: {hub: a, edges: [{ends: [a, b, c], length_km: 1}]}}",
            "network.graph.edges[0].ends must be a list of 2 entries, each text, "
            "but is ['a', 'b', 'c']",
        ),
        (
            "network: {graph: {hub: a, edges: [{ends: [a], length_km: 1}]}}",
            "network.graph.edges[0].ends[1] is missing",
        ),
        ("network: {graph: {hub: a}}", "network.graph.edges is missing"),
        (
            "learning: {classes: [3]}",
            "learning.classes must be a list of 2 to 4 entries, "
            "each an integer from -1000000 to 1000000, or text, but is [3]",
        ),
        (
            "attack: {name: 5, strength: x, placement: 1}",
            "attack.name must be text, but is 5 (and 2 more)",
        ),
    ],
)
def test_a_value_is_refused_in_these_words(refused, text, message):
    assert refused(text) == f"my.yaml: {message}"


@pytest.mark.parametrize(
    ("section", "old", "new"),
    [
        ("network.conditions", "good_rounds", "good_s"),
        ("network.conditions", "degraded_rounds", "degraded_s"),
        ("network.conditions", "down_rounds", "down_s"),
        ("network.conditions", "coherence_rounds", "drift_s"),
        ("network.conditions", "calibration_rounds", "calibration_s"),
        ("consensus.key", "lifetime_rounds", "lifetime_s"),
    ],
)
def test_a_number_of_rounds_that_became_a_time_is_refused(refused, section, old, new):
    assert f"{section}.{new}" in KEYS
    outer, inner = section.split(".")
    assert refused(f"{outer}: {{{inner}: {{{old}: 5}}}}") == (
        f"my.yaml: {section}.{old} is now {section}.{new}, a time in s: "
        "multiply the rounds by network.windows * network.window_s"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("network: {shortest_km: 1e2}", "network.shortest_km = 100.0 is above longest_km = 20.0"),
        ("network: {lengths_km: [1, 2]}", "network.lengths_km has 2 entries for nodes = 10"),
        (
            "network: {nodes: 3, graph: {hub: a, edges: [[a, b, 1]]}}",
            "network.nodes = 3 does not agree with the graph, which has 1",
        ),
        (
            "network: {lengths_km: [1], graph: {hub: a, edges: [[a, b, 1]]}}",
            "network.lengths_km is for the star only; a graph's edges have their own",
        ),
        (
            "network: {graph: {hub: a, edges: [[a, b, 1], [c, c, 1]]}}",
            "network.graph.edges[1] joins 'c' with itself",
        ),
        (
            "network: {graph: {hub: a, edges: [[a, b, 1], [a, c, 1], [b, a, 2]]}}",
            "network.graph.edges[2] joins 'b' with 'a' as edges[0] does",
        ),
        (
            "network: {graph: {hub: Delft, edges: [[Delft1, b, 1]]}}",
            "network.graph.hub: 'Delft' is no end of any edge; did you mean Delft1?",
        ),
        ("network: {graph: {hub: a, edges: []}}", "network.graph.hub: 'a' is no end of any edge"),
        (
            "network: {graph: {hub: a, relays: [q], edges: [[a, b, 1]]}}",
            "network.graph.relays: 'q' is no end of any edge; known: a, b",
        ),
        (
            "network: {graph: {hub: a, relays: [a], edges: [[a, b, 1]]}}",
            "network.graph.relays: 'a' is the hub; take it out of the relays, or choose another "
            "hub",
        ),
        (
            "network: {graph: {hub: a, relays: [b, b], edges: [[a, b, 1], [b, c, 1]]}}",
            "network.graph.relays: 'b' is named twice",
        ),
        (
            "network: {graph: {hub: a, edges: [[a, b, 1], [c, d, 1]]}}",
            "network.graph.edges: no route leads from the hub 'a' to 'c'",
        ),
        (
            "network: {graph: {hub: a, relays: [b], edges: [[a, b, 1]]}}",
            "network.graph.edges have 0 vertices besides hub and relays, "
            "but nodes must be 1 to 1000",
        ),
        (
            "hardware: {preset: nv_center}",
            "hardware.preset 'nv_center' is unknown; did you mean nv_centre?",
        ),
        (
            "hardware: {scheme: explicit}",
            "hardware.scheme = explicit needs success_probability and initial_fidelity",
        ),
        (
            "hardware: {initial_fidelity: 0.9}",
            "hardware.success_probability and initial_fidelity are for scheme = explicit only, "
            "but scheme = double_click",
        ),
        (
            "hardware: {memory: t1_t2, hub_relaxation_s: 30}",
            "hardware.memory = t1_t2 needs hub_relaxation_s and node_relaxation_s",
        ),
        (
            "hardware: {hub_relaxation_s: 30}",
            "hardware.hub_relaxation_s and node_relaxation_s are for memory = t1_t2 or a model of "
            "your own, but memory = depolarizing",
        ),
        (
            "hardware: {memory: t1_t2, hub_relaxation_s: 30, node_relaxation_s: 9}",
            "hardware.node_coherence_s = 20 is more than twice node_relaxation_s = 9, "
            "but T2 is at most 2 T1",
        ),
        ("learning: {classes: [1, 1]}", "learning.classes = [1, 1] names a class twice"),
        (
            "learning: {classes: [0, 1, 2], qubits: 2}",
            "learning.classes = [0, 1, 2] need as many qubits to read out, but qubits = 2",
        ),
        (
            "attack: {byzantine_nodes: 5}",
            "attack.byzantine_nodes = 5 is not below half of network.nodes = 10: "
            "no rule withstands that many; set it to 4 at most",
        ),
        (
            "consensus: {tolerated_nodes: 9}",
            "consensus.tolerated_nodes = 9 is not below half of network.nodes = 10: "
            "no rule withstands that many; set it to 4 at most",
        ),
    ],
)
def test_values_that_do_not_fit_each_other_are_refused_in_these_words(refused, text, message):
    assert refused(text) == f"my.yaml: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("network: 5", "network must be a mapping of settings, but is 5"),
        ("consensus: {key: [a]}", "consensus.key must be a mapping of settings, but is ['a']"),
        ("nodes: 5", "nodes is not a setting; did you mean network.nodes?"),
        ("netwrk: {nodes: 5}", "netwrk is not a setting; did you mean network?"),
        (
            "network: {coherence: 5}",
            "network.coherence is not a setting; did you mean network.conditions.coherence?",
        ),
        (
            "network: {node: 5, windws: 4, x: 1}",
            "network.node is not a setting; did you mean network.nodes? (and 2 more)",
        ),
        (
            "attack: {f: 3}",
            "attack.f is not a setting; attack has name, byzantine_nodes, placement, strength, "
            "onset_round, request_factor, claim_factor, jammed_rate",
        ),
        (
            "network: {graph: {hub: a, edges: [{ends: [a, b], lenght_km: 1, length_km: 1}]}}",
            "network.graph.edges.lenght_km is not a setting; did you mean length_km?",
        ),
        (
            "network: {graph: {hubs: a, hub: a, edges: [[a, b, 1]]}}",
            "network.graph.hubs is not a setting; did you mean network.graph.hub?",
        ),
        ("<<: {}", f"<< is not a setting; a scenario has {SETTINGS}"),
        ("'': 1", f"the empty key is not a setting; a scenario has {SETTINGS}"),
        ('"a\\n\\e[1mb": 1', f"a \\x1b[1mb is not a setting; a scenario has {SETTINGS}"),
        ("&a {network: *a}", "network.network is not a setting; did you mean network?"),
    ],
)
def test_a_key_is_refused_in_these_words(refused, text, message):
    assert refused(text) == f"my.yaml: {message}"


@pytest.mark.parametrize("key", FIELDS)
def test_every_field_refuses_what_it_is_not(key):
    message = refusal("surfnet", {key: b"x"})
    assert message.startswith(f"overrides: {key} must be ")
    assert message.endswith(", but is b'x'")


@pytest.mark.parametrize("key", KEYS)
def test_the_nearest_key_is_the_one_misspelt(key):
    assert unknown(f"{key}x") == f"{key}x is not a setting; did you mean {key}?"
