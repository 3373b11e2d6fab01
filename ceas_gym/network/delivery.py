"""What pairs deliver: teleported data or gates, with the noise that they suffer on the way."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ceas_gym.network import counts, teams
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
        network: What a shot takes, and the noise of teleportation.
        contraction: Of the pairs of each class, in [-1, 1].
        taken: Pairs that are used of each class.
        shots: Shots that each node takes part in; at least 0.

    Source:
        Teleportation of a register: Bennett et al., PRL 70, 1895 (1993), as in `physics.register`.
    """
    if network.teams.shot.gates:
        return of_gates(network, contraction, taken, shots)
    each = of_registers(network, contraction, taken, shots)
    return each if network.teams.size == 1 else of_slices(network, each)


def of_registers(
    network: Network,
    contraction: Float[Array, "truth_and_estimate xyz nodes classes"],
    taken: Int[Array, "nodes classes"],
    shots: Int[Array, " nodes"],
) -> Delivery:
    """Returns the delivery of a register of data to each node; arguments as for `of_pairs`."""
    arriving = contraction * network.operations.delivery_contraction[..., None]
    return Delivery(
        shots=shots,
        contraction=register.mean_products(taken, jnp.moveaxis(arriving[0], 0, -1), network.qubits),
        signal=jnp.where(shots > 0, _signal(network, taken, arriving[-1]), 0),
        authenticated=jnp.zeros_like(shots, bool),
    )


def of_slices(network: Network, each: Delivery) -> Delivery:
    """Returns the delivery of teams, whose QPUs execute a slice of the circuit each.

    With S_j shots of slice j out of M, the noise of the team's update is that of a circuit with
    M^2 / sum_j 1/S_j shots, because a shot of a slice draws one of its own angles only. The team's
    signal is that of its worst slice, so that the hub does not overestimate any.

    Args:
        network: Teams.
        each: Delivery of each node, with registers of the slices' size.
    """
    of_qpus = teams.of_qpus(network.teams, each.shots)
    shots = network.teams.size**2 / (1 / jnp.maximum(of_qpus, 1)).sum(axis=1)
    complete = (of_qpus > 0).all(axis=1)
    return Delivery(
        shots=jnp.where(complete, jnp.floor(shots), 0).astype(each.shots.dtype),
        contraction=teams.of_qpus(network.teams, each.contraction),
        signal=jnp.where(complete, teams.of_qpus(network.teams, each.signal).min(axis=1), 0),
        authenticated=jnp.zeros_like(complete),
        slices=of_qpus,
    )


def of_gates(
    network: Network,
    contraction: Float[Array, "truth_and_estimate xyz nodes classes"],
    taken: Int[Array, "nodes classes"],
    shots: Int[Array, " nodes"],
) -> Delivery:
    """Returns the delivery of teleported gates to each team; arguments as for `of_pairs`.

    The pairs of both links are matched at random, so the mean contraction of a gate's pair is the
    product of the links' means, times those of the swap and of the gate's own readouts. Products
    over the gates of a shot are taken to be the products of these means; docs/partitions.md says
    how far that is off.

    Source:
        Gates through pairs: Eisert et al., PRA 62, 052317 (2000). Swaps: `physics.bell.swap`.
    """
    number = jnp.maximum(taken.sum(axis=1), 1)
    mean = counts.total(taken, contraction) / number
    gates = jnp.stack([of_gate(network, link) for link in mean])
    of_teams = teams.first(network.teams, shots)
    return Delivery(
        shots=of_teams,
        contraction=jnp.zeros((len(of_teams), 0), mean.dtype),
        signal=jnp.where(of_teams > 0, signal_of_gates(network, gates[-1]), 0),
        authenticated=jnp.zeros_like(of_teams, bool),
        gates=gates[0],
        idle=network.teams.idle,
    )


def signal_of_gates(
    network: Network, gates: Float[Array, "teams gates xyz"]
) -> Float[Array, " teams"]:
    """Returns the contraction of the twirled circuit of n qubits, in [-1/(4^n - 1), 1].

    The circuit's process fidelity is taken to be the product of those of its teleported gates.

    Args:
        network: Qubits of the circuit.
        gates: Contraction of each gate's pair by the hub's estimate, in [-1, 1].
    """
    process = ((1 + gates.sum(axis=-1)) / 4).prod(axis=-1)
    return register.twirled_contraction(process, 2**network.qubits)


def of_gate(network: Network, links: Float[Array, "xyz nodes"]) -> Float[Array, "teams gates xyz"]:
    """Returns the contraction of each gate's pair, which the hub joins from two links' pairs.

    Args:
        network: Teams, and the noise of their gates.
        links: Mean contraction of the pairs of each link, in [-1, 1].

    Source:
        Product over the swapped links, as in `physics.bell.swap`.
    """
    first, second = np.array(network.teams.shot.gates).T
    of_qpus = teams.of_qpus(network.teams, links.T)
    return of_qpus[:, first] * of_qpus[:, second] * network.teams.gate_contraction


def _signal(
    network: Network,
    taken: Int[Array, "nodes classes"],
    estimated: Float[Array, "xyz nodes classes"],
) -> Float[Array, " nodes"]:
    # The register's process fidelity is the product over its pairs, averaged over assignments.
    each = counts.fidelity(estimated)[..., None]
    process = register.mean_products(taken, each, network.qubits)[:, -1]
    return register.twirled_contraction(process, 2**network.qubits)
