"""Pulls observables back through a circuit whose noise differs between teams, and moments forward.

The rotations are the same for all teams. Noise between the gates multiplies each Pauli word by a
factor, which differs between teams. So every team has observables of its own, and their derivatives
by each angle would cost another such pass. But a team needs only one number for each angle: the
derivative of its loss. For all of these together, one more pass is enough. It goes through the
circuit in the order of time, and carries the moment, which is the loss's derivative by the
observables (adjoint method).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from ceas_gym.learning import blocks, pullback
from ceas_gym.learning.blocks import Arrangement, Block, Plan
from ceas_gym.learning.pauli import Program, Rotation, Step
from ceas_gym.learning.stages import Order, Table

Diagonal = Callable[[NDArray[np.int64]], Float[Array, "words teams"]]
"""A Pauli-diagonal channel: from numbers of Pauli words to the factor of each, for each team."""


class Passed(NamedTuple):
    """What `pull` keeps of a block for `push`."""

    matrix: Float[Array, "before variants after"]
    """Of the block. The first variant is the matrix, the others are its derivatives by its own
    angles."""
    observables: Float[Array, "after columns observables teams"]
    """After the gates of the block; of a single team if there is no noise after them."""
    noise: Float[Array, "places teams"] | None
    """What the words before the block were multiplied by."""


@partial(jax.tree_util.register_dataclass, data_fields=("passed", "noise"), meta_fields=("noisy",))
@dataclass(frozen=True)
class Tape:
    """What `pull` keeps for `push`."""

    passed: tuple[Passed, ...]
    """A record for each block, the last gates first."""
    noise: Float[Array, "words teams"] | None
    """Of the first gates, before all blocks."""
    noisy: tuple[int, ...]
    """Gates after which noise acts."""


def pull(
    program: Program,
    parameters: Float[Array, " parameters"],
    noise: Mapping[int, Diagonal],
    teams: int,
) -> tuple[Float[Array, "words observables teams"], Tape]:
    """Returns each team's O_P = 2^-n Tr[P C+(O)], where C+ is the adjoint of its noisy circuit.

    Noise after a gate acts on an observable before the gate does: it multiplies each word by its
    factor. Then the gate multiplies the observable's vector by its transfer matrix.

    Args:
        program: Ansatz, observables, and the Pauli words P, in this order.
        parameters: Weights of the ansatz, in radians.
        noise: Noise that acts directly after a gate, by the number of the gate in the order of
            time, in [0, gates). It is asked for the words that may occur there, as numbers in
            [0, 4**qubits), and returns factors in [-1, 1].
        teams: At least 1.

    Returns:
        Observables, in [-1, 1], and what `push` needs of this pass.

    Raises:
        ValueError: If noise acts after a gate that the program does not have, or the observables
            spread over more than `reach.MOST_WORDS` words.

    Source:
        Pauli channels are diagonal in the Pauli basis: Greenbaum, arXiv:1509.02921.

    Example:
        >>> program = Program(1, 1, (Rotation("X", (0,), 0),), np.eye(1), np.zeros(1))
        >>> half = {0: lambda words: jnp.array([1.0, 0.5]) ** (words[:, None] > 0)}
        >>> run = jax.jit(lambda weights: pull(program, weights, half, teams=2)[0])
        >>> print(run(jnp.array([0.0]))[3])  # Z, which is read out, in two teams
        [[1.  0.5]]
    """
    plan = blocks.of_program(program, tuple(sorted(noise)))
    passed = list[Passed]()
    pulled = jnp.asarray(plan.start, parameters.dtype)[:, :, None]
    for block, matrix in zip(plan.blocks, _matrices(plan, program, parameters), strict=True):
        pulled, factors = _arranged(pulled, block.arrangement, noise)
        table = pulled.reshape(matrix.shape[2], -1, *pulled.shape[1:])
        passed.append(Passed(matrix, table, factors))
        pulled = _dot(matrix[:, 0], table).reshape(-1, *pulled.shape[1:])
    pulled, factors = _arranged(pulled, plan.last, noise)
    everyone = jnp.broadcast_to(pulled, (*pulled.shape[:2], teams))
    return everyone, Tape(tuple(passed), factors, tuple(sorted(noise)))


def push(
    program: Program, tape: Tape, moment: Float[Array, "words observables teams"]
) -> Float[Array, "teams angles"]:
    """Returns the derivatives by every angle of sum_P,o moment[P, o] O_P[o], for each team.

    By the chain rule, the moment is multiplied by the transposed matrices in turn. The derivative
    by an angle is the product of three: the moment before the block of its gate, the derivative of
    the block's matrix, and the observables after the block.

    Args:
        program: As for `pull`.
        tape: From `pull`.
        moment: Derivatives of each team's loss by its observables.

    Returns:
        In units of the loss per radian; `program.jacobian` turns them into derivatives by weights.

    Source:
        Adjoint differentiation of circuits: Jones and Gacon, arXiv:2009.02823.
    """
    plan = blocks.of_program(program, tape.noisy)
    slopes = list[Array]()
    moment = _returned(moment, plan.last, tape.noise)
    for block, passed in zip(reversed(plan.blocks), reversed(tape.passed), strict=True):
        slope, moment = _pushed(passed, moment)
        slopes.append(slope)
        moment = _returned(moment, block.arrangement, passed.noise)
    if not slopes:
        return jnp.zeros((moment.shape[-1], program.angles), moment.dtype)
    angles = [angle for block in reversed(plan.blocks) for angle in block.angles]
    return jnp.concatenate(slopes)[np.argsort(angles)].T


def _pushed(
    passed: Passed, moment: Float[Array, "places observables teams"]
) -> tuple[Float[Array, "own teams"], Float[Array, "places observables teams"]]:
    # The derivatives by a block's own angles, and the moment after its gates.
    before, variants, after = passed.matrix.shape
    spread = _dot(passed.matrix.reshape(before, -1).T, moment.reshape(before, -1))
    spread = spread.reshape(variants, after, -1, *moment.shape[1:])
    slopes = (spread[1:] * passed.observables).sum(axis=(1, 2, 3))
    return slopes, spread[0].reshape(-1, *moment.shape[1:])


def _arranged(
    pulled: Float[Array, "places observables #teams"],
    arrangement: Arrangement,
    noise: Mapping[int, Diagonal],
) -> tuple[Float[Array, "places observables #teams"], Float[Array, "places teams"] | None]:
    pulled = _reordered(pulled, arrangement.order)
    if not arrangement.noise:
        return pulled, None
    factors = reduce(jnp.multiply, [noise[gate](words) for gate, words in arrangement.noise])
    return pulled * factors[:, None], factors


def _returned(
    moment: Float[Array, "places observables teams"],
    arrangement: Arrangement,
    factors: Float[Array, "places teams"] | None,
) -> Float[Array, "places observables teams"]:
    noisy = moment if factors is None else moment * factors[:, None]
    return _reordered(noisy, arrangement.back)


def _reordered(table: Array, order: Order) -> Array:
    if not order.signs.any():
        return jnp.zeros((len(order.signs), *table.shape[1:]), table.dtype)
    if not np.array_equal(order.sources, np.arange(len(table))):
        # Each number has an index of its own, because the compiler would find the numbers of a row
        # by divisions, which take three times as long.
        every = np.arange(table.size, dtype=np.int32).reshape(table.shape)
        table = table.ravel()[every[order.sources]]
    if (order.signs == 1).all():
        return table
    signs = np.broadcast_to(order.signs[:, None, None], table.shape)
    return table * signs.astype(table.dtype)


def _matrices(
    plan: Plan, program: Program, parameters: Float[Array, " parameters"]
) -> list[Float[Array, "before variants after"]]:
    both = pullback.turns(pullback.angles(program, parameters))
    products = _products(plan.matrices, both)
    return [_matrix(block, products, both) for block in plan.blocks]


def _matrix(
    block: Block,
    products: Float[Array, "factors before variants after"],
    both: Float[Array, "two angles 3"],
) -> Float[Array, "before variants after"]:
    if block.factors[0].is_joint:
        factors = _joint(block.factors[0].gates[0], both)
    else:
        factors = products[block.number : block.number + len(block.factors)]
    every = np.arange(len(block.factors))
    plain = _entries(factors, block, every, np.zeros_like(every))
    variants = jnp.concatenate([plain.prod(axis=0)[None], _slopes(factors, block, plain)])
    return jnp.moveaxis(variants * jnp.asarray(block.same, variants.dtype), 0, 1)


def _slopes(
    factors: Float[Array, "factors before variants after"],
    block: Block,
    plain: Float[Array, "factors before after"],
) -> Float[Array, "own before after"]:
    # A derivative by an angle of one factor is this factor's, times the matrices of all others.
    counts = [len(factor.angles) for factor in block.factors]
    if not sum(counts):
        return plain[:0]
    owner = np.repeat(np.arange(len(counts)), counts)
    variant = np.concatenate([1 + np.arange(count) for count in counts])
    others = jnp.where(np.eye(len(counts), dtype=bool)[:, :, None, None], 1, plain).prod(axis=1)
    return _entries(factors, block, owner, variant) * others[owner]


def _entries(
    factors: Float[Array, "factors before variants after"],
    block: Block,
    chosen: NDArray[np.int64],
    variants: NDArray[np.int64],
) -> Float[Array, "chosen before after"]:
    # Entries of the chosen factors, in these variants, between rows of the two tables.
    before, after = block.before[chosen, :, None], block.after[chosen, None, :]
    index = (chosen[:, None, None], before, variants[:, None, None], after)
    places = np.ravel_multi_index(np.broadcast_arrays(*index), factors.shape)
    return factors.ravel()[places.astype(np.int32)]


def _joint(
    gate: Step, both: Float[Array, "two angles 3"]
) -> Float[Array, "factors before variants after"]:
    if isinstance(gate, Rotation):
        return jnp.moveaxis(pullback.turned(gate.generators, both[:, gate.angle]), 0, 1)[None]
    return jnp.asarray(gate.matrix, both.dtype)[None, :, None]


def _products(
    table: Table, both: Float[Array, "two angles 3"]
) -> Float[Array, "factors before variants after"]:
    # The matrices of all factors without a joint gate, computed at once.
    if not len(table.entries):
        return jnp.zeros((0, 1, 1, 1), both.dtype)
    chosen = pullback.one_qubit(table, both)
    first, second = chosen[:, :, 0], chosen[:, :, 1]
    first, second = (jnp.moveaxis(each, 1, 2) for each in (first, second))
    product = first[:, :, None, :, :, None] * second[:, None, :, :, None, :]
    size = product.shape[1] * product.shape[2]
    return product.reshape(len(product), size, -1, size)


def _dot(left: Array, right: Array) -> Array:
    return jnp.tensordot(left, right, axes=1, precision="highest")
