"""One step of the environment: generation windows, then a barrier of learning and consensus.

A step is a round, or a single window at whose end the barrier may fire. The windows are in
`ceas_gym.windows`, and what time changes is in `ceas_gym.clock`.
"""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ceas_gym import clock, layouts, sabotage
from ceas_gym.consensus import attacks, placement, protocol, traps
from ceas_gym.jax_utils import packing, randomness, tally
from ceas_gym.learning import learners, model, pullback
from ceas_gym.network import barrier as stores
from ceas_gym.network import conditions, forecast, storage, teams, verification
from ceas_gym.task import actions, metrics, observations
from ceas_gym.types import (
    Cache,
    Coalition,
    Conditions,
    Delivery,
    Gathered,
    Ledger,
    Links,
    Memory,
    Params,
    Pulled,
    Received,
    Round,
    State,
    TimeStep,
    TrapResults,
    Verdict,
    Workers,
)
from ceas_gym.windows import window as window
from ceas_gym.windows import windows as windows


class Keys(NamedTuple):
    """The random keys of a round; the keys of the next round are split from `following`."""

    following: Key[Array, ""]
    heralding: Key[Array, ""]
    purification: Key[Array, ""]
    learning: Key[Array, ""]
    conditions: Key[Array, ""]
    attack: Key[Array, ""]
    tests: Key[Array, ""]
    traps: Key[Array, ""]


def reset(params: Params, key: Key[Array, ""]) -> tuple[State, TimeStep]:
    """Returns the state and the `TimeStep` at the start of an episode.

    Memories and key pools are empty, the model is random, and the Byzantine nodes are chosen.

    Args:
        params: The scenario.
        key: Random key that decides everything random in the episode.
    """
    layout = layouts.number(params, key)
    params = layouts.chosen(params, layout)
    key, conditions_key, model_key, placement_key = jax.random.split(randomness.quick(key), 4)
    network, number = params.network, params.network.teams.number
    start = model.start(params.learning, model_key)
    state = State(
        conditions=conditions.start(network, conditions_key),
        gathered=storage.begin(network, storage.empty(network)),
        model=start,
        workers=protocol.idle(number, start.parameters),
        cache=protocol.empty(number, start.parameters),
        scores=model.score(params.learning, start),
        report=protocol.no_report(number),
        trap_results=traps.start(params.consensus.members, network.nodes),
        useful=tally.zero(),
        generated=tally.zero(),
        byzantine=placement.choose(params.adversary, placement_key, forecast.quality(network)),
        layout=layout,
        round=jnp.int32(0),
        steps=jnp.int32(0),
        clock=jnp.int32(0),
        key=key,
    )
    return state, TimeStep(
        observation=observations.observe(params, state),
        reward=jnp.float32(0),
        terminated=jnp.bool_(False),
        metrics=metrics.before_any_step(state),
        round=None,
    )


def step(params: Params, state: State, action: Float[Array, "..."]) -> tuple[State, TimeStep]:
    """Returns the state after one step, and the `TimeStep`: observation, reward, metrics, record.

    A step is a round, or a window at whose end the barrier may fire (`Params.by_window`). It does
    not check whether the episode has ended: called after `terminated`, it trains on.

    Args:
        params: The scenario.
        state: The state before the step.
        action: Requests in [-1, 1], of the shape that `task.actions.shape` returns.
    """
    params = layouts.of(params, state)
    network, keys = params.network, Keys(*jax.random.split(state.key, len(Keys._fields)))
    asked, fires = actions.split(params, state.gathered.window, action)
    acting = state.byzantine & (state.round >= params.adversary.onset)
    coalition = Coalition(
        members=state.byzantine,
        acting=acting,
        teams=teams.some(network.teams, state.byzantine),
        acting_teams=teams.some(network.teams, acting),
        key=keys.attack,
        round=state.round,
        window=state.gathered.window,
        served=traps.served_by_byzantine(params.consensus.members, state.trap_results),
    )
    schedule = sabotage.schedule(params, coalition, actions.decode(network.switch, asked))
    links = sabotage.links(params, coalition, conditions.links(network, state.conditions))

    gathered = windows(params, links, state.gathered, schedule, keys.heralding)
    happened = (params, state, coalition, links, schedule, gathered, keys)
    if params.by_window:
        after, happened = jax.lax.cond(fires, barrier, wait, *happened)
    else:
        after, happened = barrier(*happened)
    after, happened = clock.advance(params, state, after, happened, keys.conditions)
    return after, clock.observe(params, state, after, happened)


def barrier(
    params: Params,
    state: State,
    coalition: Coalition,
    links: Links,
    schedule: Float[Array, "windows nodes"],
    gathered: Gathered,
    keys: Keys,
) -> tuple[State, Round]:
    """Returns the state and record after a barrier that spends pairs and makes one update.

    Args:
        params: The scenario.
        state: The state before the step.
        coalition: The Byzantine nodes.
        links: Rates and decay in this step.
        schedule: Share of a channel that each node got in the step, in [0, 1].
        gathered: What the network holds after its windows.
        keys: Random keys of the round.
    """
    learning = params.learning
    memory, known, ledger, delivery = deliver(params, state, coalition, links, gathered, keys)
    pulled = pullback.pull(learning.program, state.model.parameters)
    gradients = measure(params, coalition, delivery, pulled, keys.learning)
    workers = protocol.blend(params.consensus, state.workers, gradients, delivery)
    cache, received, verdict = agree(params, workers, state.cache, delivery, coalition)
    trained = model.apply(learning, state.model, verdict.update, verdict.committed)

    happened = Round(
        coalition=coalition,
        links=links,
        schedule=schedule,
        gathered=gathered,
        fired=jnp.bool_(True),
        ledger=ledger,
        delivery=delivery,
        gradients=gradients,
        exact=learners.full_gradient(learning, pulled, learning.training),
        received=received,
        verdict=verdict,
        member_pairs=sabotage.member_pairs(params, coalition),
    )
    after = replace(
        state,
        conditions=known,
        gathered=storage.begin(params.network, memory),
        model=trained,
        workers=workers,
        cache=cache,
        scores=model.score(learning, trained, state.scores.lowest_loss),
        report=protocol.report(delivery, received, verdict, late(params, coalition)),
        trap_results=watch(params, state, coalition, ledger, delivery, keys.traps),
        round=state.round + 1,
        key=keys.following,
    )
    return packing.of_types(after, state), happened


