"""Hardware presets: complete sets of values, each with its source.

The two devices are the complete parameter sets that QuTech ships with squidasm
(`examples/tutorial/realistic_network_configurations`), after appendices A.5 and A.6 of Avis et al.,
npj Quantum Inf. 9 (2023), arXiv:2207.10579. The values of a set belong together, because they were
measured on, or fitted to, one type of device. `custom` is the project's own set: trapped ions with
multiplexing.

Conversions, the same for both devices:

- A depolarizing probability p in NetSquid contracts a qubit by 1 - p. NetSquid's
  `DepolarNoiseModel` acts on each of the two qubits of a gate, so that a Bell measurement contracts
  X and Z by 1 - p, and Y by (1 - p)^2. Here the gate depolarizes both qubits jointly, and contracts
  X, Y and Z by 1 - p.
- T2 is the coherence time of a dephasing memory. T1, an hour or more, is left out; it can be set
  with `memory: t1_t2`.
- The number of memories, `network.memories_per_link`, does not belong to a set.
- In colour centres a carbon spin is read through the electron. Moving its state there is left out,
  of the times as well as of the errors.
- Where the readout errors of 0 and 1 differ, `readout` is one minus their mean, because both
  outcomes are equally frequent in Bell measurements.
"""

from typing import NamedTuple

Value = float | int | str | None


class Figure(NamedTuple):
    """Value of a setting, and its source."""

    value: Value
    source: str


IONS = "Avis et al., arXiv:2207.10579, trapped ions (A.6)"
NV = "Avis et al., arXiv:2207.10579, colour centres (A.5)"
UNUSED = Figure(None, "for scheme = explicit only")
NO_T1 = Figure(None, "for memory = t1_t2 or a model of your own only")
ALIKE = Figure(0.0, "assumption: the set describes one device, and all nodes have the same")
ONE_MODE = Figure(1, "the set describes one communication qubit for each node")

CUSTOM: dict[str, Figure] = {
    "scheme": Figure("double_click", IONS),
    "device_efficiency": Figure(0.111, IONS),
    "dark_probability": Figure(1.4e-5, IONS),
    "visibility": Figure(0.89, IONS),
    "attenuation_db_per_km": Figure(0.25, IONS),
    "fibre_speed_km_per_s": Figure(214_000.0, IONS),
    "attempt_overhead_s": Figure(
        62.6e-6, f"{IONS}: initialisation (36 us) and one single-qubit gate (26.6 us)"
    ),
    "bright_population": Figure(
        0.05, "assumption, of single_click only: a fidelity of 0.95 before all other errors"
    ),
    "modes": Figure(
        10,
        "a train of ten photons, each entangled with an ion of its own: Canteri et al., "
        "arXiv:2406.09480",
    ),
    "success_probability": UNUSED,
    "initial_fidelity": UNUSED,
    "memory": Figure("depolarizing", "assumption: only a fidelity is known of storage"),
    "hub_coherence_s": Figure(
        42.0,
        "an ion-photon pair of fidelity 0.81 after 10 s (Drmota et al., PRL 130, 090803 (2023), "
        "arXiv:2210.11447), which was about 0.96 at first, has kept exp(-10/42) of its contraction",
    ),
    "node_coherence_s": Figure(
        20.0,
        "assumption: half of the hub's; other laboratories report from 85 ms (set of Avis et al.) "
        "to over an hour (Wang et al., Nat. Commun. 12, 233 (2021))",
    ),
    "hub_relaxation_s": NO_T1,
    "node_relaxation_s": NO_T1,
    "node_coherence_spread": Figure(0.5, "assumption"),
    "gate_contraction": Figure(
        0.9996,
        "two-qubit gates of fidelity F = 99.97(1) %: Loschnauer et al., arXiv:2407.07694; "
        "(4 F - 1) / 3 of a depolarizing gate",
    ),
    "readout": Figure(
        0.99991,
        "99.991(1) %, an optical qubit of 40Ca+: Myerson et al., PRL 100, 200502 (2008), "
        "arXiv:0802.1684",
    ),
    "single_qubit_gate_s": Figure(26.6e-6, IONS),
    "two_qubit_gate_s": Figure(
        120e-6,
        "two pulses of 60 us each, as others quote Loschnauer et al., arXiv:2407.07694",
    ),
    "readout_s": Figure(
        145e-6,
        "99.99 % are reached in 145 us on average, if detection ends as soon as the outcome is "
        "clear: Myerson et al., arXiv:0802.1684",
    ),
    "readout_qubits": Figure(
        300,
        "an image of 300 ions: Guo et al., Nature 630, 613 (2024), arXiv:2311.17163; four ions in "
        "one image are read as well as each alone: Burrell et al., PRA 81, 040302 (2010), "
        "arXiv:0906.3304",
    ),
}

