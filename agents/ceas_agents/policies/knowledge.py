"""What an observation tells a policy: its columns by name, and the worth of pairs as they age.

It is assumed that links are calibrated, and that all links of a pair are heralded in one window.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.network import counts, forecast
from ceas_gym.physics import information, register
from ceas_gym.task.observations import column
from ceas_gym.types import Network, Observation


def contraction_by_age(
    network: Network, observation: Observation, windows: int
) -> Float[Array, "xyz nodes ages"]:
    """Returns the contraction of a new pair at each age, in windows, by the hub's calibration.

    Args:
        network: Links, memories and operations.
        observation: What the hub knows, every entry in [0, 1].
        windows: Number of ages; at least 1.
    """
    new = forecast.new_contraction(network, forecast.nominal(network))
    if network.verifies:
        # The observed contraction is the lower confidence bound of the hub's tests.
        estimated = column(network, observation, "new_contraction")
        new = new * estimated / jnp.maximum(new.mean(axis=0), 1e-9)
    decay = forecast.decay_of_letters(network, column(network, observation, "survival"))
    return forecast.by_age(new, decay, windows)


def information_by_age(
    network: Network, contraction: Float[Array, "xyz nodes ages"]
) -> Float[Array, "nodes ages"]:
    """Returns the Fisher information of a pair that is spent at each age, in shots.

    Args:
        network: Cut-off, teleportation, and the pairs of a shot.
        contraction: Of the pair at each age, from `contraction_by_age`.

    Returns:
        At least 0; 0 where the pair has expired.
    """
    arriving = counts.fidelity(contraction * network.operations.delivery_contraction[..., None])
    alive = counts.fidelity(contraction) >= network.memories.cutoff_fidelity
    alive &= jnp.arange(contraction.shape[-1]) < network.memories.ages
    return jnp.where(alive, pair_information(arriving, network.qubits), 0)


def pair_information(fidelity: Float[Array, "*batch"], qubits: int) -> Float[Array, "*batch"]:
    """Returns the Fisher information of a pair, when all pairs of a shot have the same fidelity.

    Args:
        fidelity: At the barrier, after the noise of teleportation; in [0, 1].
        qubits: Pairs of a shot; at least 1.

    Returns:
        In shots of perfect signal, in [0, 1 / qubits]: each pair of a perfect shot has
        1 / qubits.

    Source:
        `physics.register.twirled_contraction` and `physics.information.depolarized_qfi_factor`.

    Example:
        >>> print(pair_information(jnp.array(1.0), qubits=4))
        0.25
    """
    signal = register.twirled_contraction(fidelity**qubits, 2**qubits)
    return information.depolarized_qfi_factor(signal, 2**qubits) / qubits
