"""The data partition: every node runs the whole circuit, on samples of its own."""

from ceas_gym.learning import learners
from ceas_gym.types import Partition


def pairs_per_shot(qubits: int) -> int:
    """Returns the pairs of a node that a shot takes: the encoded register arrives qubit by qubit.

    Args:
        qubits: Of the register.
    """
    return qubits


DATA = Partition(
    about="Every node runs the whole circuit, on samples of its own.",
    pairs_per_shot=pairs_per_shot,
    gradients=learners.gradients,
)
