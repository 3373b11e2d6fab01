"""Checks of settings that say how the neural network is split over the nodes."""

from ceas_gym.scenario.consensus import ConsensusSettings
from ceas_gym.scenario.learning import LearningSettings
from ceas_gym.scenario.network import NetworkSettings

TEAM_SCHEMES = ("circuit", "features")
"""Schemes in which several nodes work on a circuit together."""


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
    if learning.scheme not in TEAM_SCHEMES:
        # Unknown names are refused where the schemes are.
        _check_alone(network, learning)
        return
    _check_teams(network, learning)
    _check_placement(network, learning)
    for setting, is_set in (
        ("network.spend = on_arrival", network.spend == "on_arrival"),
        (
            f"consensus.committee.trap_share = {consensus.committee.trap_share:g}",
            consensus.committee.trap_share > 0,
        ),
    ):
        if is_set:
            raise ValueError(f"{setting} with learning.scheme = {learning.scheme}: it needs data")


def _check_alone(network: NetworkSettings, learning: LearningSettings) -> None:
    if network.team_size > 1:
        raise ValueError(
            f"network.team_size = {network.team_size} with learning.scheme = {learning.scheme}: "
            "every node runs the whole circuit; take the scheme circuit or features, or team_size = 1"
        )
    if learning.placement != "best":
        raise ValueError(
            f"learning.placement with learning.scheme = {learning.scheme}: nothing is placed"
        )


def _check_teams(network: NetworkSettings, learning: LearningSettings) -> None:
    size, scheme = network.team_size, learning.scheme
    if size == 1:
        raise ValueError(
            f"network.team_size = 1 with learning.scheme = {scheme}: set it to the number of nodes "
            "that run a circuit together"
        )
    if network.nodes % size:
        raise ValueError(
            f"network.team_size = {size} does not divide network.nodes = {network.nodes}"
        )
    if size > learning.qubits:
        raise ValueError(
            f"network.team_size = {size} is more QPUs than learning.qubits = {learning.qubits}"
        )
    if scheme == "features":
        _check_slices(size, learning)


def _check_slices(size: int, learning: LearningSettings) -> None:
    if learning.qubits % size:
        raise ValueError(
            f"learning.qubits = {learning.qubits} can't be cut in network.team_size = {size} equal "
            "slices"
        )
    observables = 1 if len(learning.classes) == 2 else len(learning.classes)
    if learning.communication == "none" and observables > learning.qubits // size:
        raise ValueError(
            f"learning.classes = {list(learning.classes)} need as many qubits of each slice, which "
            f"has {learning.qubits // size}"
        )


def _check_placement(network: NetworkSettings, learning: LearningSettings) -> None:
    placement, size = learning.placement, network.team_size
    if placement == "best":
        most = learning.qubits_per_qpu
        if most is not None and most * size < learning.qubits:
            raise ValueError(
                f"learning.qubits_per_qpu = {most} on network.team_size = {size} QPUs can't hold "
                f"learning.qubits = {learning.qubits}"
            )
        return
    if learning.scheme != "circuit":
        raise ValueError(
            "learning.placement with learning.scheme = features: slices are placed in order"
        )
    if len(placement) != learning.qubits:
        raise ValueError(
            f"learning.placement has {len(placement)} entries for learning.qubits = "
            f"{learning.qubits}"
        )
    if set(placement) != set(range(size)):
        raise ValueError(
            f"learning.placement = {list(placement)} must name each of the QPUs 0 to {size - 1} of "
            f"network.team_size = {size}"
        )
