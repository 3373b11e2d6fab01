"""Settings of the photon interface, the memories and the gates: a preset, and changes to it."""

from typing import Annotated, Any, Literal, cast

from pydantic import Field, model_validator

from ceas_gym.registry import nearest
from ceas_gym.scenario.presets import PRESETS
from ceas_gym.scenario.section import Coherence, Probability, Section

Duration = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
"""Of an operation on qubits, in s; 0 leaves its time out."""
COHERENCE_ONLY = ("depolarizing", "dephasing")
"""Memory models that have a coherence time, but no T1."""
DEFAULTS: dict[str, Any] = {name: figure.value for name, figure in PRESETS["custom"].items()}


class HardwareSettings(Section, frozen=True):
    """Photon interface, memories and gates of the nodes, the relays and the hub.

    A setting that is left out has the value of the preset. `ceas_gym.scenario.presets` has all
    values with their sources.

    Example:
        >>> HardwareSettings(preset="nv_centre", visibility=0.95).device_efficiency
        0.00051
    """

    preset: str = "custom"
    """`trapped_ion`, `nv_centre`, or `custom`: the project's own defaults."""
    scheme: Literal["double_click", "single_click", "explicit"] = DEFAULTS["scheme"]
    """How a pair is heralded: by two photons, by one, or as `success_probability` says."""
    device_efficiency: Annotated[float, Field(gt=0, le=1)] = DEFAULTS["device_efficiency"]
    """Probability that a photon is emitted, collected and detected, without the fibre."""
    dark_probability: Annotated[float, Field(ge=0, lt=1)] = DEFAULTS["dark_probability"]
    """Probability of a dark count in a detection window, for each detector."""
    visibility: Probability = DEFAULTS["visibility"]
    """Squared overlap of the two photons."""
    attenuation_db_per_km: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = DEFAULTS[
        "attenuation_db_per_km"
    ]
    fibre_speed_km_per_s: Annotated[float, Field(ge=1, le=1e9, allow_inf_nan=False)] = DEFAULTS[
        "fibre_speed_km_per_s"
    ]
    """Speed of light in fibre; set it far above to leave out the time of flight."""
    attempt_overhead_s: Annotated[float, Field(ge=1e-9, le=3600, allow_inf_nan=False)] = DEFAULTS[
        "attempt_overhead_s"
    ]
    """Duration of one attempt without the flight of the photon and of its herald, which is added.
    """
    bright_population: Annotated[float, Field(gt=0, lt=1)] = DEFAULTS["bright_population"]
    """Bright-state population in the scheme `single_click`."""
    modes: Annotated[int, Field(ge=1, le=10**4)] = DEFAULTS["modes"]
    """Qubits of a link that attempt at the same time."""
    success_probability: Annotated[float, Field(gt=0, le=1)] | None = None
    """Success probability of one attempt, in place of the model (scheme `explicit` only)."""
    initial_fidelity: Annotated[float, Field(gt=0.25, le=1)] | None = None
    """Fidelity of a pair when heralded, in place of the model (scheme `explicit` only)."""
    memory: str = DEFAULTS["memory"]
    """Model of the memories' noise: `depolarizing`, `dephasing`, `t1_t2`, or `module:function`."""
    hub_coherence_s: Coherence = DEFAULTS["hub_coherence_s"]
    """Time in which the contraction of the hub's memory falls to 1/e: of X, Y and Z if
    depolarizing, otherwise of X and Y (T2)."""
    node_coherence_s: Coherence = DEFAULTS["node_coherence_s"]
    """The same for the nodes' memories, as the median over nodes. Relays have it as well."""
    hub_relaxation_s: Coherence | None = DEFAULTS["hub_relaxation_s"]
    """T1 of the hub's memory, at least half its coherence time; for the memory `t1_t2`, or a
    user's own."""
    node_relaxation_s: Coherence | None = DEFAULTS["node_relaxation_s"]
    """The same for the nodes' memories, as the median over nodes. Relays have it as well."""
    node_coherence_spread: Annotated[float, Field(ge=0, le=5)] = DEFAULTS["node_coherence_spread"]
    """Standard deviation of the logarithm of the nodes' coherence times. A node's T1 differs from
    the median by the same factor as its coherence time."""
    gate_contraction: Probability = DEFAULTS["gate_contraction"]
    """Contraction by the two-qubit gate of a teleportation, a swap or a purification, which
    depolarizes both qubits jointly."""
    readout: Annotated[float, Field(ge=0.5, le=1)] = DEFAULTS["readout"]
    """Probability that one measured bit is read correctly."""
    single_qubit_gate_s: Duration = DEFAULTS["single_qubit_gate_s"]
    """Duration of a gate on one qubit. This and the next three settings only decide how long a
    barrier takes (`network.barrier_windows`)."""
    two_qubit_gate_s: Duration = DEFAULTS["two_qubit_gate_s"]
    """Duration of a gate on two qubits. The gates of a device are made one after the other."""
    readout_s: Duration = DEFAULTS["readout_s"]
    """Duration of a readout."""
    readout_qubits: Annotated[int, Field(ge=1, le=10**6)] = DEFAULTS["readout_qubits"]
    """Most qubits of a device that are read at the same time."""

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:  # noqa: ANN401 (whatever a user gives)
        if not isinstance(data, dict):
            return data
        given = cast("dict[str, Any]", data)
        preset = given.get("preset", "custom")
        if not isinstance(preset, str):
            return given
        if preset not in PRESETS:
            raise ValueError(f"preset {preset!r} is unknown; {nearest(preset, PRESETS)}")
        return {name: figure.value for name, figure in PRESETS[preset].items()} | given

    @model_validator(mode="after")
    def _check(self) -> "HardwareSettings":
        explicit = (self.success_probability, self.initial_fidelity)
        if self.scheme == "explicit" and None in explicit:
            raise ValueError("scheme = explicit needs success_probability and initial_fidelity")
        if self.scheme != "explicit" and explicit != (None, None):
            raise ValueError(
                "success_probability and initial_fidelity are for scheme = explicit only, "
                f"but scheme = {self.scheme}"
            )
        return self

    @model_validator(mode="after")
    def _check_relaxation(self) -> "HardwareSettings":
        times = (self.hub_relaxation_s, self.node_relaxation_s)
        if self.memory == "t1_t2" and None in times:
            raise ValueError("memory = t1_t2 needs hub_relaxation_s and node_relaxation_s")
        if self.memory in COHERENCE_ONLY and times != (None, None):
            raise ValueError(
                "hub_relaxation_s and node_relaxation_s are for memory = t1_t2 or a model of your "
                f"own, but memory = {self.memory}"
            )
        for place, coherence, relaxation in (
            ("hub", self.hub_coherence_s, self.hub_relaxation_s),
            ("node", self.node_coherence_s, self.node_relaxation_s),
        ):
            if relaxation is not None and coherence > 2 * relaxation:
                raise ValueError(
                    f"{place}_coherence_s = {coherence:g} is more than twice {place}_relaxation_s "
                    f"= {relaxation:g}, but T2 is at most 2 T1"
                )
        return self
