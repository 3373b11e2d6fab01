"""The feature partition: a slice of the features on each QPU of a team.

With `communication: quantum`, the slices are parts of one circuit, as in the circuit partition.
Without communication, each has a circuit of its own. The expectation values of the slices are
added, e(x) = sum_j f_j(x_j; theta_j), so all that slices share is the slope of the loss, l'(e). The
hub knows samples and model, and computes these slopes itself: otherwise a Byzantine slice could
spoil the gradients of all slices of its team, and measuring e would take shots of all of them. So
all shots measure gradients, and each of them measures one angle of its own slice, drawn at random.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_gym.learning import learners, light_cone, slices
from ceas_gym.learning.partitions import circuit
from ceas_gym.learning.partitions.share import Share
from ceas_gym.learning.pauli import Program
from ceas_gym.scenario import LearningSettings
from ceas_gym.types import Delivery, Learning, Partition, Pulled, Shot


def distribute(program: Program, settings: LearningSettings, qpus: int) -> Share:
    """Returns what a QPU does: the circuit of its slice, with the data of the slice teleported.

    Args:
        program: The circuits of all slices (`slices.side_by_side`).
        settings: Not used.
        qpus: Slices of the circuit, and QPUs of a team.
    """
    del settings
    size = program.qubits // qpus
    shot = Shot(qubits=size, data=(size,) * qpus)
    return Share(program, shot, slice_of_angle=slices.of_angles(program, qpus))


def distribute_joined(program: Program, settings: LearningSettings, qpus: int) -> Share:
    """Returns what a QPU does where gates act between the slices, which are placed in order.

    Args:
        program: One circuit, without what cannot change its predictions.
        settings: Not used.
        qpus: Slices of the features, and QPUs of a team.

    Raises:
        ValueError: If a gate across QPUs can't be teleported, or none is across.
    """
    del settings
    size = program.qubits // qpus
    home = tuple(qubit // size for qubit in range(program.qubits))
    return circuit.placed(light_cone.effective(program), home)


def gradients(
    learning: Learning,
    pulled: Pulled,
    delivery: Delivery,
    poisoned: Bool[Array, " teams"],
    key: Key[Array, ""],
) -> Float[Array, "teams parameters"]:
    """Returns every team's estimate of the gradient of the cross-entropy, in nats per radian.

    Pauli words of slice j are multiplied by the contraction of the data that its QPU received. With
    S_j shots, K_j angles, Q observables and slopes l', the covariance of the slice's part g_j is

        (K_j Q mean sum_o l'_o^2 - g_j g_j^T) / S_j,

    and parts of different slices are independent, because their shots are.

    Args:
        learning: Data, circuit and loss.
        pulled: Observables and their derivatives.
        delivery: Shots and contractions of each slice.
        poisoned: Teams that take wrong labels.
        key: Random key of samples and shot noise.

    Returns:
        The gradients; zeros for a team without shots.

    Source:
        As `learning.learners.gradients`, for each slice by itself.
    """
    assert delivery.slices is not None, "The network delivers to slices."
    keys = learners.Keys(*jax.random.split(key, 3))
    paulis, labels = learners.batch(learning, poisoned, keys.samples)
    contraction = jnp.einsum("nst,stp->np", delivery.contraction, learning.type_of_pauli)
    slope = learners.slopes(learning, paulis @ pulled.observables.T, labels)
    moment = jnp.einsum("nbo,nbp->nop", slope, paulis) * contraction[:, None]
    exact = jnp.einsum("nop,opk->nk", moment / learning.batch_size, pulled.derivatives)
    number = delivery.slices.shape[1]
    # All slices have the same slopes; those of the first are counted.
    own = slope[..., : slope.shape[-1] // number]
    estimated = estimate(learning, exact, own, delivery.slices, keys.shots)
    return jnp.where(delivery.shots[:, None] > 0, learners.by_weights(learning, estimated), 0)


def estimate(
    learning: Learning,
    exact: Float[Array, "teams angles"],
    slope: Float[Array, "teams batch observables"],
    shots: Int[Array, "teams slices"],
    key: Key[Array, ""],
) -> Float[Array, "teams angles"]:
    """Returns gradients by the angles as the shots of each slice measure them.

    Args:
        learning: Which slice each angle belongs to.
        exact: Gradients without shot noise.
        slope: Derivative of each sample's loss by the expectation values of a slice.
        shots: Shots of each slice; at least 0.
        key: Random key.
    """
    belongs = np.array(learning.slice_of_angle) == np.arange(shots.shape[1])[:, None]
    mine = jnp.asarray(belongs, exact.dtype)
    of_shot = slope.shape[-1] * (slope**2).sum(axis=-1).mean(axis=1)
    second = of_shot[:, None] * belongs.sum(axis=1)
    normal = jax.random.normal(key, exact.shape, exact.dtype)
    each = jax.vmap(learners.shot_noise, in_axes=(1, 1, 1), out_axes=1)
    noise = each(exact[:, None] * mine, second, normal[:, None] * mine)
    return exact + (noise / jnp.sqrt(jnp.maximum(shots, 1))[..., None]).sum(axis=1)


SLICES = Partition(
    about="Each QPU of a team encodes a slice of the features in a circuit of its own.",
    gradients=gradients,
    distribute=distribute,
    sliced=True,
)
JOINED = Partition(
    about="Each QPU encodes a slice of the features; gates between the slices are teleported.",
    gradients=circuit.gradients,
    distribute=distribute_joined,
)
