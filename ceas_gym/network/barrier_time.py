"""How long a barrier takes, in seconds and in whole windows.

At a barrier the hub teleports all registers of data. It sends the corrections together with the
model, in one message of instructions. Each node runs its shots, and sends its update. A committee
then agrees. So a barrier takes

    2 F + E f + S (t_hub + t_node),

where F is the flight of light over the longest route, f that between two members of the committee,
E the number of exchanges among members, and S the number of shots of a node: as many as its
memories allow. For a shot of k pairs,

    t_hub = k (t_1 + t_2) + ceil(2 k / q) t_r: a Bell measurement of each pair and its data qubit,
    t_node = k t_1 + g_1 t_1 + g_2 t_2 + t_r: the corrections, the ansatz, and one readout.

Where gates are teleported instead of data, k is the number of these gates, and the hub joins the
pairs of two links by each Bell measurement. In each run of gates, signals travel 4 F, between two
nodes through the hub and back. A node takes part in at most e gates of a shot, each with a gate on
its half of the pair, a turn of it, and its readout:

    t_node = e (t_1 + t_2 + t_r) + r 4 F + k t_1 + g_1 t_1 + g_2 t_2 + t_r, with r runs in a shot.

Here t_1, t_2 and t_r are the durations of a gate on one qubit, on two qubits, and of a readout; g_1
and g_2 are the numbers of gates of the ansatz; and q qubits are read at the same time.

A device makes its gates one after the other, because ions of a crystal share their motion, and the
spins of a colour centre its electron. All nodes work side by side, and the hub has such a device
for each link. The hub prepares the data on other qubits meanwhile, at no cost of time.
"""

from dataclasses import dataclass
from math import ceil

from ceas_gym.network.limits import ROUNDING
from ceas_gym.scenario import HardwareSettings, NetworkSettings
from ceas_gym.scenario.network import MOST_BARRIER_WINDOWS

CROSSINGS = 2
"""Flights over the longest route: instructions to the nodes, and updates back."""
RUN_CROSSINGS = 4
"""The same for a run of teleported gates: from one node to another through the hub, and back."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What nodes and members do at a barrier; every number is at least 0."""

    shots: int
    """Most shots of a node; see `most_shots`."""
    pairs_per_shot: int
    """Bell measurements of a shot at the hub, each with a correction: k."""
    single_qubit_gates: int
    """Gates of the ansatz on one qubit."""
    two_qubit_gates: int
    """Gates of the ansatz on two qubits."""
    remote_gates: int = 0
    """Teleported gates of a shot that the busiest node takes part in: e."""
    runs: int = 0
    """Runs of teleported gates in a shot: r."""
    exchanges: int = 0
    """Exchanges among the members of the committee; 0 for a single hub."""
    member_km: float = 0.0
    """Length of the fibre between two members, in km."""


def most_shots(memories_per_link: int, pairs_per_shot: int) -> int:
    """Returns how many shots the pairs of full memories make.

    Args:
        memories_per_link: Memory qubits of a link; at least 0.
        pairs_per_shot: At least 1.

    Example:
        >>> most_shots(memories_per_link=512, pairs_per_shot=4)
        128
    """
    return memories_per_link // pairs_per_shot


def resolved(
    settings: NetworkSettings,
    hardware: HardwareSettings,
    work: Work,
    longest_route_km: float,
    *,
    derived: bool,
) -> int:
    """Returns the whole windows that a barrier takes, in [0, `MOST_BARRIER_WINDOWS`].

    Args:
        settings: Its `barrier_windows` counts if it is set, and `window_s` otherwise.
        hardware: Durations of operations, and speed of light in the fibre.
        work: What is done at the barrier.
        longest_route_km: Length of the longest route from hub to node.
        derived: Whether a barrier takes time if `barrier_windows` is not set.

    Raises:
        ValueError: If the derived number is above `MOST_BARRIER_WINDOWS`.
    """
    if settings.barrier_windows is not None:
        return settings.barrier_windows
    if not derived:
        return 0
    found = windows(hardware, work, longest_route_km, settings.window_s)
    if found > MOST_BARRIER_WINDOWS:
        raise ValueError(
            f"network.window_s = {settings.window_s:g}: a barrier of {work.shots} shots takes "
            f"{seconds(hardware, work, longest_route_km):.3g} s, more than {MOST_BARRIER_WINDOWS} "
            "windows; make the windows longer, or set network.barrier_windows"
        )
    return found


def windows(
    hardware: HardwareSettings, work: Work, longest_route_km: float, window_s: float
) -> int:
    """Returns the windows that a barrier takes, rounded up; at least 1.

    Args:
        hardware: Durations of operations, and speed of light in the fibre.
        work: What is done at the barrier.
        longest_route_km: Length of the longest route from hub to node.
        window_s: Duration of a window; greater than 0.

    Example:
        >>> work = Work(shots=128, pairs_per_shot=4, single_qubit_gates=24, two_qubit_gates=12)
        >>> windows(HardwareSettings(), work, longest_route_km=20.0, window_s=0.1)
        4
    """
    # A barrier that lasts exactly some windows must not take one more for an error of rounding.
    return max(1, ceil(seconds(hardware, work, longest_route_km) / window_s * (1 - ROUNDING)))


def seconds(hardware: HardwareSettings, work: Work, longest_route_km: float) -> float:
    """Returns the time that a barrier takes, in s.

    Args:
        hardware: Durations of operations, and speed of light in the fibre.
        work: What is done at the barrier.
        longest_route_km: Length of the longest route from hub to node.

    Example:
        >>> work = Work(shots=128, pairs_per_shot=4, single_qubit_gates=24, two_qubit_gates=12)
        >>> round(seconds(HardwareSettings(), work, longest_route_km=20.0), 4)
        0.392
    """
    crossings = CROSSINGS + work.shots * work.runs * RUN_CROSSINGS
    travelled_km = crossings * longest_route_km + work.exchanges * work.member_km
    shot_s = _hub_s(hardware, work) + _node_s(hardware, work)
    return travelled_km / hardware.fibre_speed_km_per_s + work.shots * shot_s


def _hub_s(hardware: HardwareSettings, work: Work) -> float:
    # A Bell measurement is a CNOT, a Hadamard gate, and the readout of both qubits.
    gates_s = work.pairs_per_shot * (hardware.two_qubit_gate_s + hardware.single_qubit_gate_s)
    readouts = ceil(2 * work.pairs_per_shot / hardware.readout_qubits)
    return gates_s + readouts * hardware.readout_s


def _node_s(hardware: HardwareSettings, work: Work) -> float:
    # A correction is one Pauli gate. A shot measures one observable, and so reads one qubit.
    single = work.pairs_per_shot + work.single_qubit_gates
    gates_s = (
        single * hardware.single_qubit_gate_s + work.two_qubit_gates * hardware.two_qubit_gate_s
    )
    remote_s = hardware.single_qubit_gate_s + hardware.two_qubit_gate_s + hardware.readout_s
    return work.remote_gates * remote_s + gates_s + hardware.readout_s
