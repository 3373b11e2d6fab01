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


class Figures(NamedTuple):
    """Figures of every node's route from the hub, if all links are good and nothing has drifted."""

    pairs: Float[Array, " nodes"]
    """Mean number of pairs of a whole channel in a window."""
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
    )


measured = once(figures)
"""The same, compiled as one program."""


def poor(params: Params) -> str:
    """Returns a note if too few nodes can ever take part; empty otherwise.

    Args:
        params: The scenario.

    Returns:
        One line, which names the best fidelity and the settings that could help.
    """
    found = measured(params)
    able, needed = int(np.sum(found.able)), int(found.needed)
    if able >= needed:
        return ""
    best, cutoff = float(np.max(found.fidelity)), float(params.network.memories.cutoff_fidelity)
    below = f", and network.cutoff_fidelity is {cutoff:g}" if cutoff else ""
    return (
        f"note: only {able} of {found.able.size} nodes can ever take part, and a quorum is "
        f"{needed}, so nothing is learned: new pairs have a fidelity of {best:.3f} at most{below}; "
        "shorten network.window_s, lower the cut-off, or improve the hardware (`ceas-gym links` "
        "shows every link)"
    )


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
        lines.append(f"It is the first of {scenario.episode.layouts} layouts.")
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
