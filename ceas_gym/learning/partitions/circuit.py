"""The circuit partition: the QPUs of a team hold some qubits each, and teleport gates between them.

Every QPU encodes the features of its own qubits, so no data are teleported, only gates.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from ceas_gym.learning import (
    learners,
    light_cone,
    placement,
    remote_gates,
    remote_noise,
    team_pullback,
)
from ceas_gym.learning.partitions.share import Share
from ceas_gym.learning.pauli import Program
from ceas_gym.scenario import LearningSettings
from ceas_gym.types import Delivery, Learning, Partition, Pulled, Shot


def distribute(program: Program, settings: LearningSettings, qpus: int) -> Share:
    """Returns where the qubits are, and which gates are teleported.

    Args:
        program: The circuit, without what cannot change its predictions.
        settings: The placement; if there is none, the most qubits that a QPU holds.
        qpus: QPUs of a team; at least 2.

    Raises:
        ValueError: If a gate across QPUs can't be teleported, or none is across.
    """
    program = light_cone.effective(program)
    home = settings.placement
    if home is None:
        home = placement.best(program, qpus, settings.qubits_per_qpu)
    return placed(program, home)


def placed(program: Program, home: tuple[int, ...]) -> Share:
    """Returns the circuit with its qubits in these places, and what a shot takes of each QPU.

    Args:
        program: The circuit.
        home: QPU that holds each qubit.

    Raises:
        ValueError: If a gate across QPUs can't be teleported, or none is across.
    """
    program, remote = remote_gates.distribute(program, home)
    if not remote.packs:
        raise ValueError(
            f"with the qubits on QPUs {list(home)} no gate acts across QPUs, so no pairs are used; "
            "take more layers, another placement, or learning.scheme = data"
        )
    gates = tuple(pack.qpus for pack in remote.packs)
    data = (0,) * remote.qpus
    shot = Shot(program.qubits, data, gates, remote.run, alone=False)
    return Share(program, shot, remote)


def gradients(
    learning: Learning,
    pulled: Pulled,
    delivery: Delivery,
    poisoned: Bool[Array, " teams"],
    key: Key[Array, ""],
) -> Float[Array, "teams parameters"]:
    """Returns every team's estimate of the gradient of the cross-entropy, in nats per radian.

    A team's predictions are exactly f(x) = sum_P rho_P(x) O_P, with its own observables O_P, pulled
    back through the noise of its teleported gates (`team_pullback`). Slopes are measured, and shot
    noise added, as in the data partition.

    Args:
        learning: Data, circuit and loss.
        pulled: Its `parameters` are used.
        delivery: Shots of each team, and contractions of its gates.
        poisoned: Teams that take wrong labels.
        key: Random key of samples, measured predictions and shot noise.

    Returns:
        The gradients; zeros for a team without shots.

    Source:
        As `learning.learners.gradients`.
    """
    assert delivery.gates is not None, "The network delivers gates."
    assert delivery.idle is not None, "Gates are delivered with the time that they take."
    keys = learners.Keys(*jax.random.split(key, 3))
    paulis, labels = learners.batch(learning, poisoned, keys.samples)
    noise = remote_noise.diagonals(
        learning.remote,
        learning.program.qubits,
        delivery.gates,
        delivery.idle,
        learning.gate_contraction,
    )
    teams = len(delivery.shots)
    observables, tape = team_pullback.pull(learning.program, pulled.parameters, noise, teams)
    expected = jnp.einsum("tbp,pot->tbo", paulis, observables)
    measured, left = learners.measure(learning, expected, delivery.shots, keys.slope)
    slope = learners.slopes(learning, measured, labels)
    moment = jnp.einsum("tbo,tbp->pot", slope, paulis) / learning.batch_size
    exact = team_pullback.push(learning.program, tape, moment)
    return learners.estimate(learning, exact, slope, left, keys.shots)


CIRCUIT = Partition(
    about="The QPUs of a team run one circuit, and teleport the gates between them.",
    gradients=gradients,
    distribute=distribute,
)
