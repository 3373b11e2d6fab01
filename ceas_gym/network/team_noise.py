"""Noise of gates that are teleported between the QPUs of a team, apart from that of their pairs.

The hub joins a pair of each QPU's link by a swap. Then the control's QPU sends the outcome of its
readout to the targets' QPU, whose half of the pair waits for it. Later, the targets' QPU sends the
outcome of its own readout back. Both signals travel through the hub, and all qubits of the circuit
wait meanwhile. The outcome of the swap arrives no later than the first signal. Gates of a run wait
together. The time of local gates is left out, as in the data partition.
"""

import numpy as np
from jaxtyping import Array, Float

from ceas_gym.jax_utils.fast_compile import array, once
from ceas_gym.network import teams
from ceas_gym.network.topology import Topology
from ceas_gym.physics import bell
from ceas_gym.scenario import HardwareSettings, NetworkSettings
from ceas_gym.types import Generation, Shot, Teams

SIGNALS = 2
"""Signals of a teleported gate, one after the other: from the control's QPU, and back to it."""


def build(
    settings: NetworkSettings,
    hardware: HardwareSettings,
    routes: Topology,
    decay_rate: Float[np.ndarray, "xyz vertices"],
    generation: Generation,
    shot: Shot,
) -> Teams:
    """Returns the teams, and the noise of the gates between their QPUs.

    Args:
        settings: Size of a team, and how nodes are matched.
        hardware: Noise of gates and readout, and speed of light in the fibre.
        routes: Length of each node's route.
        decay_rate: Decay of the contractions in each memory, per s.
        generation: Rates and contractions of the links, by which nodes are matched.
        shot: What a shot takes of each QPU.
    """
    quality = _quality(generation) if settings.teams == "matched" else None
    nodes = teams.members(settings.nodes, settings.team_size, quality, shot)
    rate = decay_rate[:, routes.vertex[nodes]].transpose(1, 2, 0)
    latency_s = (routes.route_km / hardware.fibre_speed_km_per_s)[nodes]
    first, second = np.array(shot.gates, int).reshape(-1, 2).T
    wait_s = latency_s[:, first] + latency_s[:, second]
    measured = measurement(hardware.gate_contraction, hardware.readout)
    read = measurement(1.0, hardware.readout)
    outcome = np.exp(-wait_s[..., None] * rate[:, second])
    order = nodes.ravel().argsort()
    return Teams(
        nodes=array(nodes, np.int32),
        of_node=array(order // nodes.shape[1], np.int32),
        qpu=array(order % nodes.shape[1], np.int32),
        gate_contraction=array(measured * read * outcome),
        idle=array(np.exp(-_of_runs(SIGNALS * wait_s, shot)[..., None, None] * rate[:, None])),
        shot=shot,
    )


def measurement(gate_contraction: float, readout: float) -> Float[np.ndarray, " xyz"]:
    """Returns the contraction of X, Y and Z by a Bell measurement, as of `bell.teleport`.

    Args:
        gate_contraction: Contraction by its two-qubit gate, in [0, 1].
        readout: Probability that one of its two bits is read correctly, in [0, 1].
    """
    return np.asarray(_teleported(gate_contraction, readout))


@once
def _teleported(gate_contraction: Array, readout: Array) -> Array:
    return bell.teleport(bell.werner(1.0), gate_contraction, readout)


def _of_runs(
    wait_s: Float[np.ndarray, "teams gates"], shot: Shot
) -> Float[np.ndarray, "teams runs"]:
    # The longest wait of the run's gates.
    runs = sorted(set(shot.runs))
    longest = [wait_s[:, np.array(shot.runs) == run].max(axis=1) for run in runs]
    return np.stack(longest, axis=1) if runs else np.zeros((len(wait_s), 0))


def _quality(generation: Generation) -> Float[np.ndarray, " nodes"]:
    # As `forecast.quality`, but without relays' swaps, and in NumPy.
    tried = np.floor(np.asarray(generation.attempts_per_window)) * int(generation.modes)
    pairs = tried * np.asarray(generation.success_probability)
    is_hop = pairs > 0
    kept = np.where(is_hop, np.asarray(generation.contraction), 1.0).prod(axis=-1).mean(axis=0)
    return np.where(is_hop, pairs, np.inf).min(axis=1) * kept**2
