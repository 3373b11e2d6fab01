"""The fast step against the slow one, in 64 bits, with the same luck, where nodes form teams."""

import math

import numpy as np
import pytest
from helpers import beside
from helpers.comparison import SINGLE, requests, same, vary, waits_and_fires
from reference.pairs import MEMORIES, convolve, depolarizing, letters, misread
from reference.variants import BUDGETED, NOISY, QUICK, RELAXING, TEAM_SEEDS, TEAMS, THREE_QPUS

from ceas_gym import parameters
from ceas_gym.network import setup
from ceas_gym.scenario import Scenario

STEPS = 9
"""Windows of an episode in which each step is a window."""
NAMES = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in TEAMS]


@pytest.mark.parametrize("name", NAMES)
def test_step_equals_the_reference(scenario: Scenario, name: str) -> None:
    varied = vary(scenario, BUDGETED | TEAMS[name])
    by_window, nodes = varied.episode.decision == "window", varied.network.nodes
    actions = requests(1, beside.ROUNDS, varied.network.windows, nodes)
    if by_window:
        actions = waits_and_fires(7, STEPS, nodes)
    params, seed = parameters.build(varied), TEAM_SEEDS.get(name, 1)
    total = beside.compare(varied, params, actions, seed=seed)
    assert all(total[figure] > 0 for figure in (*beside.SEEN[:3], "byzantine_weight")), total
    # Less than all teams were counted at times.
    assert total["accepted_nodes"] < total["fired"] * varied.teams or varied.teams == 1
    assert (total["fired"] < len(actions)) == by_window
    assert (total["pairs_sacrificed"] > 0) == (varied.network.purification == "dejmps")
    assert (total["pairs_tested"] > 0) == (varied.consensus.verification.pairs > 0)
    assert (total["waiting"] > 0) == (varied.network.graph is not None)
    assert (total["layout"] > 0) == (varied.episode.layouts > 1)


@pytest.mark.parametrize("memory", MEMORIES)
def test_losses_of_gates_equal_the_reference_step_by_step(scenario: Scenario, memory: str) -> None:
    # Memories so short that the flight of a message counts, and each another one.
    short = {"hardware.node_coherence_s": 1e-3, "hardware.node_coherence_spread": 0.5}
    t1 = RELAXING if memory == "t1_t2" else {}
    changes = {**THREE_QPUS, **NOISY, **t1, **short, "hardware.memory": memory}
    varied = vary(scenario, changes)
    teams, hardware = parameters.build(varied).network.teams, varied.hardware
    _, (_, *nodes_s) = setup.layout(varied.network, hardware)
    t1_per_coherence = (hardware.node_relaxation_s or 1.0) / hardware.node_coherence_s
    flights_s = np.array(varied.network.lengths_km) / hardware.fibre_speed_km_per_s

    def held(time_s: float, k: int) -> tuple[float, ...]:
        xy, z = (math.exp(-time_s / life) for life in (nodes_s[k], t1_per_coherence * nodes_s[k]))
        return MEMORIES[memory]((xy, xy, z))

    gates, runs = teams.shot.gates, teams.shot.runs
    assert len(set(runs)) < len(runs)
    read = misread(hardware.readout)
    swap = convolve(depolarizing(hardware.gate_contraction), read)
    for number, nodes in enumerate([[0, 1, 2], [3, 4, 5], [6, 7, 8]]):
        assert teams.nodes[number].tolist() == nodes
        waits = [flights_s[nodes[one]] + flights_s[nodes[other]] for one, other in gates]
        for gate, (_, other) in enumerate(gates):
            pair = convolve(convolve(swap, read), held(waits[gate], nodes[other]))
            same(teams.gate_contraction[number, gate], letters(pair), SINGLE)
        for run in set(runs):
            longest = max(wait for wait, its in zip(waits, runs, strict=True) if its == run)
            for qpu, k in enumerate(nodes):
                same(teams.idle[number, run, qpu], letters(held(2 * longest, k)), SINGLE)
