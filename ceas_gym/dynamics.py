"""The whole story on one page: windows of generation, then a barrier of learning and consensus."""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_gym import layouts, sabotage
from ceas_gym.consensus import attacks, placement, protocol
from ceas_gym.jax_utils import randomness, tally
from ceas_gym.learning import learners, model, pullback
from ceas_gym.network import barrier as stores
from ceas_gym.network import conditions, forecast, generation, storage, verification
from ceas_gym.task import actions, metrics, observations
from ceas_gym.types import (
    Cache,
    Coalition,
    Delivery,
    Gathered,
    Links,
    Memory,
    Params,
    Received,
    Round,
    State,
    TimeStep,
    Verdict,
    Workers,
)


class Keys(NamedTuple):
    """The random keys of a round; from `following` those of the next one are made."""

    following: Key[Array, ""]
    heralding: Key[Array, ""]
    purification: Key[Array, ""]
    learning: Key[Array, ""]
    conditions: Key[Array, ""]
    attack: Key[Array, ""]
    tests: Key[Array, ""]


def reset(params: Params, key: Key[Array, ""]) -> tuple[State, TimeStep]:
    """Returns the start of an episode: empty memories, a random model, bad nodes placed.

    Args:
        params: The scenario.
        key: Decides everything that is random in the episode.
    """
    layout = layouts.number(params, key)
    params = layouts.chosen(params, layout)
    key, conditions_key, model_key, placement_key = jax.random.split(randomness.quick(key), 4)
    network, nodes = params.network, params.network.nodes
    start = model.start(params.learning, model_key)
    state = State(
        conditions=conditions.start(network, conditions_key),
        memory=storage.empty(network),
        model=start,
        workers=protocol.idle(nodes, start.parameters),
        cache=protocol.empty(nodes, start.parameters),
        scores=model.score(params.learning, start),
        report=protocol.no_report(nodes),
        useful=tally.zero(),
        generated=tally.zero(),
        byzantine=placement.choose(params.adversary, placement_key, forecast.quality(network)),
        layout=layout,
        round=jnp.int32(0),
        key=key,
    )
    return state, TimeStep(
        observation=observations.observe(params, state),
        reward=jnp.float32(0),
        terminated=jnp.bool_(False),
        metrics=metrics.before_any_round(state),
        round=None,
    )


def step(
    params: Params, state: State, action: Float[Array, "windows nodes"]
) -> tuple[State, TimeStep]:
    """Returns the state after one round, and what the scheduler and the people get to see.

    It does not ask whether the episode has ended: after `terminated`, training would go on.

    Args:
        params: The scenario.
        state: Before the round.
        action: Requests for channel-time, in [-1, 1].
    """
    params = layouts.of(params, state)
    network, keys = params.network, Keys(*jax.random.split(state.key, len(Keys._fields)))
    acting = state.byzantine & (state.round >= params.adversary.onset)
    coalition = Coalition(state.byzantine, acting, keys.attack)
    schedule = sabotage.schedule(params, coalition, actions.decode(network.switch, action))
    links = sabotage.links(params, coalition, conditions.links(network, state.conditions))

    gathered = windows(params, links, state.memory, schedule, keys.heralding)
    return barrier(params, state, coalition, links, schedule, gathered, keys)


def windows(
    params: Params,
    links: Links,
    memory: Memory,
    schedule: Float[Array, "windows nodes"],
    key: Key[Array, ""],
) -> Gathered:
    """Returns what the network holds after all windows of a round, one `window` after the other.

    Args:
        params: The scenario.
        links: Rates and decay in this round.
        memory: At the last barrier.
        schedule: Channel-time that is given.
        key: Of which each window has its own.
    """
    # What is heralded depends on nothing stored, so it is drawn for all windows in one pass.
    window_keys = jax.random.split(key, params.network.windows)
    made = jax.vmap(partial(generate, params, links))(schedule, window_keys)
    before = storage.begin(params.network, memory)
    return jax.lax.scan(lambda held, new: (gather(params, links, held, *new), None), before, made)[
        0
    ]


def window(
    params: Params,
    links: Links,
    gathered: Gathered,
    shares: Float[Array, " nodes"],
    key: Key[Array, ""],
) -> Gathered:
    """Returns what the network holds after one more window.

    Args:
        params: The scenario.
        links: Rates and decay in this round.
        gathered: Since the last barrier.
        shares: Of a channel, for each node; what the switch gives.
        key: Decides which attempts succeed.
    """
    return gather(params, links, gathered, *generate(params, links, shares, key))


def generate(
    params: Params, links: Links, shares: Float[Array, " nodes"], key: Key[Array, ""]
) -> tuple[Int[Array, "nodes hops"], Int[Array, "nodes hops"]]:
    """Returns the attempts of a window, and the pairs that are heralded; as for `window`."""
    tried = generation.attempts(params.network, shares)
    return tried, generation.herald(links, tried, key)


