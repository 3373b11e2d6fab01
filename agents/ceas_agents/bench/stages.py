"""The time of each stage of a round alone, on inputs that were recorded in an episode."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float

from ceas_gym import clock, dynamics, sabotage
from ceas_gym.consensus import attacks, protocol
from ceas_gym.dynamics import Keys
from ceas_gym.jax_utils.fast_compile import often
from ceas_gym.learning import learners, model, pullback
from ceas_gym.network import barrier, conditions, verification
from ceas_gym.task import actions, metrics, observations
from ceas_gym.types import Params, Received, Round, State


class Moment(NamedTuple):
    """The inputs of the stages of a round."""

    before: State
    action: Float[Array, "windows nodes"]
    happened: Round
    after: State


def record(params: Params, state: State, given: Float[Array, "rounds windows nodes"]) -> Moment:
    """Returns the moments of an episode; every array has the rounds as its first axis.

    Args:
        params: The scenario.
        state: At the start of the episode.
        given: Actions, in [-1, 1].
    """

    def one(before: State, action: Array) -> tuple[State, Moment]:
        after, timestep = dynamics.step(params, before, action)
        assert timestep.round is not None
        return after, Moment(before, action, timestep.round, after)

    return jax.jit(lambda: jax.lax.scan(one, state, given)[1])()


def compiled(stage: str, params: Params, moments: Moment) -> Callable[[], Any]:
    """Returns a function without arguments that computes one stage of every round.

    Args:
        stage: A key of `STAGES`.
        params: The scenario.
        moments: From `record`, each array of shape (rounds, ...).
    """
    call = partial(STAGES[stage], params)
    play = often(lambda moments: jax.lax.map(call, moments)).lower(moments).compile()
    return lambda: play(moments)


def first(moments: Moment) -> Moment:
    """Returns the moment of the first round.

    Args:
        moments: From `record`, each array of shape (rounds, ...).
    """
    return jax.tree.map(lambda leaf: leaf[0], moments)


# --- The stages ---


def _keys(now: Moment) -> Keys:
    return Keys(*jax.random.split(now.before.key, len(Keys._fields)))


def _schedule(params: Params, now: Moment) -> Any:  # noqa: ANN401
    coalition, held = (
        now.happened.coalition,
        conditions.links(params.network, now.before.conditions),
    )
    asked = actions.decode(params.network.switch, now.action)
    return sabotage.schedule(params, coalition, asked), sabotage.links(params, coalition, held)


def _windows(params: Params, now: Moment) -> Any:  # noqa: ANN401
    links, schedule = now.happened.links, now.happened.schedule
    return dynamics.windows(params, links, now.before.gathered, schedule, _keys(now).heralding)


def _barrier(params: Params, now: Moment) -> Any:  # noqa: ANN401
    happened, keys, network = now.happened, _keys(now), params.network
    gathered = happened.gathered
    fakes = sabotage.tests(params, happened.coalition)
    tests = now.before.conditions.tests
    memory, ledger, _ = verification.test(
        network, tests, fakes, gathered.memory, gathered.ledger, keys.tests
    )
    executed = gathered.executed
    return barrier.spend(network, happened.links, memory, ledger, keys.purification, executed)


def _gradients(params: Params, now: Moment) -> Any:  # noqa: ANN401
    pulled = pullback.pull(params.learning.program, now.before.model.parameters)
    poisoned = now.happened.coalition.acting_teams & params.adversary.poisons_labels
    delivery, key = now.happened.delivery, _keys(now).learning
    learning = params.learning
    measured = learning.scheme.gradients(learning, pulled, delivery, poisoned, key)
    return measured, learners.full_gradient(learning, pulled, learning.training)


def _attack(params: Params, now: Moment) -> Any:  # noqa: ANN401
    happened, adversary = now.happened, params.adversary
    received = sabotage.received(
        params, happened.coalition, happened.delivery, _honest(params, now)
    )
    bad = (happened.coalition.teams & (happened.delivery.shots > 0)) | received.forged
    weights = happened.verdict.weights
    return attacks.corrupt(adversary, params.consensus, received, weights, happened.coalition, bad)


def _honest(params: Params, now: Moment) -> Received:
    momentum, delivery = now.after.workers, now.happened.delivery
    measured = protocol.measured_information(delivery, params.network.qubits)
    return protocol.receive(params.consensus, momentum, now.before.cache, delivery, measured)


def _consensus(params: Params, now: Moment) -> Any:  # noqa: ANN401
    before, happened = now.before, now.happened
    delivery = happened.delivery
    workers = protocol.blend(params.consensus, before.workers, happened.gradients, delivery)
    return dynamics.agree(params, workers, before.cache, delivery, happened.coalition)


def _update(params: Params, now: Moment) -> Any:  # noqa: ANN401
    verdict = now.happened.verdict
    trained = model.apply(params.learning, now.before.model, verdict.update, verdict.committed)
    return trained, model.score(params.learning, trained)


def _time(params: Params, now: Moment) -> Any:  # noqa: ANN401
    # Pairs and key of the state have aged once more than at the barrier, which takes as long.
    barred = replace(now.after, conditions=now.before.conditions)
    after, _ = clock.advance(params, now.before, barred, now.happened, _keys(now).conditions)
    return after.conditions, after.memory, after.useful, after.generated, after.clock


def _observation(params: Params, now: Moment) -> Any:  # noqa: ANN401
    return observations.observe(params, now.after)


def _metrics(params: Params, now: Moment) -> Any:  # noqa: ANN401
    return metrics.of_step(params, now.before, now.after, now.happened)


ATTACK, CONSENSUS = "attack", "consensus"
STAGES: dict[str, Callable[[Params, Moment], Any]] = {
    "schedule": _schedule,
    "windows": _windows,
    "barrier": _barrier,
    "gradients": _gradients,
    ATTACK: _attack,
    CONSENSUS: _consensus,
    "update": _update,
    "time": _time,
    "observation": _observation,
    "metrics": _metrics,
}
"""Functions of scenario and moment, by stage; the consensus includes the attack."""
