"""The fast round against the slow one, in 64 bits, with the same luck: links and memories."""

import math
from functools import reduce

import numpy as np
import pytest
from helpers import beside
from helpers.comparison import SINGLE, same, vary
from reference.pairs import MEMORIES, PERFECT, convolve, depolarizing, letters, misread
from reference.variants import NOISY, RELAXING, RELAYED

from ceas_gym import parameters
from ceas_gym.network import setup
from ceas_gym.scenario import Scenario


@pytest.mark.parametrize("name", beside.variants(of_network=True))
def test_round_equals_the_reference(scenario: Scenario, name: str) -> None:
    beside.check_variant(scenario, name)


def kept(time_s: float, t2_s: float, t1_s: float) -> tuple[float, float, float]:
    """Returns what a wait leaves of X and Y, and of Z where the memory has a T1."""
    xy, z = math.exp(-time_s / t2_s), math.exp(-time_s / t1_s)
    return xy, xy, z


@pytest.mark.parametrize("memory", MEMORIES)
def test_losses_equal_the_reference_step_by_step(scenario: Scenario, memory: str) -> None:
    # Memories so short that the flight of a message counts.
    short = {"hardware.memory": memory, "hardware.node_coherence_s": 1e-3}
    t1 = RELAXING if memory == "t1_t2" else {}
    varied = vary(scenario, {**RELAYED, **NOISY, **t1, **short})
    network, hardware = parameters.build(varied).network, varied.hardware
    _, (hub_s, *nodes_s) = setup.layout(varied.network, hardware)
    hub_t1_s, node_t1_s = hardware.hub_relaxation_s or 1.0, hardware.node_relaxation_s or 1.0
    nodes_t1_s = [node_t1_s * node_s / hardware.node_coherence_s for node_s in nodes_s]
    measured = convolve(depolarizing(hardware.gate_contraction), misread(hardware.readout))
    # Of A, B and C; the vertices are H, A, B, C, R.
    for k, hops_km in enumerate(([4.0, 3.0], [4.0, 3.0, 2.0], [1.0])):
        flight_s = sum(hops_km) / hardware.fibre_speed_km_per_s
        # The swaps' outcomes travel from the first relay to the node or from the last to the hub.
        outcomes_s = max(sum(hops_km[1:]), sum(hops_km[:-1])) / hardware.fibre_speed_km_per_s
        waits = [kept(outcomes_s, hub_s, hub_t1_s), kept(outcomes_s, nodes_s[k], nodes_t1_s[k])]
        swapped = reduce(convolve, [measured] * (len(hops_km) - 1), PERFECT)
        swapped = reduce(convolve, map(MEMORIES[memory], waits), swapped)
        same(network.operations.swap_contraction[:, k], letters(swapped), SINGLE)
        delivered = convolve(measured, MEMORIES[memory](kept(flight_s, nodes_s[k], nodes_t1_s[k])))
        same(network.operations.delivery_contraction[:, k], letters(delivered), SINGLE)
    # Both halves are read, and two errors make none.
    flipped = 2 * hardware.readout * (1 - hardware.readout)
    same((1 - network.key.contraction) / 2, np.array(flipped), SINGLE)
