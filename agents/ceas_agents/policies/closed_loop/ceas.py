"""CEAS for windows: it serves the nodes that matter, and fires when waiting pays no more.

*Which nodes.* The most productive ones: a quorum and `spare` more, or as many as make the rule lose
least in a given time (`outlook`). A node that lags is dropped for one that does better, and what a
node holds already speaks for it.

*Key first*, least need first: a node without all its tags adds nothing. Then the rest of the
window's channel-time is poured over the nodes that are served, for the greatest sum of root
information (`water_filling`), as far as memories are free.

*When.* For every horizon T, a barrier is worth U(T). A cycle that begins after it goes on earning
r a window: the greatest of U'(n) / (n + o) over the lengths n of a cycle from empty memories, where
o are the windows that a barrier takes. The barrier fires at the end of this window if T = 0 makes

    U(T) + r (windows of the budget that are left then)

greatest. It is the marginal value theorem: one leaves when what the next window adds falls below
what the best cycle earns in a window. If the budget leaves no time for another quorum, the second
term is zero: all that is left goes into one barrier.

The action is decided before the pairs of its window are heralded, so horizon 0 counts on the pairs
that are expected in it, with a margin for key.

Source:
    Charnov, Theoretical Population Biology 9, 129 (1976), for the rule of renewal. What is made of
    it here is derived here.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_agents.policies.closed_loop import expected, firing, outlook, prospects, serving
from ceas_agents.policies.closed_loop import trust as trusting
from ceas_agents.policies.closed_loop.outlook import Aim, Outlook
from ceas_agents.policies.closed_loop.prospects import HORIZONS, Prospects
from ceas_agents.policies.serving import Placement
from ceas_gym.consensus.protocol import quorum
from ceas_gym.task.readiness import HALF
from ceas_gym.types import Observation, Params

CANDIDATES = 8
"""Numbers of nodes that are compared, from a quorum up to all."""

Serve = Literal["quorum", "least_loss", "all"]
Hold = Literal["quorum", "none"]
Feedback = Literal["observed", "none"]
Trust = Literal["always", "wary"]


class Plan(NamedTuple):
    """What the rest of a cycle is to be."""

    found: Prospects
    """What nodes are taken to hold."""
    served: Bool[Array, " nodes"]
    """Nodes that get channel-time."""
    horizon: Int[Array, ""]
    """Windows from the end of the one that comes to the barrier; in [0, HORIZONS)."""


Planner = Callable[[Params, Observation, Prospects, Prospects, Aim, float | Array], Plan]


def ceas(
    params: Params,
    observation: Observation,
    key: Key[Array, ""],
    spare: float = 2.0,
    half: float = HALF,
    cadence: float = 0.0,
    serve: Serve = "least_loss",
    placement: Placement = "unknown",
    hold: Hold = "quorum",
    feedback: Feedback = "observed",
    trust: Trust = "always",
) -> Float[Array, " nodes_and_1"]:
    """Serves the most productive nodes, key first, and fires when waiting pays no more.

    Its parts can be switched off, to see what each is worth.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        key: Not used.
        spare: Nodes to serve beyond a quorum, if `serve` is `quorum`; at least 0.
        half: Information G0, in shots, at which a barrier is worth one half; above 0.
        cadence: Windows from one barrier to the next; 0 adapts it to what is gathered.
        serve: How many nodes: `quorum` and some more, as many as make the `least_loss` of the rule,
            or `all` that can be counted.
        placement: Where colluders are assumed to be, if `serve` is `least_loss`: `best`, `unknown`
            or `random`.
        hold: `quorum` waits for a quorum; `none` fires without one, too.
        feedback: `observed` plans each window by what nodes hold; `none` plans a whole cycle by
            what they are expected to hold, and looks only at whether a quorum is ready.
        trust: `always` relies on the best links; `wary` passes over some of them once learning goes
            badly with them (`trust`).

    Returns:
        The action, in [-1, 1].
    """
    del key
    found = prospects.assess(params.network, observation)
    if trust == "wary":
        found = found._replace(able=found.able & trusting.wary(params, observation))
    aim = Aim(
        number=params.network.nodes,
        half=half,
        enough=quorum(params.consensus) if hold == "quorum" else jnp.int32(1),
        placement=placement if serve == "least_loss" else None,
    )
    fresh = prospects.emptied(params.network, observation, found)
    aim = aim._replace(number=number(params, fresh, aim, spare, serve))
    planned = observed if feedback == "observed" else unobserved
    return act(params, observation, found, aim, planned, cadence)


def act(
    params: Params,
    observation: Observation,
    found: Prospects,
    aim: Aim,
    planned: Planner | None = None,
    cadence: float | Array = 0.0,
) -> Float[Array, " nodes_and_1"]:
    """Returns the action of a plan, in [-1, 1].

    Args:
        params: The scenario.
        observation: What the hub knows.
        found: What nodes hold, and which of them are able to take part.
        aim: How many nodes to serve, and what a barrier is worth.
        planned: `observed` or `unobserved`; by default the first.
        cadence: Windows from one barrier to the next; 0 adapts it.
    """
    fresh = prospects.emptied(params.network, observation, found)
    plan = (planned or observed)(params, observation, found, fresh, aim, cadence)
    given = serving.shares(params.network, plan.found, plan.served, plan.horizon)
    asked = given.for_key + given.for_data
    is_quorum = serving.ready_by_then(found, asked).sum() >= aim.enough
    by_clock = firing.waited(params, observation) >= cadence
    return firing.action(asked, is_quorum & jnp.where(cadence > 0, by_clock, plan.horizon == 0))


def number(
    params: Params, fresh: Prospects, aim: Aim, spare: float | Array, serve: Serve
) -> Float[Array, ""] | Int[Array, ""] | int:
    """Returns the number of nodes to serve, at least 1.

    Args:
        params: The scenario.
        fresh: What channel-time brings, from empty memories.
        aim: What a barrier is worth; the number in it is not used.
        spare: As for `ceas`.
        serve: As for `ceas`.
    """
    nodes, least = params.network.nodes, quorum(params.consensus)
    if serve == "all":
        return nodes
    if serve == "quorum":
        return jnp.minimum(least + spare, nodes)
    steps = jnp.linspace(0, 1, CANDIDATES)
    several = jnp.ceil(least + steps * jnp.maximum(nodes - least, 0))

    def rate(each: Array) -> Array:
        cycle = outlook.ahead(params, fresh, aim._replace(number=each))
        return rates(params, cycle).max()

    return several[jnp.argmax(jax.vmap(rate)(several))]


def observed(
    params: Params,
    observation: Observation,
    found: Prospects,
    fresh: Prospects,
    aim: Aim,
    cadence: float | Array,
) -> Plan:
    """Returns the plan by what nodes hold.

    Args:
        params: The scenario.
        observation: What the hub knows.
        found: What nodes hold, and what channel-time brings.
        fresh: The same from empty memories.
        aim: How many nodes to serve, and what a barrier is worth.
        cadence: Windows from one barrier to the next; 0 adapts it.
    """
    now, cycle = (outlook.ahead(params, each, aim) for each in (found, fresh))
    by_clock = jnp.clip(cadence - firing.waited(params, observation), 0, HORIZONS - 1)
    by_rule = best_horizon(params, observation, now, cycle)
    horizon = jnp.where(cadence > 0, by_clock, by_rule).astype(jnp.int32)
    return Plan(found, now.served[horizon], horizon)


def unobserved(
    params: Params,
    observation: Observation,
    found: Prospects,
    fresh: Prospects,
    aim: Aim,
    cadence: float | Array,
) -> Plan:
    """Returns the plan that was made at the last barrier; arguments as for `observed`.

    Of the observation, it uses the time, and what it says of links and memories.
    """
    del found
    waited, cycle = firing.waited(params, observation), outlook.ahead(params, fresh, aim)
    best = jnp.argmax(rates(params, cycle)) + 1
    length = jnp.where(cadence > 0, cadence, best).astype(jnp.int32)
    served = cycle.served[jnp.clip(length, 1, HORIZONS) - 1]
    # If it has to go on for longer, it begins the plan anew, so that all are served again.
    until = (waited - 1) % length + 1
    plan = expected.holdings(params.network, fresh, served, length, until)
    return Plan(plan, served, jnp.clip(length - waited, 0, HORIZONS - 1))


def best_horizon(
    params: Params, observation: Observation, now: Outlook, cycle: Outlook
) -> Int[Array, ""]:
    """Returns the horizon at which the barrier should fire; in [0, HORIZONS).

    Args:
        params: The scenario.
        observation: What the hub knows; only the time is used.
        now: What barriers would be worth from what nodes hold.
        cycle: The same from empty memories.
    """
    pause, ahead = params.network.barrier_windows, jnp.arange(HORIZONS)
    left = firing.windows_left(params, observation) - (ahead + 1 + pause)
    until_last = params.network.most_windows - firing.waited(params, observation)
    shortest = jnp.argmax(cycle.worth > 0) + 1 + pause
    later = rates(params, cycle).max() * jnp.where(left >= shortest, left, 0)
    is_possible = (left >= 0) & (ahead <= until_last) & (now.worth > 0)
    value = jnp.where(is_possible, now.worth + later, -1)
    return jnp.where(is_possible.any(), jnp.argmax(value), HORIZONS - 1)


def rates(params: Params, cycle: Outlook) -> Float[Array, " horizons"]:
    """Returns what cycles of each length from empty memories are worth in a window; at least 0.

    Args:
        params: The scenario.
        cycle: What barriers would be worth from empty memories.
    """
    return cycle.worth / (jnp.arange(1, HORIZONS + 1) + params.network.barrier_windows)
