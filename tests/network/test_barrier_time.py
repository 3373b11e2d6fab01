"""How long a barrier takes: by hand, operation by operation, and as settings decide."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.refusals import refusal
from hypothesis import given
from hypothesis import strategies as st

from ceas_gym import config, pacing, parameters
from ceas_gym.consensus.committee import counts
from ceas_gym.consensus.committee.settings import Committee
from ceas_gym.consensus.setup import ALONE
from ceas_gym.network import barrier_time, setup
from ceas_gym.network.barrier_time import Work
from ceas_gym.scenario import HardwareSettings, NetworkSettings, Scenario

SLOW = HardwareSettings(
    fibre_speed_km_per_s=1000.0,
    single_qubit_gate_s=1e-3,
    two_qubit_gate_s=10e-3,
    readout_s=100e-3,
    readout_qubits=3,
)
SMALL = Work(
    shots=5, pairs_per_shot=2, single_qubit_gates=6, two_qubit_gates=4, exchanges=9, member_km=20.0
)
DEFAULT = Work(shots=128, pairs_per_shot=4, single_qubit_gates=12, two_qubit_gates=12)
"""The default circuit, of four qubits and three layers, and 512 memories."""
PAGE = (Path(__file__).parents[2] / "docs" / "model.md").read_text()


def work_of(scenario: Scenario) -> Work:
    """Returns what is done at the barriers of a scenario with a single hub."""
    learner = parameters.build(scenario).learning
    (pairs,) = learner.shot.ends
    return Work(
        shots=barrier_time.most_shots(scenario.network.memories_per_link, pairs),
        pairs_per_shot=pairs,
        single_qubit_gates=learner.program.gates_on(1),
        two_qubit_gates=learner.program.gates_on(2),
    )


def test_shots_with_teleported_gates_wait_for_signals() -> None:
    circuit = {"scheme": "circuit"}
    scenario = Scenario.model_validate(
        {"network": {"nodes": 10, "team_size": 2}, "learning": circuit}
    )
    learner = parameters.build(scenario).learning
    found = pacing.work(scenario, learner, ALONE)
    # Three gates in two runs; both nodes take part in each of them.
    assert (found.pairs_per_shot, found.remote_gates, found.runs) == (3, 3, 2)
    assert found.shots == 512 // 3
    more = barrier_time.seconds(SLOW, replace(found, shots=1), longest_route_km=100.0)
    without = replace(found, shots=1, remote_gates=0, runs=0)
    # Eight flights of 0.1 s, and three times a gate on two qubits, one on one, and a readout.
    signals_s = more - barrier_time.seconds(SLOW, without, longest_route_km=100.0)
    assert signals_s == pytest.approx(0.8 + 3 * 0.111, rel=1e-12)


# --- The formula ---


def test_a_small_barrier_by_hand() -> None:
    # Two flights of 0.25 s, and nine of 0.02 s among members.
    flights_s = 0.5 + 0.18
    # Two CNOT and two Hadamard gates, and four qubits in two readouts.
    hub_s = 0.022 + 0.2
    # Two corrections and the ansatz, and one readout.
    node_s = 0.002 + 0.006 + 0.04 + 0.1
    found = barrier_time.seconds(SLOW, SMALL, longest_route_km=250.0)
    assert found == pytest.approx(flights_s + 5 * (hub_s + node_s), rel=1e-12)
    assert found == pytest.approx(2.53, rel=1e-12)
    assert barrier_time.windows(SLOW, SMALL, longest_route_km=250.0, window_s=0.5) == 6


def timetable(hardware: HardwareSettings, work: Work, longest_route_km: float) -> float:
    """Returns the time at which all is over, one operation after the other."""
    clock = 0.0
    for _ in range(work.shots):
        waiting = 2 * work.pairs_per_shot
        for _ in range(work.pairs_per_shot):
            clock += hardware.two_qubit_gate_s
            clock += hardware.single_qubit_gate_s
        while waiting > 0:
            clock += hardware.readout_s
            waiting -= hardware.readout_qubits
    clock += longest_route_km / hardware.fibre_speed_km_per_s
    for _ in range(work.shots):
        for _ in range(work.remote_gates):
            clock += hardware.two_qubit_gate_s
            clock += hardware.single_qubit_gate_s
            clock += hardware.readout_s
        for _ in range(work.runs):
            for _ in ("to the hub", "to the other node", "to the hub again", "and back"):
                clock += longest_route_km / hardware.fibre_speed_km_per_s
        for _ in range(work.pairs_per_shot + work.single_qubit_gates):
            clock += hardware.single_qubit_gate_s
        for _ in range(work.two_qubit_gates):
            clock += hardware.two_qubit_gate_s
        clock += hardware.readout_s
    clock += longest_route_km / hardware.fibre_speed_km_per_s
    for _ in range(work.exchanges):
        clock += work.member_km / hardware.fibre_speed_km_per_s
    return clock


NUMBERS = st.integers(0, 6)
DURATIONS = st.floats(0, 1)


@given(
    hardware=st.builds(
        HardwareSettings,
        single_qubit_gate_s=DURATIONS,
        two_qubit_gate_s=DURATIONS,
        readout_s=DURATIONS,
        readout_qubits=st.integers(1, 20),
        fibre_speed_km_per_s=st.floats(1, 10),
    ),
    work=st.builds(
        Work,
        shots=NUMBERS,
        pairs_per_shot=st.integers(1, 6),
        single_qubit_gates=NUMBERS,
        two_qubit_gates=NUMBERS,
        remote_gates=NUMBERS,
        runs=NUMBERS,
        exchanges=NUMBERS,
        member_km=DURATIONS,
    ),
    longest_route_km=DURATIONS,
)
def test_a_barrier_lasts_as_long_as_its_operations_one_by_one(
    hardware: HardwareSettings, work: Work, longest_route_km: float
) -> None:
    found = barrier_time.seconds(hardware, work, longest_route_km)
    assert found == pytest.approx(timetable(hardware, work, longest_route_km), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("changes", "longer_s"),
    [
        ({"shots": 6}, 0.37),
        ({"pairs_per_shot": 3}, 5 * 0.012),
        ({"single_qubit_gates": 7}, 5 * 0.001),
        ({"two_qubit_gates": 5}, 5 * 0.01),
        ({"exchanges": 10}, 0.02),
        ({"member_km": 30.0}, 9 * 0.01),
    ],
)
def test_more_work_takes_so_much_longer(changes: dict[str, Any], longer_s: float) -> None:
    before = barrier_time.seconds(SLOW, SMALL, longest_route_km=250.0)
    after = barrier_time.seconds(SLOW, replace(SMALL, **changes), longest_route_km=250.0)
    assert after - before == pytest.approx(longer_s, rel=1e-9)


def test_each_kilometre_is_crossed_down_and_up() -> None:
    near, far = (barrier_time.seconds(SLOW, SMALL, longest_route_km=km) for km in (250.0, 251.0))
    assert far - near == pytest.approx(2 / 1000, rel=1e-9)


@pytest.mark.parametrize(
    ("preset", "shot_ms", "row"),
    [
        # Of the hub and of a node.
        ("custom", 0.7314 + 2.0106, "26.6 us | 120 us | 145 us | 300 | 2.74 ms | 0.35 s"),
        ("trapped_ion", 2.0344 + 3.2096, "26.6 us | 107 us | 1500 us | 300 | 5.24 ms | 0.67 s"),
        ("nv_centre", 2.1096 + 6.3237, "20 us | 500 us | 3.7 us | 1 | 8.43 ms | 1.08 s"),
    ],
)
def test_the_presets_need_as_long_as_the_page_says(preset: str, shot_ms: float, row: str) -> None:
    found = barrier_time.seconds(HardwareSettings(preset=preset), DEFAULT, longest_route_km=0.0)
    assert found == pytest.approx(128e-3 * shot_ms, rel=1e-9)
    assert row.endswith(f"{shot_ms:.2f} ms | {found:.2f} s")
    assert f"| `{preset}` | {row} |" in PAGE


# --- Whole windows ---

ONLY_LIGHT = Work(shots=0, pairs_per_shot=1, single_qubit_gates=0, two_qubit_gates=0)


@pytest.mark.parametrize(
    ("longest_route_km", "window_s", "expected"),
    [
        (0.0, 1.0, 1),
        (1e-9, 1.0, 1),
        (499.9, 1.0, 1),
        (500.0, 1.0, 1),
        (500.1, 1.0, 2),
        # In 64 bits, 0.3 / 0.1 and 0.6 / 0.2 are not 3, and 2.1 / 0.3 is above 7.
        (150.0, 0.1, 3),
        (300.0, 0.2, 3),
        (1050.0, 0.3, 7),
    ],
)
def test_windows_are_rounded_up_to_at_least_one(
    longest_route_km: float, window_s: float, expected: int
) -> None:
    assert barrier_time.windows(SLOW, ONLY_LIGHT, longest_route_km, window_s) == expected


@pytest.mark.parametrize(
    ("memories", "pairs", "shots"), [(512, 4, 128), (7, 4, 1), (8, 4, 2), (3, 4, 0)]
)
def test_full_memories_make_whole_shots(memories: int, pairs: int, shots: int) -> None:
    assert barrier_time.most_shots(memories, pairs) == shots


# --- What settings say ---


def resolved(settings: NetworkSettings, *, derived: bool) -> int:
    return barrier_time.resolved(settings, SLOW, SMALL, 250.0, derived=derived)


@pytest.mark.parametrize("asked", [0, 7, 10_000])
@pytest.mark.parametrize("derived", [False, True])
def test_a_number_of_windows_that_is_set_counts(asked: int, derived: bool) -> None:
    # With windows so short, it could not be derived.
    settings = NetworkSettings(barrier_windows=asked, window_s=1e-9)
    assert resolved(settings, derived=derived) == asked


def test_by_default_it_is_derived_or_nothing() -> None:
    assert NetworkSettings().barrier_windows is None
    assert resolved(NetworkSettings(window_s=0.5), derived=True) == 6
    assert resolved(NetworkSettings(window_s=0.5), derived=False) == 0


def test_a_barrier_of_too_many_windows_is_refused() -> None:
    assert resolved(NetworkSettings(window_s=2.53e-4), derived=True) == 10_000
    with pytest.raises(ValueError, match="more than") as refused:
        resolved(NetworkSettings(window_s=2.5e-4), derived=True)
    assert str(refused.value) == (
        "network.window_s = 0.00025: a barrier of 5 shots takes 2.53 s, more than 10000 windows; "
        "make the windows longer, or set network.barrier_windows"
    )


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("network.barrier_windows", -1, "an integer from 0 to 10000, or null, but is -1"),
        ("network.barrier_windows", 10_001, "an integer from 0 to 10000, or null, but is 10001"),
        ("network.barrier_windows", 1.5, "an integer from 0 to 10000, or null, but is 1.5"),
        ("hardware.readout_s", -1e-6, "a finite number from 0 to 3600, but is -1e-06"),
        ("hardware.two_qubit_gate_s", 4000, "a finite number from 0 to 3600, but is 4000"),
        ("hardware.single_qubit_gate_s", np.nan, "a finite number from 0 to 3600, but is nan"),
        ("hardware.readout_qubits", 0, "an integer from 1 to 1000000, but is 0"),
    ],
)
def test_bad_values_are_refused_with_what_is_allowed(key: str, value: float, message: str) -> None:
    assert refusal("tiny", {key: value}) == f"overrides: {key} must be {message}"


# --- Scenarios ---


def test_a_committee_takes_longer_by_its_exchanges() -> None:
    four = counts.exchanges_among_members(Committee(members=4, byzantine=1))
    alone = counts.exchanges_among_members(Committee(members=1))
    times = [
        barrier_time.seconds(SLOW, replace(SMALL, exchanges=number), longest_route_km=250.0)
        for number in (alone, four)
    ]
    assert times[1] - times[0] == pytest.approx(9 * 0.02, rel=1e-9)


def test_the_barrier_of_tiny_is_that_of_its_circuit() -> None:
    """Two qubits and 512 memories; each layer has a CZ, and at most two rotations of a qubit."""
    scenario = config.load(
        "tiny", {"learning.estimator": "all", "network.lengths_km": [1.0, 3.0, 2.0, 0.5]}
    )
    work = work_of(scenario)
    assert work == Work(
        shots=256, pairs_per_shot=2, single_qubit_gates=8, two_qubit_gates=2, exchanges=0
    )
    routes, _ = setup.layout(scenario.network, scenario.hardware)
    shot_s = (2 + 2 + 8) * 26.6e-6 + (2 + 2) * 120e-6 + 2 * 145e-6
    assert barrier_time.seconds(scenario.hardware, work, routes.longest_route_km) == pytest.approx(
        6 / 214_000 + 256 * shot_s, rel=1e-9
    )


def test_what_cannot_change_the_read_out_is_not_run() -> None:
    every, cone = (work_of(config.load("tiny", {"learning.estimator": e})) for e in ("all", "cone"))
    assert cone.single_qubit_gates < every.single_qubit_gates


def test_more_layers_make_more_gates() -> None:
    gates = [
        work_of(config.load("tiny", {"learning.layers": n})).two_qubit_gates for n in (1, 2, 3)
    ]
    assert gates == [1, 2, 3]
