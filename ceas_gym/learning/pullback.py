"""The observables pulled back through the ansatz, with their derivatives, in one pass.

A layer on a pair of qubits is one matrix of 16 x 16 on their letters. It takes along all
derivatives by the angles of earlier factors, and adds those by its own angles, which up to there
are nothing but the observable itself: so each is carried no further than it must be.
"""

from functools import reduce

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from ceas_gym.learning.pauli import Clifford, Constant, Factor, Program, Rotation
from ceas_gym.types import Pulled


def pull(program: Program, parameters: Float[Array, " parameters"]) -> Pulled:
    """Returns O_P = 2^-n Tr[P U+ O U] of the read-out observables, and its derivatives.

    The words P are those of the program.

    The transfer matrix of a rotation, A + cos(angle) B + sin(angle) S, is linear in
    (1, cos, sin); its derivative is the same form in (0, -sin, cos).

    Args:
        program: Ansatz and observables.
        parameters: Weights of the ansatz, in radians.
    """
    rows = _run(program, angles(program, parameters), differentiate=True)
    return Pulled(observables=rows[..., 0], derivatives=rows[..., 1:])


def observables(
    program: Program, parameters: Float[Array, " parameters"]
) -> Float[Array, "observables paulis"]:
    """Returns the same O_P without derivatives."""
    return _run(program, angles(program, parameters), differentiate=False)[..., 0]


def angles(program: Program, parameters: Float[Array, " parameters"]) -> Float[Array, " angles"]:
    """Returns the angles of the program's rotations, in radians."""
    jacobian = jnp.asarray(program.jacobian, parameters.dtype)
    return jacobian @ parameters + jnp.asarray(program.offset, parameters.dtype)


def _run(
    program: Program, angle: Float[Array, " angles"], *, differentiate: bool
) -> Float[Array, "observables paulis rows"]:
    # Row 0 is the observable, and each row after it the derivative by an angle of `done`. The
    # Pauli words are numbered with the letters of `wires` in that order, most significant first.
    turns = jnp.stack([jnp.ones_like(angle), jnp.cos(angle), jnp.sin(angle)], axis=1)
    pulled = jnp.asarray(program.readout.T[:, None, :], angle.dtype)
    wires, done = list(range(program.qubits)), list[int]()
    for step in program.pulled:
        if isinstance(step, Clifford):
            pulled = _permute(pulled, step, wires)
            continue
        own = step.angles if differentiate else []
        order = [*step.wires, *(wire for wire in wires if wire not in step.wires)]
        pulled = _apply(_moved(pulled, wires, order), _matrices(step, turns, own))
        wires, done = order, own + done
    wanted = slice(None) if program.words is None else np.array(program.words)
    pulled = pulled[_places(wires, sorted(wires))[wanted]]
    if done != sorted(done):
        pulled = pulled[:, np.array([0, *(1 + np.argsort(done))])]
    return jnp.moveaxis(pulled, -1, 0)


def _matrices(
    step: Factor, turns: Float[Array, "angles 3"], own: list[int]
) -> Float[Array, "variants out words"]:
    # The step's matrix, then its derivatives by its own angles.
    def matrices(gate: Rotation | Constant) -> Array:
        if isinstance(gate, Constant):
            return jnp.asarray(gate.matrix, turns.dtype)[None]
        turn = turns[gate.angle]
        slope = jnp.stack([jnp.zeros_like(turn[0]), -turn[2], turn[1]])
        variants = jnp.stack([turn, *(slope if angle == gate.angle else turn for angle in own)])
        generators = jnp.asarray(gate.generators, turns.dtype)
        return (variants[:, :, None, None] * generators).sum(axis=1)

    if len(step.wires) == len(step.gates[0].wires):
        return reduce(_product, map(matrices, step.gates))
    first, second = (
        reduce(_product, [matrices(gate) for gate in step.gates if gate.wires == (wire,)])
        for wire in step.wires
    )
    both = first[:, :, None, :, None] * second[:, None, :, None, :]
    size = first.shape[1] * second.shape[1]
    return both.reshape(-1, size, size)


def _product(first: Array, second: Array) -> Float[Array, "variants out words"]:
    # Written out: for four terms that is sooner done than a call of a matrix product.
    return (first[:, :, :, None] * second[:, None, :, :]).sum(axis=2)


def _apply(
    pulled: Float[Array, "paulis rows observables"], matrices: Float[Array, "variants out words"]
) -> Float[Array, "paulis more observables"]:
    # Full precision: an accelerator would else round the factors to ten bits.
    flat = pulled.reshape(matrices.shape[2], -1, *pulled.shape[1:])
    carried = jnp.tensordot(matrices[0], flat, axes=1, precision="highest")
    if len(matrices) > 1:
        new = jnp.tensordot(matrices[1:], flat[:, :, 0], axes=1, precision="highest")
        rows = (carried[:, :, :1], jnp.moveaxis(new, 0, 2), carried[:, :, 1:])
        carried = jnp.concatenate(rows, axis=2)
    return carried.reshape(len(pulled), *carried.shape[2:])


def _permute(pulled: Array, step: Clifford, wires: list[int]) -> Array:
    place = _places(wires, sorted(wires))
    word = np.argsort(place)
    signs = jnp.asarray(step.signs[word], pulled.dtype)
    return pulled[place[step.sources[word]]] * signs[:, None, None]


def _moved(pulled: Array, wires: list[int], order: list[int]) -> Array:
    # A gather, whose rows are copied as a whole, is much faster than a transposition.
    return pulled if wires == order else pulled[_places(wires, order)]


def _places(wires: list[int], order: list[int]) -> NDArray[np.int64]:
    # Where each Pauli word of the new order is in the old one.
    places = np.arange(4 ** len(wires)).reshape((4,) * len(wires))
    return places.transpose([wires.index(wire) for wire in order]).reshape(-1)
