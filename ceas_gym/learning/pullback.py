"""Pulls the observables back through the ansatz, together with their derivatives, in one pass.

The pass goes from the last gate to the first. Each stage multiplies its matrix with the observable
and with the derivatives by the angles of later gates. It then adds the derivatives by its own
angles, which are derivatives of its matrix times the observable.
"""

from functools import reduce
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ceas_gym.learning.pauli import Program, Rotation
from ceas_gym.learning.stages import Factor, Order, Stages, Table, of_program
from ceas_gym.types import Pulled


def pull(program: Program, parameters: Float[Array, " parameters"], xp: ModuleType = jnp) -> Pulled:
    """Returns O_P = 2^-n Tr[P U+ O U] of the readout observables, and its derivatives.

    The transfer matrix of a rotation, A + cos(angle) B + sin(angle) S, is linear in
    (1, cos, sin). Its derivative is the same expression in (0, -sin, cos).

    Args:
        program: Ansatz, observables, and the Pauli words P.
        parameters: Weights of the ansatz, in radians.
        xp: The library of the arrays: `jax.numpy`, or `numpy` where a compilation does not pay.

    Returns:
        Observables, shape (observables, words), in [-1, 1], and their derivatives by each angle in
        radians, shape (observables, words, angles).

    Source:
        Observables in the Pauli basis, in the Heisenberg picture: Rall et al., PRA 99, 062337
        (2019), arXiv:1901.09070.
    """
    stages, done = of_program(program), list[int]()
    matrices = _matrices(stages, angles(program, parameters, xp), xp)
    # Row 0 is the observable; each further row is the derivative by an angle in `done`.
    pulled = xp.eye(program.observables, dtype=parameters.dtype)[:, None, :]
    for order, factor, matrix in zip(stages.orders, stages.factors, matrices, strict=True):
        pulled = _apply(_reorder(pulled, order), matrix, xp)
        done = factor.angles + done
    rows = _reorder(pulled, stages.last)
    if done != sorted(done):
        rows = rows[:, np.array([0, *(1 + np.argsort(done))])]
    rows = xp.moveaxis(rows, -1, 0)
    return Pulled(rows[..., 0], rows[..., 1:], parameters)


def observables(
    program: Program, parameters: Float[Array, " parameters"]
) -> Float[Array, "observables paulis"]:
    """Returns the same O_P as `pull`, in [-1, 1], without derivatives.

    Args:
        program: Ansatz, observables, and the Pauli words P.
        parameters: Weights of the ansatz, in radians.
    """
    stages = of_program(program)
    matrices = _matrices(stages, angles(program, parameters), jnp)
    start = jnp.eye(program.observables, dtype=parameters.dtype)
    if not matrices:
        return _reorder(start, stages.last).T
    orders, last = stages.even
    start = jnp.pad(start, [(0, orders.sources.shape[1] - len(start)), (0, 0)])

    # A loop, because its body is compiled only once.
    def stage(pulled: Array, step: tuple[Array, Array, Array]) -> tuple[Array, None]:
        sources, signs, matrix = step
        flat = (pulled[sources] * signs[:, None]).reshape(len(matrix), -1)
        return jnp.matmul(matrix, flat, precision="highest").reshape(pulled.shape), None

    first = jnp.stack([matrix[0] for matrix in matrices])
    steps = (jnp.asarray(orders.sources), jnp.asarray(orders.signs, start.dtype), first)
    pulled, _ = jax.lax.scan(stage, start, steps)
    return _reorder(pulled, last).T


def angles(
    program: Program, parameters: Float[Array, " parameters"], xp: ModuleType = jnp
) -> Float[Array, " angles"]:
    """Returns the angles of the program's rotations, in radians: jacobian @ parameters + offset.

    Args:
        program: Ansatz.
        parameters: Weights of the ansatz, in radians.
        xp: The library of the arrays, as for `pull`.
    """
    jacobian = xp.asarray(program.jacobian, parameters.dtype)
    return jacobian @ parameters + xp.asarray(program.offset, parameters.dtype)


def turns(angle: Float[Array, " angles"], xp: ModuleType = jnp) -> Float[Array, "two angles 3"]:
    """Returns (1, cos, sin) of each angle, and the derivatives of these, (0, -sin, cos).

    Args:
        angle: In radians.
        xp: The library of the arrays, as for `pull`.
    """
    turn = xp.stack([xp.ones_like(angle), xp.cos(angle), xp.sin(angle)], axis=1)
    slope = xp.stack([xp.zeros_like(angle), -turn[:, 2], turn[:, 1]], axis=1)
    return xp.stack([turn, slope])


