"""The whole story on one page: a round of scheduling, decay, learning, attack and consensus."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from ceas_gym import actions, chance, layouts, metrics, observations, tally
from ceas_gym.consensus import placement, protocol
from ceas_gym.learning import learners, model, pullback
from ceas_gym.network import (
    barrier,
    conditions,
    forecast,
    generation,
    sabotage,
    storage,
    verification,
)
from ceas_gym.types import (
    Coalition,
    Delivery,
    Params,
    Received,
    Report,
    State,
    TimeStep,
    Verdict,
)


def reset(params: Params, key: Key[Array, ""]) -> tuple[State, TimeStep]:
    """Returns the start of an episode: empty memories, a random model, bad nodes placed.

    Args:
        params: The scenario.
        key: Decides everything that is random in the episode.
    """
    layout = layouts.number(params, key)
    params = layouts.chosen(params, layout)
    key, conditions_key, model_key, placement_key = jax.random.split(chance.quick(key), 4)
    network, nodes = params.network, params.network.vertex.shape[0]
    start = model.start(params.learning, model_key)
    state = State(
        conditions=conditions.start(network, conditions_key),
        memory=storage.empty(network),
        model=start,
        workers=protocol.start(nodes, start.parameters),
        scores=model.score(params.learning, start),
        report=_no_report(params),
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
        schedule=jnp.zeros((network.windows, nodes), jnp.float32),
        stock=state.memory.pairs,
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
    params = layouts.chosen(params, state.layout)
    keys = jax.random.split(state.key, 7)
    key, herald_key, purify_key, learning_key, conditions_key, attack_key, test_key = keys
    network, adversary, next_round = params.network, params.adversary, state.round + 1
    acting = state.byzantine & (state.round >= adversary.onset)

    asked = actions.decode(network, action)
    schedule = sabotage.exhaust(network, adversary, acting, asked)
    links = sabotage.jam(adversary, acting, conditions.links(network, state.conditions))
    tried = generation.attempts(network, schedule)
    heralded = generation.herald(links, tried, herald_key)
    stored, ledger = storage.store(network, links, state.memory, heralded)
    fakes = acting & ("under_claiming" in adversary.sabotage)
    untested, ledger, tests = verification.test(
        network, state.conditions.tests, fakes, stored, ledger, test_key
    )
    memory, able, ledger = barrier.spend(network, links, untested, ledger, purify_key)
    delivery = sabotage.withhold(adversary, acting, able)
    known = verification.remember(network, state.conditions, tests, delivery.authenticated)

    pulled = pullback.pull(params.learning.program, state.model.parameters)
    poisoned = acting & adversary.poisons_labels
    gradients = learners.gradients(params.learning, pulled, delivery, poisoned, learning_key)
    workers = protocol.blend(params.consensus, state.workers, gradients, delivery)
    coalition = Coalition(state.byzantine, acting, attack_key)
    workers, received, verdict = protocol.decide(params, workers, delivery, coalition)
    exact = learners.full_gradient(params.learning, pulled, params.learning.training)
    useful = metrics.useful_pairs(ledger, delivery, received, verdict)
    trained = model.apply(params.learning, state.model, verdict.update, verdict.committed)

    after = State(
        conditions=conditions.advance(network, known, tried, heralded, next_round, conditions_key),
        memory=memory,
        model=trained,
        workers=workers,
        scores=model.score(params.learning, trained),
        report=_report(delivery, received, verdict),
        useful=tally.add(state.useful, useful),
        generated=tally.add(state.generated, ledger.generated.sum()),
        byzantine=state.byzantine,
        layout=state.layout,
        round=next_round,
        key=key,
    )
    next_state = jax.tree.map(_as_wide, after, state)
    return next_state, TimeStep(
        observation=observations.observe(params, next_state),
        reward=params.reward(params, state, next_state),
        terminated=(next_state.round >= params.rounds) | _diverged(next_state),
        metrics=metrics.of_round(next_state, ledger, delivery, received, verdict, useful, exact),
        schedule=schedule,
        stock=stored.pairs,
    )


def _as_wide(new: Array, old: Array) -> Array:
    # Sums of whole numbers are wider than their terms where JAX has 64 bits.
    return new if new.dtype == old.dtype else new.astype(old.dtype)


def _diverged(state: State) -> Bool[Array, ""]:
    return ~jnp.isfinite(state.scores.validation_loss)


def _report(delivery: Delivery, received: Received, verdict: Verdict) -> Report:
    return Report(
        shots=delivery.shots,
        signal=delivery.signal,
        weights=verdict.weights,
        share=verdict.share,
        committed=verdict.committed,
        authenticated=delivery.authenticated.mean(dtype=verdict.weights.dtype),
        counted=received.counted.mean(dtype=verdict.weights.dtype),
    )


def _no_report(params: Params) -> Report:
    nodes = params.network.vertex.shape
    nothing, zero = jnp.zeros(nodes, jnp.float32), jnp.float32(0)
    return Report(jnp.zeros(nodes, jnp.int32), nothing, nothing, zero, jnp.bool_(False), zero, zero)
