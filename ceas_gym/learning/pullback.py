"""The observables pulled back through the ansatz, with their derivatives, in one batched pass.

All runs of the batch stand on the last axis, so that every operation is a loop over neighbours in
memory, whatever the qubit it acts on.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ceas_gym.learning.pauli import Clifford, Constant, Program, Rotation
from ceas_gym.types import Pulled

LANES = 8
"""The batch is padded to a multiple of this: a processor's vector holds as many floats."""


def pull(program: Program, parameters: Float[Array, " parameters"]) -> Pulled:
    """Returns O_P = 2^-n Tr[P U+ O U] of the read-out observables, and its derivatives.

    The transfer matrix of a rotation, A + cos(angle) B + sin(angle) S, is linear in
    (1, cos, sin); its derivative is the same form in (0, -sin, cos). So all derivatives are one
    batch of runs that differ in one triple each.

    Args:
        program: Ansatz and observables.
        parameters: Weights of the ansatz, in radians.
    """
    count = program.angles
    padding = -(count + 1) % LANES
    rows = _run(program, _turns(angles(program, parameters), 1 + count + padding))
    return Pulled(observables=rows[..., 0], derivatives=rows[..., 1 : 1 + count])


def observables(
    program: Program, parameters: Float[Array, " parameters"]
) -> Float[Array, "observables paulis"]:
    """Returns the same O_P without derivatives."""
    return _run(program, _turns(angles(program, parameters), 1))[..., 0]


def angles(program: Program, parameters: Float[Array, " parameters"]) -> Float[Array, " angles"]:
    """Returns the angles of the program's rotations, in radians."""
    jacobian = jnp.asarray(program.jacobian, parameters.dtype)
    return jacobian @ parameters + jnp.asarray(program.offset, parameters.dtype)


def _turns(angle: Float[Array, " angles"], rows: int) -> Float[Array, "3 angles rows"]:
    # Row 0 evaluates the circuit; row 1 + k differentiates it by angle k.
    value = jnp.stack([jnp.ones_like(angle), jnp.cos(angle), jnp.sin(angle)])
    slope = jnp.stack([jnp.zeros_like(angle), -value[2], value[1]])
    differentiated = np.eye(angle.size, rows, k=1, dtype=bool)
    return jnp.where(differentiated, slope[:, :, None], value[:, :, None])


def _run(
    program: Program, turns: Float[Array, "3 angles rows"]
) -> Float[Array, "observables paulis rows"]:
    shape = (*program.readout.shape, turns.shape[2])
    pulled = jnp.broadcast_to(jnp.asarray(program.readout, turns.dtype)[:, :, None], shape)
    # Gates on one qubit are multiplied up until a joint gate needs that qubit.
    pending: dict[int, Array] = {}
    for step in reversed(program.fused):
        if not isinstance(step, Clifford) and len(step.wires) == 1:
            matrix, wire = _matrix(step, turns), step.wires[0]
            pending[wire] = _sum_over(matrix, pending[wire]) if wire in pending else matrix
            continue
        pulled, pending = _flush(pulled, pending, program.qubits), {}
        if isinstance(step, Clifford):
            signs = jnp.asarray(step.signs, turns.dtype)
            pulled = pulled[:, step.sources] * signs[:, None]
        else:
            pulled = _apply(pulled, _matrix(step, turns), step.wires, program.qubits)
    return _flush(pulled, pending, program.qubits)


def _matrix(
    step: Rotation | Constant, turns: Float[Array, "3 angles rows"]
) -> Float[Array, "out words rows"]:
    if isinstance(step, Constant):
        matrix = jnp.asarray(step.matrix, turns.dtype)[:, :, None]
        return jnp.broadcast_to(matrix, (*matrix.shape[:2], turns.shape[2]))
    generators = jnp.asarray(step.generators, turns.dtype)[..., None]
    return jnp.sum(generators * turns[:, step.angle][:, None, None], axis=0)


def _flush(pulled: Array, pending: dict[int, Array], qubits: int) -> Array:
    for wire, matrix in pending.items():
        pulled = _apply(pulled, matrix, (wire,), qubits)
    return pulled


def _apply(
    pulled: Float[Array, "observables paulis rows"],
    matrix: Float[Array, "out words rows"],
    wires: tuple[int, ...],
    qubits: int,
) -> Float[Array, "observables paulis rows"]:
    count, _, rows = pulled.shape
    axes, front = [1 + wire for wire in wires], range(1, 1 + len(wires))
    tensor = jnp.moveaxis(pulled.reshape((count, *(4,) * qubits, rows)), axes, front)
    flat = tensor.reshape(count, matrix.shape[1], -1, rows)
    changed = jax.vmap(_sum_over, in_axes=(None, 0))(matrix[:, :, None], flat)
    return jnp.moveaxis(changed.reshape(tensor.shape), front, axes).reshape(pulled.shape)


def _sum_over(matrix: Array, vector: Array) -> Array:
    # A product in each row, written out: XLA makes one vectorised loop of it.
    terms = [matrix[:, j, None] * vector[j] for j in range(vector.shape[0])]
    return sum(terms[1:], start=terms[0])
