"""From settings to `Network`: routes, link budgets, noise and key."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from ceas_gym.jax_utils.fast_compile import array
from ceas_gym.network import (
    durations,
    key_pool,
    limits,
    link_budget,
    purification,
    team_noise,
    topology,
)
from ceas_gym.network.durations import Steps
from ceas_gym.network.topology import Topology
from ceas_gym.physics import memories
from ceas_gym.registry import asked_by
from ceas_gym.scenario import (
    ConditionSettings,
    HardwareSettings,
    KeySettings,
    NetworkSettings,
    VerificationSettings,
)
from ceas_gym.types import (
    ConditionModel,
    Generation,
    KeyBudget,
    Memories,
    Network,
    Operations,
    Pace,
    Routes,
    Shot,
    Switch,
    Tags,
    Teams,
    Verification,
)

UNVERIFIED = VerificationSettings()
ROUNDS = Pace()


def build(
    settings: NetworkSettings,
    hardware: HardwareSettings,
    key_settings: KeySettings,
    tags: Tags,
    shot: Shot,
    *,
    accepts_unauthenticated: bool,
    verification: VerificationSettings = UNVERIFIED,
    pace: Pace = ROUNDS,
) -> Network:
    """Returns the network half of a scenario.

    Args:
        settings: Topology, memories and windows.
        hardware: Photon interface, memories and measurements.
        key_settings: Accounting and capacity of key.
        tags: What the protocol asks of the links.
        shot: What one execution of the circuit takes of each QPU of a team.
        accepts_unauthenticated: Whether nodes without a tag take part in the barrier.
        verification: Settings of the test pairs; by default there are none.
        pace: Whether a step is a window, so that a round may have up to `most_windows`, and the
            windows that a barrier takes.

    Raises:
        ValueError: If a round holds more attempts, pairs or memories than can be counted
            (`network.limits`), the purification is unknown, or a duration does not suit the steps
            (`network.durations`).
    """
    steps = durations.of_pace(settings, pace)
    routes, coherence_s = layout(settings, hardware)
    decay_rate = _decay_rate_per_s(hardware, coherence_s)
    latency_s = routes.route_km / hardware.fibre_speed_km_per_s
    longest = "most_windows" if pace.by_window else "windows"
    limits.check_sizes(routes.edge, settings.windows, settings.oldest_windows)
    limits.check_memories(routes.is_hop, settings.memories_per_link)
    generation = _generation(settings, hardware, routes, decay_rate, longest)
    teams = team_noise.build(settings, hardware, routes, decay_rate, generation, shot)
    return Network(
        routes=_routes(routes, latency_s / settings.window_s),
        generation=generation,
        switch=_switch(settings, routes),
        memories=_memories(settings, decay_rate),
        operations=_operations(settings, hardware, routes, decay_rate),
        key=_of_readers(key_budget(key_settings, tags, hardware, steps), teams),
        teams=teams,
        condition_model=_condition_model(settings.conditions, steps),
        verification=_verification(verification, settings.memories_per_link),
        barrier_windows=array(pace.barrier_windows, np.int32),
        most_windows=array(settings.most_windows, np.int32),
        window_s=array(settings.window_s),
        windows=settings.windows,
        oldest_first=settings.spend_order == "oldest_first",
        unauthenticated_spend=accepts_unauthenticated,
        spends_on_arrival=settings.spend == "on_arrival",
        drifts=settings.conditions.coherence == "drifting",
        verifies=verification.pairs > 0,
    )


def layout(
    settings: NetworkSettings, hardware: HardwareSettings
) -> tuple[Topology, Float[np.ndarray, " vertices"]]:
    """Returns the topology, and the coherence times of all vertices in s, with the hub first."""
    random = np.random.default_rng(settings.layout_seed)
    routes = topology.build(settings, random)
    spread = random.normal(0.0, hardware.node_coherence_spread, routes.vertices - 1)
    nodes = hardware.node_coherence_s * np.exp(spread)
    return routes, np.concatenate([[hardware.hub_coherence_s], nodes])


def _decay_rate_per_s(
    hardware: HardwareSettings, coherence_s: Float[np.ndarray, " vertices"]
) -> Float[np.ndarray, "xyz vertices"]:
    # Within a scenario all nodes have the same ratio of T1 to coherence time.
    nodes = coherence_s[1:] / hardware.node_coherence_s
    hub_s, node_s = hardware.hub_relaxation_s or np.inf, hardware.node_relaxation_s or np.inf
    with asked_by("hardware.memory"):
        return memories.decay_rates(
            hardware.memory, coherence_s, np.concatenate([[hub_s], node_s * nodes])
        )


def _memories(settings: NetworkSettings, decay_rate: Float[np.ndarray, "xyz vertices"]) -> Memories:
    return Memories(
        decay_rate=array(settings.window_s * decay_rate),
        cutoff_fidelity=array(settings.cutoff_fidelity or 0.0),
        per_link=array(settings.memories_per_link, np.int32),
        ages=settings.oldest_windows,
        oldest=settings.oldest_windows,
    )


def _routes(routes: Topology, latency: Float[np.ndarray, " nodes"]) -> Routes:
    return Routes(
        is_hop=array(routes.is_hop, bool),
        edge=array(routes.edge, np.int32),
        ends=array(routes.ends, np.int32),
        vertex=array(routes.vertex, np.int32),
        latency=array(latency),
        edges=len(routes.length_km),
    )


def _generation(
    settings: NetworkSettings,
    hardware: HardwareSettings,
    routes: Topology,
    decay_rate: Float[np.ndarray, "xyz vertices"],
    longest: str,
) -> Generation:
    period_s = link_budget.attempt_period_s(hardware, routes.hop_km)
    attempts = limits.whole_attempts(settings.window_s / period_s, array(0).dtype)
    success, contraction = link_budget.new_pairs(
        hardware, array(routes.hop_km), array(decay_rate[:, routes.ends])
    )
    limits.check_counts(
        np.floor(attempts) * hardware.modes,
        np.asarray(success),
        routes.is_hop,
        longest=(longest, getattr(settings, longest)),
        channels=settings.channels,
    )
    return Generation(
        attempts_per_window=array(routes.is_hop * attempts),
        modes=array(hardware.modes, np.int32),
        success_probability=success,
        contraction=contraction,
    )


def _switch(settings: NetworkSettings, routes: Topology) -> Switch:
    quota = settings.quota * routes.channels[0] / len(routes.vertex)
    return Switch(channels=array(routes.channels), passes=array(routes.passes), quota=array(quota))


def key_budget(
    settings: KeySettings, tags: Tags, hardware: HardwareSettings, steps: Steps
) -> KeyBudget:
    """Returns what a pair yields and what a round uses up.

    Args:
        settings: Accounting, capacity and lifetime of key.
        tags: What the protocol asks of the links.
        hardware: Its `readout` is used.
        steps: How long a round lasts, by which key ages.

    Raises:
        ValueError: If key lives for too many rounds.
    """
    return KeyBudget(
        tag_bits=array(tags.bits),
        tags=array(tags.number),
        capacity_bits=array(tags.number * tags.bits * settings.capacity_rounds),
        block_pairs=array(settings.block_pairs),
        contraction=array((2 * hardware.readout - 1) ** 2),
        accounting=key_pool.ACCOUNTINGS[settings.accounting],
        slot_windows=array(steps.slot_windows, np.int32),
        slots=durations.key_slots(settings, steps),
        expires=settings.lifetime_s is not None,
        members=tags.members,
    )


def _of_readers(budget: KeyBudget, teams: Teams) -> KeyBudget:
    # Only QPU 0 of a team exchanges tags.
    if teams.size == 1:
        return budget
    reads = np.asarray(teams.qpu) == 0
    each = {name: array(reads * float(getattr(budget, name))) for name in ("tags", "capacity_bits")}
    return replace(budget, **each)


def _operations(
    settings: NetworkSettings,
    hardware: HardwareSettings,
    routes: Topology,
    decay_rate: Float[np.ndarray, "xyz vertices"],
) -> Operations:
    # A swap teleports half of a pair, so its Bell measurement has the noise of a teleportation.
    measured = team_noise.measurement(hardware.gate_contraction, hardware.readout)
    measurement, swaps = measured[:, None], routes.is_hop.sum(axis=1) - 1
    of_node = decay_rate[:, routes.vertex]
    waiting = np.exp(-_outcomes_s(hardware, routes) * (decay_rate[:, :1] + of_node))
    corrected = np.exp(-(routes.route_km / hardware.fibre_speed_km_per_s) * of_node)
    with asked_by("network.purification"):
        purify = purification.get(settings.purification)
    return Operations(
        swap_contraction=array(measurement**swaps * waiting),
        delivery_contraction=array(measurement * corrected),
        gate_contraction=array(hardware.gate_contraction),
        readout=array(hardware.readout),
        purification_fidelity=array(settings.purification_fidelity),
        purification=purify,
    )


def _outcomes_s(hardware: HardwareSettings, routes: Topology) -> Float[np.ndarray, " nodes"]:
    # Outcomes travel from each relay to the farther end of the route, at most over the whole route
    # without the shorter of its first and last links.
    hops = routes.is_hop.sum(axis=1)
    last_km = np.take_along_axis(routes.hop_km, hops[:, None] - 1, axis=1)[:, 0]
    farther_km = routes.hop_km.sum(axis=1) - np.minimum(routes.hop_km[:, 0], last_km)
    return np.where(hops > 1, farther_km, 0.0) / hardware.fibre_speed_km_per_s


def _condition_model(settings: ConditionSettings, steps: Steps) -> ConditionModel:
    transition, start = durations.link_chain(settings, steps)
    return ConditionModel(
        transition=array(transition),
        start=array(start),
        rate=array([1.0, settings.degraded_rate, 0.0]),
        persistence=array(durations.persistence(settings, steps)),
        spread=array(settings.coherence_spread),
        calibration_windows=array(durations.calibration_windows(settings, steps), np.int32),
    )


def _verification(settings: VerificationSettings, memories: int) -> Verification:
    limits.check_tests(settings.pairs, memories)
    return Verification(
        pairs=array(settings.pairs, np.int32),
        doubt=array(-np.log1p(-settings.confidence)),
        persistence=array(np.exp(-1 / settings.memory_rounds)),
        commissioning_pairs=array(settings.commissioning_pairs, np.int32),
    )
