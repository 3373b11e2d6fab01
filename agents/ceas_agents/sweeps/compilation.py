"""One compiled program for many cells of a sweep: it selects rule and attack while it runs.

A program takes seconds to compile and milliseconds to run. Cells that differ only in numbers share
a program anyway; here, cells that differ in the hub's rule and in the attack share one, too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Int

from ceas_agents.evaluation import play
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.evaluation.rounds import Steps
from ceas_agents.policies import base
from ceas_gym.consensus import attacks
from ceas_gym.jax_utils import randomness
from ceas_gym.jax_utils.fast_compile import often
from ceas_gym.types import Metrics, Params

Function = Callable[..., Array]


@dataclass(frozen=True)
class AnyOf:
    """Several rules, one of which is selected while the program runs."""

    rules: tuple[Function, ...]
    picked: Int[Array, ""]

    def __call__(self, *arguments: Array) -> Array:
        """Returns the update of the selected rule, of shape (parameters,)."""
        return jax.lax.switch(self.picked, self.rules, *arguments)


class Program(NamedTuple):
    """The rules and attacks of the cells that share a program, in the order of their first cell."""

    rules: tuple[Function, ...]
    attacks: tuple[Function, ...]


def shared(params: Params) -> object:
    """Returns a key that is equal for two scenarios if and only if one program can play both.

    Args:
        params: The scenario. Its numbers, its rule and most attacks make no difference; the shapes
            of its arrays do.
    """
    return alike(_with(params, _any, _kind(params.adversary.attack)))


def alike(tree: object) -> object:
    """Returns a key that is equal for two arguments if and only if they share a compilation.

    Args:
        tree: A pytree of arrays; only its structure, shapes and types count.

    Example:
        >>> alike(jnp.zeros(2)) == alike(jnp.ones(2)), alike(jnp.zeros(2)) == alike(jnp.zeros(3))
        (True, False)
    """
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)


def of(members: Sequence[Params]) -> Program:
    """Returns the program that plays all of these scenarios.

    Args:
        members: Scenarios for which `shared` is equal, so that their arrays have equal shapes; at
            least one.
    """
    rules = dict.fromkeys(params.consensus.rule for params in members)
    sent = dict.fromkeys(params.adversary.attack for params in members)
    return Program(tuple(rules), tuple(sent))


def episodes(
    program: Program, contestant: Contestant, params: Params, steps: int, seeds: Sequence[int]
) -> Iterator[tuple[int, Steps]]:
    """Yields the same as `play.episodes`, up to the rounding errors of another compilation.

    Args:
        program: From `of`, with the parameters among its members.
        contestant: Who plays; only the policy is used.
        params: From `evaluation.play.prepare`.
        steps: The most steps of an episode; at least 1.
        seeds: Episodes to play.

    Yields:
        Each seed, with its metrics of shape (steps,): the steps that it had.
    """
    rule = jnp.int32(program.rules.index(params.consensus.rule))
    attack = jnp.int32(program.attacks.index(params.adversary.attack))
    common = _with(params, program.rules[0], program.attacks[0])
    policy = base.as_pytree(contestant.policy)
    for seed in seeds:
        key = randomness.key(seed)
        played = _play(policy, steps, program, common, rule, attack, key)
        yield seed, play.cut(*jax.device_get(played))


@partial(often, static_argnums=(1, 2))
def _play(
    policy: Partial,
    steps: int,
    program: Program,
    common: Params,
    rule: Int[Array, ""],
    attack: Int[Array, ""],
    key: Array,
) -> tuple[Metrics, Int[Array, ""]]:
    def one_attack(view: attacks.View) -> Array:
        return jax.lax.switch(attack, [partial(_rows, sends, view) for sends in program.attacks])

    several_rules, several_attacks = (len(names) > 1 for names in program)
    params = _with(
        common,
        AnyOf(program.rules, rule) if several_rules else program.rules[0],
        one_attack if several_attacks else program.attacks[0],
    )
    return play.episode(policy, steps, params, key)


def _rows(sends: Function, view: attacks.View) -> Array:
    # An attack may send one row for all nodes; the branches of a switch need equal shapes.
    sent = attacks.checked(sends, view).astype(view.updates.dtype)
    return jnp.broadcast_to(sent, view.updates.shape)


def _with(params: Params, rule: Function, attack: Function) -> Params:
    consensus, adversary = params.consensus, params.adversary
    return replace(
        params,
        consensus=replace(consensus, rule=rule),
        adversary=replace(adversary, attack=attack),
    )


def _kind(attack: Function) -> Function:
    return attack if attack in attacks.SENDS_AS_IS else _any


def _any(*_: object) -> Array:
    raise NotImplementedError("this stands for any rule or attack, and is never called")