def gather(
    params: Params,
    links: Links,
    gathered: Gathered,
    tried: Int[Array, "nodes hops"],
    heralded: Int[Array, "nodes hops"],
) -> Gathered:
    """Returns what is held after a window in which so many pairs were heralded; as for `window`."""
    network = params.network
    windows_left = network.windows - 1 - gathered.window
    memory, fates = storage.window(network, links, gathered.memory, heralded, windows_left)
    after = Gathered(
        memory=memory,
        ledger=jax.tree.map(jnp.add, gathered.ledger, fates),
        tried=gathered.tried + tried,
        heralded=gathered.heralded + heralded,
        window=gathered.window + 1,
    )
    return jax.tree.map(_as_wide, after, gathered)


def barrier(
    params: Params,
    state: State,
    coalition: Coalition,
    links: Links,
    schedule: Float[Array, "windows nodes"],
    gathered: Gathered,
    keys: Keys,
) -> tuple[State, TimeStep]:
    """Returns the state after pairs were spent, gradients measured, and an update agreed on.

    Args:
        params: The scenario.
        state: At the last barrier.
        coalition: The Byzantine nodes.
        links: Rates and decay in this round.
        schedule: Channel-time that was given since the last barrier.
        gathered: What it brought.
        keys: Of the round.
    """
    network, learning, conditions_now = params.network, params.learning, state.conditions
    fakes = sabotage.tests(params, coalition)
    memory, ledger, tests = verification.test(
        network, conditions_now.tests, fakes, gathered.memory, gathered.ledger, keys.tests
    )
    memory, able, ledger = stores.spend(network, links, memory, ledger, keys.purification)
    delivery = sabotage.delivery(params, coalition, able)
    known = verification.remember(network, conditions_now, tests, delivery.authenticated)

    pulled = pullback.pull(learning.program, state.model.parameters)
    poisoned = coalition.acting & params.adversary.poisons_labels
    gradients = learning.scheme.gradients(learning, pulled, delivery, poisoned, keys.learning)
    workers = protocol.blend(params.consensus, state.workers, gradients, delivery)
    cache, received, verdict = agree(params, workers, state.cache, delivery, coalition)
    trained = model.apply(learning, state.model, verdict.update, verdict.committed)

    happened = Round(
        coalition, links, schedule, gathered, ledger, delivery, gradients, received, verdict
    )
    useful = metrics.useful_pairs(happened)
    after = State(
        conditions=conditions.advance(
            network, known, gathered.tried, gathered.heralded, state.round + 1, keys.conditions
        ),
        memory=memory,
        model=trained,
        workers=workers,
        cache=cache,
        scores=model.score(learning, trained),
        report=protocol.report(delivery, received, verdict),
        useful=tally.add(state.useful, useful),
        generated=tally.add(state.generated, ledger.generated.sum()),
        byzantine=state.byzantine,
        layout=state.layout,
        round=state.round + 1,
        key=keys.following,
    )
    exact = learners.full_gradient(learning, pulled, learning.training)
    after = jax.tree.map(_as_wide, after, state)
    return after, TimeStep(
        observation=observations.observe(params, after),
        reward=params.reward(params, state, after),
        terminated=(after.round >= params.rounds) | _diverged(after),
        metrics=metrics.of_round(after, happened, useful, exact),
        round=happened,
    )


def agree(
    params: Params, workers: Workers, cache: Cache, delivery: Delivery, coalition: Coalition
) -> tuple[Cache, Received, Verdict]:
    """Returns what the hub remembers of the updates, what it received, and what it made of it.

    Weights are fixed before the updates are looked at, but for those of non-finite updates, which
    are rejected. The hub commits only with a quorum (`protocol.commit`).

    Args:
        params: Protocol, coalition, and the noise figures of the learning.
        workers: With this round's momentum.
        cache: Of the rounds before.
        delivery: What the network delivered.
        coalition: The Byzantine nodes.
    """
    consensus = params.consensus
    measured = protocol.measured_information(delivery, params.network.qubits)
    arrived = protocol.receive(consensus, workers, cache, delivery, measured)
    arrived = attacks.replaceable(params.adversary, coalition, arrived)
    arrived = sabotage.received(params, coalition, delivery, arrived)
    weights = protocol.weigh(params, arrived)
    bad = (coalition.members & (delivery.shots > 0)) | arrived.forged
    sent = attacks.corrupt(params.adversary, consensus, arrived, weights, coalition, bad)
    received, weights = protocol.reject_non_finite(replace(arrived, updates=sent), weights)
    update = protocol.aggregate(consensus, received, weights)
    verdict = protocol.commit(params, received, weights, update)
    cache = protocol.remember(cache, received, delivery, measured)
    return cache, received, verdict


def _as_wide(new: Array, old: Array) -> Array:
    # Sums of whole numbers are wider than their terms where JAX has 64 bits.
    return new if new.dtype == old.dtype else new.astype(old.dtype)


def _diverged(state: State) -> Bool[Array, ""]:
    return ~jnp.isfinite(state.scores.validation_loss)
