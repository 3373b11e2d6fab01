"""Tries a user's own functions when a scenario is built, so that they do not fail in mid-run.

Functions that JAX compiles are only traced here, with shapes in place of numbers, so nothing is
computed. Circuits and data sets are called where they are loaded (`learning.circuit`,
`learning.data`).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ceas_gym import dynamics
from ceas_gym.consensus import protocol
from ceas_gym.consensus.attacks import View
from ceas_gym.learning import model, pullback
from ceas_gym.network import barrier, conditions, storage, teams
from ceas_gym.registry import asked_by, calling, imported
from ceas_gym.scenario import Scenario
from ceas_gym.types import (
    Coalition,
    Delivery,
    Ledger,
    Links,
    Memory,
    Model,
    Params,
    Received,
    Sabotage,
    State,
)


class Trial(NamedTuple):
    """A setting that names a function, how a round calls it, and how its result is checked."""

    setting: str
    kind: str
    call: Callable[[Params, State], Any]
    refusal: Callable[[Any, State], str]
    """Says what is wrong with a result; empty if nothing is."""


def check(scenario: Scenario, params: Params) -> None:
    """Checks every function of the user's own that a round calls; returns nothing.

    Args:
        scenario: The scenario, which names the functions (`module:function`).
        params: The parameters built from it.

    Raises:
        ValueError: If a function raises an error, or returns an array of a wrong shape or type;
            the message names the setting and the function.
    """
    for trial in TRIALS:
        section, field = trial.setting.split(".")
        name = getattr(getattr(scenario, section), field)
        if ":" in name:
            with asked_by(trial.setting):
                _check(trial, name, params)
    for name in filter(lambda part: ":" in part, scenario.attack.name.split("+")):
        with asked_by("attack.name"):
            _check_sabotage(name, params)


def _check(trial: Trial, name: str, params: Params) -> None:
    with calling(trial.kind, name):
        start = jax.eval_shape(dynamics.reset, params, jax.random.key(0))[0]
        found = jax.eval_shape(trial.call, params, start)
    if refusal := trial.refusal(found, start):
        raise ValueError(f"{trial.kind} {name!r} must return {refusal}")


def _check_sabotage(name: str, params: Params) -> None:
    record: object = imported("attack", name, Sabotage)
    for field, given in HOOKS.items() if isinstance(record, Sabotage) else ():
        if hook := getattr(record, field):
            _check_hook(f"sabotage {name!r}: hook", field, hook, partial(given, params), params)


def _check_hook(
    of: str, field: str, hook: Callable[..., Any], given: Callable[[State], Any], params: Params
) -> None:
    def call(state: State) -> tuple[Any, Any]:
        # What the nodes learn tells whether a function that measures gradients fits.
        learnt = partial(_learnt, params, state)
        coalition = Coalition(
            members=state.byzantine,
            acting=state.byzantine,
            teams=_bad(params, state),
            acting_teams=_bad(params, state),
            key=state.key,
            round=state.round,
            window=state.gathered.window,
            served=jnp.zeros(()),
        )
        changed, *others = given(state)
        made = hook(params, coalition, changed, *others)
        return (changed, made) if field != "learn" else (learnt(changed), learnt(made))

    with calling(of, field):
        start = jax.eval_shape(dynamics.reset, params, jax.random.key(0))[0]
        before, after = map(_types, jax.eval_shape(call, start))
    if before != after:
        kept, made = ", ".join(before), ", ".join(after) or "nothing"
        what = "a function that returns " if field == "learn" else ""
        raise ValueError(f"{of} {field!r} must return {what}{kept}, but returned {made}")


# --- How a round calls each function ---


def _optimizer(params: Params, state: State) -> Model:
    update = state.model.parameters
    return model.apply(params.learning, state.model, update, state.report.committed)


def _rule(params: Params, state: State) -> Array:
    updates, weights = state.workers.momentum, state.report.weights
    return params.consensus.rule(updates, weights, params.consensus.tolerated)


def _weights(params: Params, state: State) -> Array:
    information, counted = state.cache.information, _bad(params, state)
    return params.consensus.weighting(information, counted, params.learning.batch_floor)


def _attack(params: Params, state: State) -> Array:
    updates, weights = state.workers.momentum, state.report.weights
    view = View(
        updates=updates,
        weights=weights,
        honest=~_bad(params, state),
        bad=_bad(params, state),
        strength=params.adversary.strength,
        key=state.key,
        aggregate=lambda sent: params.consensus.rule(sent, weights, params.consensus.tolerated),
    )
    return params.adversary.attack(view)


def _purification(params: Params, state: State) -> tuple[Memory, Delivery, Ledger]:
    links = conditions.links(params.network, state.conditions)
    ledger = storage.no_fates(jnp.zeros(params.network.nodes, jnp.int32))
    return barrier.spend(params.network, links, state.memory, ledger, state.key)


def _reward(params: Params, state: State) -> Array:
    return params.reward(params, state, state)


def _bad(params: Params, state: State) -> Array:
    return teams.some(params.network.teams, state.byzantine)


def _schedule(params: Params, state: State) -> tuple[Array]:
    del state
    return (jnp.zeros((_windows(params), params.network.nodes)),)


def _time(params: Params, state: State) -> tuple[Array]:
    del state
    return (jnp.ones(_windows(params)),)


def _windows(params: Params) -> int:
    # In a step.
    return 1 if params.by_window else params.network.windows


def _member_pairs(params: Params, state: State) -> tuple[Array]:
    del state
    return (params.consensus.members.pairs,)


def _links(params: Params, state: State) -> tuple[Links]:
    return (conditions.links(params.network, state.conditions),)


def _tests(params: Params, state: State) -> tuple[Array]:
    del params
    return (jnp.zeros_like(state.byzantine),)


def _delivery(params: Params, state: State) -> tuple[Delivery]:
    return (_purification(params, state)[1],)


def _trap_chance(params: Params, state: State) -> tuple[Array, Delivery]:
    (delivery,) = _delivery(params, state)
    return jnp.ones_like(delivery.signal), delivery


def _learn(params: Params, state: State) -> tuple[Callable[..., Array]]:
    pulled = pullback.pull(params.learning.program, state.model.parameters)
    return (partial(params.learning.scheme.gradients, params.learning, pulled),)


def _learnt(params: Params, state: State, learn: Any) -> object:  # noqa: ANN401 - a user made it
    if not callable(learn):
        return learn
    return learn(*_delivery(params, state), _bad(params, state), state.key)


def _received(params: Params, state: State) -> tuple[Received, Delivery]:
    (delivery,) = _delivery(params, state)
    information = protocol.measured_information(delivery, params.network.qubits)
    received = protocol.receive(params.consensus, state.workers, state.cache, delivery, information)
    return received, delivery


# --- What each function must return ---


def _no_parameters(found: object, state: State) -> str:
    return _not_of(found, state.model.parameters.shape)


def _no_updates(found: object, state: State) -> str:
    return _not_of(found, state.model.parameters.shape, state.workers.momentum.shape)


def _no_votes(found: object, state: State) -> str:
    return _not_of(found, state.report.shots.shape)


def _no_number(found: object, state: State) -> str:
    del state
    return _not_of(found, ())


def _not_of(found: Any, *shapes: tuple[int, ...]) -> str:  # noqa: ANN401
    shape = getattr(found, "shape", None)
    is_real = shape is not None and not jnp.issubdtype(found.dtype, jnp.complexfloating)
    if shape in shapes and is_real:
        return ""
    returned = f"a {type(found).__name__}" if shape is None else f"{found.dtype} of shape {shape}"
    return f"real numbers of shape {' or '.join(map(str, shapes))}, but returned {returned}"


def _other_state(found: Model, state: State) -> str:
    before, after = _types(state.model), _types(found)
    if before == after:
        return ""
    return (
        f"updates that keep the state's types, but made {', '.join(after)} of {', '.join(before)}"
    )


def _other_memory(found: tuple[Memory, Delivery, Ledger], state: State) -> str:
    before, after = _types(state.memory), _types(found[0])
    if before == after:
        return ""
    return f"pairs and contractions as `none` does, but left {', '.join(after)} in memory"


def _types(record: object) -> list[str]:
    return [f"{leaf.dtype}{list(leaf.shape)}" for leaf in jax.tree.leaves(record)]


TRIALS = (
    Trial("learning.optimizer", "optimizer", _optimizer, _other_state),
    Trial("consensus.rule", "rule", _rule, _no_parameters),
    Trial("consensus.weights", "weights", _weights, _no_votes),
    Trial("attack.name", "attack", _attack, _no_updates),
    Trial("network.purification", "purification", _purification, _other_memory),
    Trial("episode.reward", "reward", _reward, _no_number),
)
"""The optimizer comes first, because every trial starts an episode, which needs its state."""
HOOKS: dict[str, Callable[[Params, State], tuple[Any, ...]]] = {
    "schedule": _schedule,
    "time": _time,
    "links": _links,
    "tests": _tests,
    "delivery": _delivery,
    "learn": _learn,
    "received": _received,
    "member_pairs": _member_pairs,
    "trap_chance": _trap_chance,
}
"""What a round gives the hooks of `Sabotage`: first what they may change, and must return."""
