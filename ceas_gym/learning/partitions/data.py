"""The data partition: every node runs the whole circuit, on samples of its own."""

from ceas_gym.learning import learners
from ceas_gym.learning.partitions.share import Share
from ceas_gym.learning.pauli import Program
from ceas_gym.scenario import LearningSettings
from ceas_gym.types import Partition, Shot


def distribute(program: Program, settings: LearningSettings, qpus: int) -> Share:
    """Returns what a node does: all of the circuit, with all data teleported to it.

    Args:
        program: The circuit.
        settings: Not used.
        qpus: 1, because every node is a team of its own.

    Source:
        Bennett et al., PRL 70, 1895 (1993): teleporting a qubit takes one Bell pair.
    """
    del settings, qpus
    return Share(program, Shot(qubits=program.qubits, data=(program.qubits,)))


DATA = Partition(
    about="Every node runs the whole circuit, on samples of its own.",
    gradients=learners.gradients,
    distribute=distribute,
)