def wait(
    params: Params,
    state: State,
    coalition: Coalition,
    links: Links,
    schedule: Float[Array, "windows nodes"],
    gathered: Gathered,
    keys: Keys,
) -> tuple[State, Round]:
    """Returns the state and record if the barrier does not fire; arguments as for `barrier`."""
    fired = jax.eval_shape(barrier, params, state, coalition, links, schedule, gathered, keys)[1]
    nothing = jax.tree.map(lambda like: jnp.zeros(like.shape, like.dtype), fired)
    happened = replace(
        nothing,
        coalition=coalition,
        links=links,
        schedule=schedule,
        gathered=gathered,
        ledger=gathered.ledger,
    )
    return replace(state, gathered=gathered), packing.of_types(happened, fired)


def late(params: Params, coalition: Coalition) -> Float[Array, ""]:
    """Returns the windows that this round's agreement takes from the next round, at least 0."""
    following = replace(coalition, round=coalition.round + 1, window=jnp.int32(0))
    return (1 - sabotage.time(params, following, params.network.windows)).sum()


def deliver(
    params: Params, state: State, coalition: Coalition, links: Links, gathered: Gathered, keys: Keys
) -> tuple[Memory, Conditions, Ledger, Delivery]:
    """Returns memory, conditions after tests, ledger and delivery; arguments as for `barrier`."""
    network, fakes = params.network, sabotage.tests(params, coalition)
    memory, ledger, tests = verification.test(
        network, state.conditions.tests, fakes, gathered.memory, gathered.ledger, keys.tests
    )
    memory, able, ledger = stores.spend(
        network, links, memory, ledger, keys.purification, gathered.executed
    )
    able = traps.set_aside(params.consensus.members, able)
    delivery = sabotage.delivery(params, coalition, able)
    tagged = teams.of_nodes(network.teams, delivery.authenticated)
    known = verification.remember(network, state.conditions, tests, tagged)
    return memory, known, ledger, delivery


def measure(
    params: Params, coalition: Coalition, delivery: Delivery, pulled: Pulled, key: Key[Array, ""]
) -> Float[Array, "teams parameters"]:
    """Returns the gradients that teams measure, some of them on poisoned labels."""
    learn = partial(params.learning.scheme.gradients, params.learning, pulled)
    poisoned = coalition.acting_teams & params.adversary.poisons_labels
    return sabotage.learn(params, coalition, learn)(delivery, poisoned, key)


def watch(
    params: Params,
    state: State,
    coalition: Coalition,
    ledger: Ledger,
    delivery: Delivery,
    key: Key[Array, ""],
) -> TrapResults | None:
    """Returns what the traps say of the members after this round; None where no traps are set.

    Only authenticated nodes report their traps. Arguments are as for `barrier`.
    """
    if state.trap_results is None:
        return None
    members, shots = params.consensus.members, ledger.spent // params.network.qubits
    made = jnp.where(delivery.authenticated, traps.number(members, shots), 0)
    chance = sabotage.trap_chance(params, coalition, delivery)
    tolerated = params.consensus.tolerated
    return traps.record(members, tolerated, state.trap_results, made, chance, key)


def agree(
    params: Params, workers: Workers, cache: Cache, delivery: Delivery, coalition: Coalition
) -> tuple[Cache, Received, Verdict]:
    """Returns the hub's new cache, the updates that it received, and its verdict on them.

    Weights are fixed before the hub looks at any update, except that non-finite updates are
    rejected and lose their weight. The hub commits only with a quorum (`protocol.commit`).

    Args:
        params: The protocol, the attack, and the noise scale of the gradients.
        workers: Updates of this round, momentum included; shape (teams, parameters).
        cache: The hub's cache before the round.
        delivery: Shots, signal and tags of this round.
        coalition: The Byzantine nodes.
    """
    consensus = params.consensus
    measured = protocol.measured_information(delivery, params.network.qubits)
    arrived = protocol.receive(consensus, workers, cache, delivery, measured)
    arrived = attacks.replaceable(params.adversary, coalition, arrived)
    arrived = sabotage.received(params, coalition, delivery, arrived)
    weights = protocol.weigh(params, arrived)
    bad = (coalition.teams & (delivery.shots > 0)) | arrived.forged
    sent = attacks.corrupt(params.adversary, consensus, arrived, weights, coalition, bad)
    received, weights = protocol.reject_non_finite(replace(arrived, updates=sent), weights)
    update = protocol.aggregate(consensus, received, weights)
    verdict = protocol.commit(params, received, weights, update)
    cache = protocol.remember(cache, received, delivery, measured)
    return cache, received, verdict
