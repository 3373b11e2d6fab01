"""What each link of a scenario can do: `ceas-gym links`, and a note where hardware is too poor."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from rich.table import Table

from ceas_agents.policies import scarcity
from ceas_gym import parameters
from ceas_gym.consensus.protocol import quorum
from ceas_gym.jax_utils.fast_compile import once
from ceas_gym.network import counts, forecast, setup, teams
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params

COLUMNS = (
    "node",
    "km",
    "fibres",
    "pairs a window",
    "fidelity",
    "windows above cut-off",
    "windows for tags",
)
FIDELITY = "shorten network.window_s, or improve the hardware"
ATTEMPTS = "lengthen network.window_s, or shorten hardware.attempt_overhead_s"
SLOW = "add modes or channels, improve the hardware, or train for longer"
MEMORIES = "raise network.memories_per_link"
"""What would help, by what is poor."""


class Figures(NamedTuple):
    """Figures of every node's route from the hub, if all links are good and nothing has drifted."""

    pairs: Float[Array, " nodes"]
    """Mean number of pairs of a whole channel in a window, as long as memories are free."""
    fidelity: Float[Array, " nodes"]
    """Of a new pair at the end of the window that made it; in [0, 1]."""
    lifetime: Float[Array, " nodes"]
    """Windows until a new pair is below the cut-off, at most the ages that are kept apart."""
    tags: Float[Array, " nodes"]
    """Windows of a whole channel until the node has the key for its tags; infinite for never."""
    able: Bool[Array, " teams"]
    """Whether a node, or a team of nodes, can take part: pairs last for a window, and yield key
    where it is needed."""
    needed: Int[Array, ""]
    """Nodes, or teams, without which a barrier is worth nothing: a quorum."""
    shots: Float[Array, ""]
    """Shots that full memories make, not rounded."""


def figures(params: Params) -> Figures:
    """Returns the figures of a scenario's first layout.

    Args:
        params: The scenario.
    """
    network = params.network
    links = forecast.nominal(network)
    lifetime, tags = forecast.lifetime(network, links), scarcity.tag_windows(network)
    return Figures(
        pairs=forecast.expected_pairs(network),
        fidelity=counts.fidelity(forecast.new_contraction(network, links)),
        lifetime=lifetime,
        tags=tags,
        able=teams.every(network.teams, (lifetime > 0) & jnp.isfinite(tags)),
        needed=quorum(params.consensus),
        shots=jnp.asarray(teams.most_shots(network)),
    )


measured = once(figures)
"""The same, compiled as one program."""


def poor(params: Params) -> str:
    """Returns a note if the model can never be updated: why, and what would help; empty otherwise.

    Args:
        params: The scenario. Of several layouts, the first one counts.
    """
    found, windows = measured(params), int(params.budget)
    able, needed = int(np.sum(found.able)), int(found.needed)
    if float(found.shots) < 1:
        held = int(params.network.memories.per_link)
        why = f"the memories of a link hold {held} pairs, too few for a shot", MEMORIES
    elif able < needed:
        said, remedy = _why_unable(params, found)
        what = "nodes" if params.network.teams.size == 1 else "teams"
        who = f"only {able} of {found.able.size} {what} can ever take part"
        why = f"{who}, and a quorum is {needed}: {said}", remedy
    elif (aware := scarcity.theta_aware(params)) > windows:
        said = (
            f"a quorum has its tags after {aware:.0f} windows at best, and training has {windows}"
        )
        why = said, SLOW
    else:
        return ""
    where = "" if params.layouts is None else " in the first layout"
    return (
        f"note: nothing will be learned{where}: {why[0]}; {why[1]} (`ceas-gym links` shows every "
        "link)"
    )


def _why_unable(params: Params, found: Figures) -> tuple[str, str]:
    # The reason that holds for most of the nodes that can't take part.
    cutoff, best = float(params.network.memories.cutoff_fidelity), float(np.max(found.fidelity))
    none, short = found.pairs <= 0, found.lifetime <= 0
    keyless = ~np.isfinite(found.tags) & ~none & ~short
    reasons = {
        "no attempt to make a pair fits into a window": (none, ATTEMPTS),
        f"new pairs have a fidelity of {best:.3f} at most, and network.cutoff_fidelity is "
        f"{cutoff:g}": (short & ~none, FIDELITY + ", or lower the cut-off"),
        f"new pairs have a fidelity of {best:.3f} at most, too low for secret key": (
            keyless,
            FIDELITY,
        ),
    }
    said = max(reasons, key=lambda each: int(np.sum(reasons[each][0])))
    return said, reasons[said][1]


def table(scenario: Scenario, params: Params) -> Table:
    """Returns a row for each node, in the order of their numbers.

    Args:
        scenario: Its graph names the nodes; those of a star are numbered from 0.
        params: The same scenario.
    """
    found, (routes, _) = measured(params), setup.layout(scenario.network, scenario.hardware)
    graph, kept = scenario.network.graph, params.network.memories.ages
    names = graph.nodes if graph else tuple(map(str, range(params.network.nodes)))
    made = Table(title=f"{scenario.name}: links from the hub{f' {graph.hub}' if graph else ''}")
    for place, name in enumerate(COLUMNS):
        made.add_column(name, justify="right" if place else "left")
    for node, name in enumerate(names):
        lasts = int(found.lifetime[node])
        made.add_row(
            name,
            f"{routes.route_km[node]:.1f}",
            str(int(routes.is_hop[node].sum())),
            f"{found.pairs[node]:.3g}",
            f"{found.fidelity[node]:.3f}",
            f"{lasts}" + " or more" * (lasts == kept),
            f"{found.tags[node]:.3g}" if np.isfinite(found.tags[node]) else "never",
        )
    return made


def notes(scenario: Scenario, params: Params) -> list[str]:
    """Returns what the table can't show, a line each: window, quorum, layouts, and the map.

    Args:
        scenario: Resolved settings.
        params: The same scenario.
    """
    settings, needed = scenario.network, int(measured(params).needed)
    aware, uniform = scarcity.theta_aware(params), scarcity.theta_uniform(params)
    lines = [
        f"Window: {settings.window_s:g} s. Channels: {settings.channels}. Quorum: {needed}.",
        "Fidelity is that of a new pair at the end of its window, if all links are good.",
        f"A quorum has its tags {_after(aware)} at best, and {_after(uniform)} with equal shares.",
    ]
    if scenario.episode.layouts > 1:
        lines.append(f"The table shows the first of {scenario.episode.layouts} layouts.")
    if settings.graph and settings.graph.about:
        lines.append(settings.graph.about)
    return lines


def _after(windows: float) -> str:
    return f"after {windows:.1f} windows" if np.isfinite(windows) else "never"


def show(scenario: Scenario) -> tuple[Table, list[str]]:
    """Returns the table and the lines of a scenario's first layout.

    Args:
        scenario: Resolved settings.

    Raises:
        ValueError: If the scenario can't be built.
    """
    params = parameters.networks(scenario)[0]
    lines = [*notes(scenario, params), poor(params)]
    return table(scenario, params), [line for line in lines if line]
