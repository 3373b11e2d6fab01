"""Where a round's time goes: every stage of the step alone, on the arguments of a real episode."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

import jax
from jax.core import Tracer
from jaxtyping import Array, Float

from ceas_gym import actions, dynamics, metrics, observations
from ceas_gym.consensus import attacks, protocol
from ceas_gym.learning import learners, model, pullback
from ceas_gym.network import barrier, conditions, generation, sabotage, storage, verification
from ceas_gym.programs import often
from ceas_gym.types import Params, State

Function = Callable[..., Any]

ATTACK, CONSENSUS = "attack", "consensus"
STAGES: dict[str, tuple[tuple[ModuleType, str], ...]] = {
    "schedule": ((actions, "decode"), (sabotage, "exhaust"), (conditions, "links")),
    "generation": ((generation, "attempts"), (generation, "herald")),
    "storage": ((storage, "store"), (verification, "test"), (barrier, "spend")),
    "gradients": ((pullback, "pull"), (learners, "gradients")),
    ATTACK: ((attacks, "intercept"), (attacks, "corrupt")),
    CONSENSUS: ((protocol, "blend"), (protocol, "decide")),
    "update": ((model, "apply"), (model, "score")),
    "conditions": ((conditions, "advance"),),
    "observation": ((observations, "observe"),),
    "metrics": ((learners, "full_gradient"), (metrics, "of_round")),
}
"""The functions that a round calls, by stage; the attack is called by the consensus."""


class Tape(NamedTuple):
    """What one function was given in each round of an episode.

    Of the leaves of its arguments, each is in one of the three lists, and None in the others.
    """

    stage: str
    function: Function
    structure: Any
    objects: list[Any]
    """What is no array."""
    fixed: list[Array | None]
    """Arrays that are the same in every round."""
    moving: list[Array | None]
    """Arrays that are not, with the rounds as first axis."""

    def call(self, fixed: list[Array | None], moving: list[Array | None]) -> Any:  # noqa: ANN401
        """Returns what the function returns in one round."""
        leaves = zip(self.objects, fixed, moving, strict=True)
        chosen = [next((leaf for leaf in three if leaf is not None), None) for three in leaves]
        return self.function(*jax.tree.unflatten(self.structure, chosen))

    def play(self, fixed: list[Array | None], moving: list[Array | None]) -> Any:  # noqa: ANN401
        """Returns what the function returns, round by round; for `jit`."""
        return jax.lax.map(lambda now: self.call(fixed, now), moving)


def record(params: Params, state: State, given: Float[Array, "rounds windows nodes"]) -> list[Tape]:
    """Returns the tape of every function of every stage.

    Args:
        params: The scenario.
        state: At the start of the episode.
        given: Actions.
    """
    calls: list[tuple[str, Function, Any, list[Any]]] = []

    def one(state: State, action: Array) -> tuple[State, list[list[Array | None]]]:
        calls.clear()
        with _tapped(calls):
            state, _ = dynamics.step(params, state, action)
        return state, [_only(Tracer, leaves) for *_, leaves in calls]

    moving = jax.jit(lambda: jax.lax.scan(one, state, given)[1])()
    tapes: list[Tape] = []
    for (stage, function, structure, leaves), moved in zip(calls, moving, strict=True):
        still = [None if isinstance(leaf, Tracer) else leaf for leaf in leaves]
        fixed = _only(jax.Array, still)
        pairs = zip(still, fixed, strict=True)
        objects = [None if array is not None else leaf for leaf, array in pairs]
        tapes.append(Tape(stage, function, structure, objects, fixed, moved))
    return tapes


def compiled(tape: Tape) -> Callable[[], Any]:
    """Returns a call that plays the tape."""
    play = often(tape.play).lower(tape.fixed, tape.moving).compile()
    return lambda: play(tape.fixed, tape.moving)


def first(tape: Tape) -> tuple[list[Array | None], list[Array | None]]:
    """Returns the arrays of the first round, as `Tape.call` takes them."""
    return tape.fixed, [None if array is None else array[0] for array in tape.moving]


def _only(kind: type, leaves: list[Any]) -> list[Any]:
    return [leaf if isinstance(leaf, kind) else None for leaf in leaves]


@contextmanager
def _tapped(calls: list[tuple[str, Function, Any, list[Any]]]) -> Iterator[None]:
    # The step calls every stage through its module, so while it is traced the modules can listen.
    # Of what a stage calls in turn, only the attack is told apart.
    inside: list[str] = []

    def tap(stage: str, function: Function) -> Function:
        @functools.wraps(function)
        def tapped(*arguments: object) -> Any:  # noqa: ANN401
            if not inside or stage == ATTACK:
                leaves, structure = jax.tree.flatten(arguments)
                calls.append((stage, function, structure, leaves))
            inside.append(stage)
            try:
                return function(*arguments)
            finally:
                inside.pop()

        return tapped

    places = [(stage, *place) for stage, parts in STAGES.items() for place in parts]
    functions = [getattr(module, name) for _, module, name in places]
    try:
        for (stage, module, name), function in zip(places, functions, strict=True):
            setattr(module, name, tap(stage, function))
        yield
    finally:
        for (_, module, name), function in zip(places, functions, strict=True):
            setattr(module, name, function)