def turned(
    generators: Any,  # noqa: ANN401 - of NumPy or of JAX
    turns: Float[Array, "*batch 3"],
    xp: ModuleType = jnp,
) -> Float[Array, "*batch out words"]:
    """Returns the matrices of rotations, A + cos(angle) B + sin(angle) S, or their derivatives.

    Args:
        generators: A, B and S (`Rotation.generators`), shape (..., 3, out, words).
        turns: From `turns`.
        xp: The library of the arrays, as for `pull`.
    """
    weighted = turns[..., None, None] * xp.asarray(generators, turns.dtype)
    return weighted.sum(axis=-3)


def one_qubit(
    table: Table, both: Float[Array, "two angles 3"], xp: ModuleType = jnp
) -> Float[Array, "factors variants wires 4 4"]:
    """Returns the matrices of all factors without a joint gate, for each of their wires.

    The first variant of a factor is its matrix, the others are derivatives by its own angles.

    Args:
        table: One-qubit matrices, and which of them are multiplied.
        both: From `turns`.
        xp: The library of the arrays, as for `pull`.
    """
    rotations = turned(table.generators, both[:, table.angles], xp)
    constants = xp.asarray(table.constants, both.dtype)
    matrices = xp.concatenate([constants, rotations.reshape(-1, *constants.shape[1:])])
    gates = xp.moveaxis(matrices[table.entries], 3, 0)

    # Written out, which for sums of four terms is faster than a call of a matrix product.
    def product(first: Array, second: Array) -> Array:
        return (first[..., :, :, None] * second[..., None, :, :]).sum(axis=-2)

    return reduce(product, [gates[step] for step in range(len(gates))])


def _matrices(
    stages: Stages, angle: Float[Array, " angles"], xp: ModuleType
) -> list[Float[Array, "variants out words"]]:
    # For each factor its matrix, then the derivatives of this matrix by its own angles.
    both = turns(angle, xp)
    made = iter(_products(stages, both, xp))
    return [
        _joint(factor, both, xp) if factor.is_joint else next(made)[: 1 + len(factor.angles)]
        for factor in stages.factors
    ]


def _joint(
    factor: Factor, both: Float[Array, "two angles 3"], xp: ModuleType
) -> Float[Array, "variants out words"]:
    gate = factor.gates[0]
    if isinstance(gate, Rotation):
        return turned(gate.generators, both[:, gate.angle], xp)
    return xp.asarray(gate.matrix, both.dtype)[None]


def _products(
    stages: Stages, both: Float[Array, "two angles 3"], xp: ModuleType
) -> Float[Array, "factors variants out words"]:
    # The matrices of all factors without a joint gate, computed at once.
    chosen = one_qubit(stages.table, both, xp)
    if chosen.shape[2] == 1:
        return chosen[:, :, 0]
    first, second = chosen[:, :, 0], chosen[:, :, 1]
    product = first[..., :, None, :, None] * second[..., None, :, None, :]
    size = first.shape[-1] * second.shape[-1]
    return product.reshape(*product.shape[:2], size, size)


def _apply(
    pulled: Float[Array, "paulis rows observables"],
    matrices: Float[Array, "variants out words"],
    xp: ModuleType,
) -> Float[Array, "paulis more observables"]:
    flat = pulled.reshape(matrices.shape[2], -1, *pulled.shape[1:])
    # Full precision, because an accelerator would otherwise round the factors to ten bits.
    with jax.default_matmul_precision("highest"):
        carried = xp.tensordot(matrices[0], flat, axes=1)
        if len(matrices) > 1:
            new = xp.tensordot(matrices[1:], flat[:, :, 0], axes=1)
            rows = (carried[:, :, :1], xp.moveaxis(new, 0, 2), carried[:, :, 1:])
            carried = xp.concatenate(rows, axis=2)
    return carried.reshape(len(pulled), *carried.shape[2:])


def _reorder(pulled: Array, order: Order) -> Array:
    # A gather copies whole rows, which is much faster than a transposition.
    if not np.array_equal(order.sources, np.arange(len(pulled))):
        pulled = pulled[order.sources]
    if (order.signs == 1).all():
        return pulled
    return pulled * order.signs.astype(pulled.dtype).reshape(-1, *[1] * (pulled.ndim - 1))