TRAPPED_ION: dict[str, Figure] = CUSTOM | {
    "modes": ONE_MODE,
    "memory": Figure("dephasing", f"{IONS}: T2 alone, T1 is off"),
    "hub_coherence_s": Figure(0.085, f"{IONS}: T2"),
    "node_coherence_s": Figure(0.085, f"{IONS}: T2"),
    "node_coherence_spread": ALIKE,
    "gate_contraction": Figure(0.9, f"{IONS}: two-qubit depolarizing probability 0.1"),
    "readout": Figure(1.0, "assumption: the set states no readout error"),
    "single_qubit_gate_s": Figure(26.6e-6, IONS),
    "two_qubit_gate_s": Figure(107e-6, IONS),
    "readout_s": Figure(1.5e-3, IONS),
}

NV_CENTRE: dict[str, Figure] = {
    "scheme": Figure(
        "single_click",
        "assumption: the set heralds by two clicks, once in eight million attempts; experiments "
        "use one: Humphreys et al., Nature 558, 268 (2018), arXiv:1712.07567",
    ),
    "device_efficiency": Figure(5.1e-4, NV),
    "dark_probability": Figure(1.5e-7, NV),
    "visibility": Figure(0.9, NV),
    "attenuation_db_per_km": Figure(0.25, NV),
    "fibre_speed_km_per_s": Figure(214_000.0, NV),
    "attempt_overhead_s": Figure(
        5.5e-6, "NetSquid-NV, parameters of 2019: one attempt, over metres of fibre"
    ),
    "bright_population": Figure(
        0.05,
        "assumption: where Humphreys et al. and Hermans et al., arXiv:2208.07449, trade rate for "
        "fidelity; the fidelity is at most one minus it",
    ),
    "modes": ONE_MODE,
    "success_probability": UNUSED,
    "initial_fidelity": UNUSED,
    "memory": Figure("dephasing", f"{NV}: a carbon spin; T1, 10 h, is left out"),
    "hub_coherence_s": Figure(1.0, f"{NV}: T2 of carbon; moving the state there is left out"),
    "node_coherence_s": Figure(1.0, f"{NV}: T2 of carbon; moving the state there is left out"),
    "hub_relaxation_s": NO_T1,
    "node_relaxation_s": NO_T1,
    "node_coherence_spread": ALIKE,
    "gate_contraction": Figure(0.94, f"{NV}: electron-carbon depolarizing probability 0.06"),
    "readout": Figure(0.9625, f"{NV}: mean of the errors 0.07 of 0 and 0.005 of 1"),
    "single_qubit_gate_s": Figure(20e-6, f"{NV}: a rotation of a carbon spin"),
    "two_qubit_gate_s": Figure(500e-6, f"{NV}: a gate of electron and carbon spin"),
    "readout_s": Figure(3.7e-6, f"{NV}: of the electron; moving a state there is left out"),
    "readout_qubits": Figure(1, f"{NV}: the electron alone can be read"),
}

PRESETS: dict[str, dict[str, Figure]] = {
    "custom": CUSTOM,
    "trapped_ion": TRAPPED_ION,
    "nv_centre": NV_CENTRE,
}
"""For each preset, the value and source of every hardware setting."""

ABOUT: dict[str, str] = {
    "custom": "Trapped ions with multiplexing: the defaults, for figures of your own.",
    "trapped_ion": "One trapped ion a node, heralded by two clicks, dephasing within 85 ms.",
    "nv_centre": "A colour centre in diamond, heralded by one click; a carbon spin of T2 = 1 s.",
}
"""Description of each preset in one line."""
