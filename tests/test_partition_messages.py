"""Settings of teams that do not fit each other: every message, in full."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pennylane as qml
import pytest
from helpers.refusals import refusal

from ceas_gym import config, parameters

TEAMS: dict[str, object] = {
    "network.nodes": 8,
    "network.team_size": 2,
    "learning.scheme": "circuit",
    "learning.qubits": 4,
    "attack.name": "white_box",
}
"""Four teams of two, which tolerate one Byzantine node."""
SLICES = {"learning.scheme": "features"}
ALONE = {"learning.scheme": "data", "network.team_size": 1}
CLUSTER = {
    "learning.dataset": "cluster_ising",
    "learning.feature_map": "none",
    "learning.classes": (0, 1),
}
SPLIT = "feature map '{}' has a CZ on qubits [1, 2] of different QPUs; a QPU has only the "
LOCAL = (
    "features of its own qubits, so take dense_angle or, with angle, no more features than qubits"
)
STATES = (
    "learning.feature_map: the QPUs encode the samples where gates are teleported, but those of "
    "'cluster_ising' are quantum states at the hub; take learning.scheme = data"
)
NO_GATE = (
    "learning.ansatz: with the qubits on QPUs [0, 0, 1, 1] no gate acts across QPUs, so no pairs "
    "are used; take more layers, another placement, or learning.scheme = data"
)


def xx(weights: Any, wires: Sequence[int]) -> None:
    """Has gates on two qubits with an angle, which are not teleported."""
    for layer in weights:
        for turns, wire in zip(layer, wires, strict=True):
            qml.RY(turns[0], wires=wire)
        for turns, pair in zip(layer, zip(wires, [*wires[1:], wires[0]], strict=True), strict=True):
            qml.IsingXX(turns[1], wires=pair)


def lone(weights: Any, wires: Sequence[int]) -> None:
    """Has no gate on two qubits."""
    for layer in weights:
        for turns, wire in zip(layer, wires, strict=True):
            qml.RY(turns[0], wires=wire)
            qml.RX(turns[1], wires=wire)


def ladder(features: Any, wires: Sequence[int]) -> None:
    """Entangles neighbours."""
    for feature, wire in zip(features, wires, strict=True):
        qml.RY(feature, wires=wire)
    for pair in pairwise(wires):
        qml.CZ(wires=pair)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"learning.qubits": 3, "network.team_size": 4},
            "network.team_size = 4 is more QPUs than learning.qubits = 3, but each needs a qubit; "
            "take smaller teams or more qubits",
        ),
        (
            SLICES | {"learning.features": 2},
            "learning.features = 2 on network.team_size = 2 slices of 2 qubits leave one without "
            "any; take 3 or more",
        ),
        (
            {"learning.qubits_per_qpu": 2, "learning.placement": (0, 0, 1, 1)},
            "learning.qubits_per_qpu = 2 with learning.placement = [0, 0, 1, 1]: it bounds the "
            "best placement only; set one of them to null",
        ),
        (
            {"learning.communication": "quantum"},
            "learning.communication = quantum with learning.scheme = circuit: it is for the scheme "
            "features; set it to none",
        ),
        (
            SLICES | {"learning.qubits_per_qpu": 3},
            "learning.qubits_per_qpu = 3 with learning.scheme = features: it is for the scheme "
            "circuit; set it to null",
        ),
        (
            ALONE | {"network.teams": "matched"},
            "network.teams = matched with learning.scheme = data: there are no teams to match; set "
            "it to index",
        ),
        (
            {"learning.placement": (0, 1, 1)},
            "learning.placement = [0, 1, 1] names 3 QPUs, but must name one for each of "
            "learning.qubits = 4",
        ),
        (
            {"learning.placement": (0, 0, 0, 0)},
            "learning.placement = [0, 0, 0, 0] must name each of the QPUs 0 to 1 of "
            "network.team_size = 2",
        ),
        (
            {"learning.placement": (0, 2, 0, 2)},
            "learning.placement = [0, 2, 0, 2] must name each of the QPUs 0 to 1 of "
            "network.team_size = 2",
        ),
        (
            SLICES | {"learning.placement": (0, 0, 1, 1)},
            "learning.placement = [0, 0, 1, 1] with learning.scheme = features: slices are placed "
            "in order; set it to null",
        ),
        (
            ALONE | {"learning.placement": (0, 0, 1, 1)},
            "learning.placement = [0, 0, 1, 1] with learning.scheme = data: every node holds all "
            "qubits; set it to null",
        ),
        (
            {"learning.qubits_per_qpu": 1},
            "learning.qubits_per_qpu = 1 on network.team_size = 2 QPUs can't hold learning.qubits "
            "= 4; set it to 2 or more",
        ),
        (
            {"network.team_size": 3},
            "network.team_size = 3 does not divide network.nodes = 8, and no node may be left "
            "over; 6 nodes would do",
        ),
        (
            {"learning.qubits": 10, "network.team_size": 9},
            "network.team_size = 9 does not divide network.nodes = 8, and no node may be left "
            "over; 9 nodes would do",
        ),
        (
            {"learning.scheme": "data"},
            "network.team_size = 2 with learning.scheme = data: every node runs the whole circuit; "
            "set network.team_size to 1, or learning.scheme to circuit or features",
        ),
        (
            {"network.team_size": 1},
            "network.team_size = 1 with learning.scheme = circuit: set it to the number of nodes "
            "that make an update together, 2 or more",
        ),
        (
            SLICES | {"network.team_size": 1},
            "network.team_size = 1 with learning.scheme = features: set it to the number of nodes "
            "that make an update together, 2 or more",
        ),
        (
            {"attack.byzantine_nodes": 2},
            "consensus.tolerated_nodes, by default attack.byzantine_nodes, = 2 is not below half "
            "of the 4 teams of network.team_size = 2, and each such node may spoil one: no rule "
            "withstands that many; tolerate fewer, or take more nodes",
        ),
        (
            {"consensus.tolerated_nodes": 3},
            "consensus.tolerated_nodes = 3 is not below half of the 4 teams of network.team_size = "
            "2, and each such node may spoil one: no rule withstands that many; tolerate fewer, or "
            "take more nodes",
        ),
        (
            {"attack.byzantine_nodes": 4, "consensus.tolerated_nodes": 1},
            "attack.byzantine_nodes = 4 is not below half of network.nodes = 8: no rule withstands "
            "that many; set it to 3 at most",
        ),
        (
            {"network.spend": "on_arrival"},
            "network.spend = on_arrival with learning.scheme = circuit: the QPUs of a team spend "
            "their pairs together; set it to at_barrier",
        ),
        (
            SLICES | {"consensus.committee.members": 4, "consensus.committee.trap_share": 0.25},
            "consensus.committee.trap_share = 0.25 with learning.scheme = features: traps are "
            "whole samples that are teleported to a node; set it to 0",
        ),
        (
            SLICES | {"learning.classes": (0, 1, 2)},
            "learning.classes = [0, 1, 2] need as many qubits of each slice to read out, but "
            "learning.qubits = 4 leave it 2; take 6 qubits or more",
        ),
        (
            SLICES | {"learning.qubits": 3},
            "learning.qubits = 3 can't be cut in network.team_size = 2 equal slices; take a "
            "multiple of 2",
        ),
    ],
)
def test_settings_that_do_not_fit(changes: Mapping[str, object], message: str) -> None:
    assert refusal("tiny", {**TEAMS, **changes}) == f"scenario tiny with overrides: {message}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"learning.scheme": "curcuit"},
            "learning.scheme: scheme 'curcuit' is unknown; did you mean circuit?",
        ),
        (
            {"learning.features": 5},
            "learning.feature_map: " + SPLIT.format("angle") + LOCAL,
        ),
        (
            SLICES | {"learning.features": 5},
            "learning.feature_map: " + SPLIT.format("angle") + LOCAL,
        ),
        (
            {"learning.feature_map": f"{__name__}:ladder"},
            "learning.feature_map: " + SPLIT.format(f"{__name__}:ladder") + LOCAL,
        ),
        (
            {"learning.ansatz": f"{__name__}:xx", "learning.placement": (0, 1, 0, 1)},
            "learning.ansatz: gate IsingXX on qubits 0 and 1 acts across QPUs, but only CZ, CNOT "
            "and CY are teleported; place both qubits on one QPU",
        ),
        ({"learning.ansatz": f"{__name__}:lone"}, NO_GATE),
        ({"learning.layers": 1}, NO_GATE),
        (CLUSTER, STATES),
        (CLUSTER | SLICES | {"learning.communication": "quantum"}, STATES),
        (
            {
                "attack.name": "white_box+false_data",
                "consensus.committee.members": 4,
                "consensus.committee.byzantine": 1,
            },
            "attack.name = white_box+false_data with learning.scheme = circuit: members can serve "
            "false data only where they teleport whole samples; take another attack, or the scheme "
            "data",
        ),
    ],
)
def test_circuits_that_can_not_be_shared(changes: Mapping[str, object], message: str) -> None:
    scenario = config.load("tiny", {**TEAMS, **changes})
    with pytest.raises(ValueError, match="learning") as caught:
        parameters.build(scenario)
    assert str(caught.value) == message


def test_three_classes_fit_on_slices_that_gates_join() -> None:
    joined = {**SLICES, "learning.classes": (0, 1, 2), "learning.communication": "quantum"}
    assert config.load("tiny", {**TEAMS, **joined}).teams == 4
