"""The clock of an episode: how time changes conditions and stores, and what a step shows."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ceas_gym.jax_utils import packing, tally
from ceas_gym.network import conditions, key_pool, storage
from ceas_gym.task import metrics, observations
from ceas_gym.types import Params, Round, State, TimeStep


def shortest_step(params: Params) -> Int[Array, ""]:
    """Returns the windows of the shortest step that ends with a barrier, at least 1.

    Args:
        params: The scenario.
    """
    return (1 if params.by_window else params.network.windows) + params.network.barrier_windows


def advance(
    params: Params, before: State, after: State, happened: Round, key: Key[Array, ""]
) -> tuple[State, Round]:
    """Returns the state and the record of a step after its time has passed.

    During a barrier pairs age and none are generated. Then links and memories change, as they do
    between any two steps, and old key expires.

    Args:
        params: The scenario.
        before: State before the step.
        after: State after the step's windows, and after its barrier if it fired.
        happened: Record of the step.
        key: Random key of the round, from which each of its steps has a key of its own.
    """
    network, fired = params.network, happened.fired
    if params.by_window:
        key = jax.random.fold_in(key, before.gathered.window)
    paused = jnp.where(fired, network.barrier_windows, 0)
    memory, expired = storage.rest(network, happened.links, after.memory, paused)
    ledger = replace(happened.ledger, expired=happened.ledger.expired + expired)
    now = before.clock + happened.schedule.shape[0] + paused
    key_bits = key_pool.expire(network.key, memory.key_bits, before.clock, now)
    memory = replace(memory, key_bits=key_bits)
    useful = metrics.useful_pairs(params, before, happened)
    generated = metrics.fates(before, happened).generated.sum()
    passed = replace(
        after,
        conditions=conditions.advance(
            network,
            after.conditions,
            happened.gathered.tried - before.gathered.tried,
            happened.gathered.heralded - before.gathered.heralded,
            before.clock,
            now,
            fired,
            key,
        ),
        gathered=replace(after.gathered, memory=memory),
        useful=tally.add(before.useful, useful),
        generated=tally.add(before.generated, generated),
        steps=before.steps + 1,
        clock=now,
    )
    return packing.of_types(passed, before), replace(happened, ledger=ledger)


def observe(params: Params, before: State, after: State, happened: Round) -> TimeStep:
    """Returns what a step shows to the scheduler and to people; rewards are paid at barriers.

    Args:
        params: The scenario.
        before: State before the step.
        after: State after the step.
        happened: Record of the step.
    """
    reward = params.reward(params, before, after)
    if params.by_window:
        pay = partial(params.reward, params)
        reward = jax.lax.cond(happened.fired, pay, _nothing, before, after)
    over = after.clock + shortest_step(params) > params.budget
    diverged = ~jnp.isfinite(after.scores.validation_loss)
    return TimeStep(
        observation=observations.observe(params, after),
        reward=reward,
        terminated=over | diverged,
        metrics=metrics.of_step(params, before, after, happened),
        round=happened,
    )


def _nothing(before: State, after: State) -> Float[Array, ""]:
    del before
    return jnp.zeros_like(after.scores.validation_loss)
