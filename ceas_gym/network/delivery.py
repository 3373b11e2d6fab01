"""What pairs deliver: teleported through them, encoded data lose contraction and signal."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ceas_gym.network import counts
from ceas_gym.physics import register
from ceas_gym.types import Delivery, Network


def of_pairs(
    network: Network,
    contraction: Float[Array, "truth_and_estimate xyz nodes classes"],
    taken: Int[Array, "nodes classes"],
    shots: Int[Array, " nodes"],
) -> Delivery:
    """Returns the delivery of shots whose pairs are assigned to qubits at random; without tags.

    Args:
        network: Qubits of a shot, and the noise of teleportation.
        contraction: Of the pairs of each class, in [-1, 1].
        taken: Pairs that are used of each class.
        shots: Shots that they make; at least 0.

    Source:
        Teleportation of a register: Bennett et al., PRL 70, 1895 (1993), as in `physics.register`.
    """
    arriving = contraction * network.operations.delivery_contraction[..., None]
    return Delivery(
        shots=shots,
        contraction=register.mean_products(taken, jnp.moveaxis(arriving[0], 0, -1), network.qubits),
        signal=jnp.where(shots > 0, _signal(network, taken, arriving[-1]), 0),
        authenticated=jnp.zeros_like(shots, bool),
    )


def _signal(
    network: Network,
    taken: Int[Array, "nodes classes"],
    estimated: Float[Array, "xyz nodes classes"],
) -> Float[Array, " nodes"]:
    # The register's process fidelity is the product over its pairs, averaged over assignments.
    each = counts.fidelity(estimated)[..., None]
    process = register.mean_products(taken, each, network.qubits)[:, -1]
    return register.twirled_contraction(process, 2**network.qubits)
