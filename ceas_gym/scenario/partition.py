"""Checks of settings that say how the neural network is split over the nodes."""

from ceas_gym.scenario.consensus import ConsensusSettings
from ceas_gym.scenario.learning import LearningSettings
from ceas_gym.scenario.network import NetworkSettings

ENCODING_IN_ORDER = ("angle", "dense_angle")
"""Feature maps that encode one feature on each qubit, in their order, before they begin anew."""
TEAM_SCHEMES = ("circuit", "features")
"""Schemes in which several nodes form a team, which makes one update."""


def check(
    network: NetworkSettings, learning: LearningSettings, consensus: ConsensusSettings
) -> None:
    """Checks that teams, circuit and protocol fit each other; returns nothing.

    Args:
        network: Nodes and teams.
        learning: Scheme and circuit.
        consensus: Traps are for teleported data only.

    Raises:
        ValueError: If they don't; the message names the settings.
    """
    if learning.scheme == "data":
        _check_alone(network, learning)
        _check_unused(learning)
    if learning.scheme not in TEAM_SCHEMES:
        # Unknown names are refused where the schemes are.
        return
    _check_teams(network, learning)
    _check_unused(learning)
    _check_placement(network, learning)
    if network.spend == "on_arrival":
        raise ValueError(
            f"network.spend = on_arrival with learning.scheme = {learning.scheme}: the QPUs of a "
            "team spend their pairs together; set it to at_barrier"
        )
    if consensus.committee.trap_share > 0:
        raise ValueError(
            f"consensus.committee.trap_share = {consensus.committee.trap_share:g} with "
            f"learning.scheme = {learning.scheme}: traps are whole samples that are teleported to "
            "a node; set it to 0"
        )


def _check_alone(network: NetworkSettings, learning: LearningSettings) -> None:
    if network.team_size > 1:
        raise ValueError(
            f"network.team_size = {network.team_size} with learning.scheme = {learning.scheme}: "
            "every node runs the whole circuit; set network.team_size to 1, or learning.scheme to "
            "circuit or features"
        )
    if network.teams != "index":
        raise ValueError(
            f"network.teams = {network.teams} with learning.scheme = data: there are no teams to "
            "match; set it to index"
        )
    if learning.placement is not None:
        raise ValueError(
            f"learning.placement = {list(learning.placement)} with learning.scheme = data: every "
            "node holds all qubits; set it to null"
        )


def _check_unused(learning: LearningSettings) -> None:
    # Settings that would have no effect.
    if learning.scheme != "features" and learning.communication != "none":
        raise ValueError(
            f"learning.communication = {learning.communication} with learning.scheme = "
            f"{learning.scheme}: it is for the scheme features; set it to none"
        )
    if learning.placement is not None and learning.qubits_per_qpu is not None:
        raise ValueError(
            f"learning.qubits_per_qpu = {learning.qubits_per_qpu} with learning.placement = "
            f"{list(learning.placement)}: it bounds the best placement only; set one of them to "
            "null"
        )
    if learning.scheme != "circuit" and learning.qubits_per_qpu is not None:
        raise ValueError(
            f"learning.qubits_per_qpu = {learning.qubits_per_qpu} with learning.scheme = "
            f"{learning.scheme}: it is for the scheme circuit; set it to null"
        )


def _check_teams(network: NetworkSettings, learning: LearningSettings) -> None:
    size, scheme = network.team_size, learning.scheme
    if size == 1:
        raise ValueError(
            f"network.team_size = 1 with learning.scheme = {scheme}: set it to the number of nodes "
            "that make an update together, 2 or more"
        )
    if network.nodes % size:
        raise ValueError(
            f"network.team_size = {size} does not divide network.nodes = {network.nodes}, and no "
            f"node may be left over; {network.nodes - network.nodes % size or size} nodes would do"
        )
    if size > learning.qubits:
        raise ValueError(
            f"network.team_size = {size} is more QPUs than learning.qubits = {learning.qubits}, "
            "but each needs a qubit; take smaller teams or more qubits"
        )
    if scheme == "features":
        _check_slices(size, learning)


def _check_slices(size: int, learning: LearningSettings) -> None:
    if learning.qubits % size:
        raise ValueError(
            f"learning.qubits = {learning.qubits} can't be cut in network.team_size = {size} equal "
            f"slices; take a multiple of {size}"
        )
    filled = learning.qubits - learning.qubits // size + 1
    if learning.feature_map in ENCODING_IN_ORDER and learning.features < filled:
        raise ValueError(
            f"learning.features = {learning.features} on network.team_size = {size} slices of "
            f"{learning.qubits // size} qubits leave one without any; take {filled} or more"
        )
    observables = 1 if len(learning.classes) == 2 else len(learning.classes)
    if learning.communication == "none" and observables > learning.qubits // size:
        raise ValueError(
            f"learning.classes = {list(learning.classes)} need as many qubits of each slice to "
            f"read out, but learning.qubits = {learning.qubits} leave it "
            f"{learning.qubits // size}; take {observables * size} qubits or more"
        )


def _check_placement(network: NetworkSettings, learning: LearningSettings) -> None:
    placement, size = learning.placement, network.team_size
    if placement is None:
        most = learning.qubits_per_qpu
        if most is not None and most * size < learning.qubits:
            raise ValueError(
                f"learning.qubits_per_qpu = {most} on network.team_size = {size} QPUs can't hold "
                f"learning.qubits = {learning.qubits}; set it to {-(-learning.qubits // size)} or "
                "more"
            )
        return
    if learning.scheme != "circuit":
        raise ValueError(
            f"learning.placement = {list(placement)} with learning.scheme = features: slices are "
            "placed in order; set it to null"
        )
    if len(placement) != learning.qubits:
        raise ValueError(
            f"learning.placement = {list(placement)} names {len(placement)} QPUs, but must name "
            f"one for each of learning.qubits = {learning.qubits}"
        )
    if set(placement) != set(range(size)):
        raise ValueError(
            f"learning.placement = {list(placement)} must name each of the QPUs 0 to {size - 1} of "
            f"network.team_size = {size}"
        )
