"""The data partition: every node runs the whole circuit, on samples of its own."""

from ceas_gym.learning import learners
from ceas_gym.types import Partition


def pairs_per_shot(qubits: int) -> int:
    """Returns how many pairs of a node a shot takes: one for each teleported qubit of the data.

    Args:
        qubits: Number of qubits of the register, in [1, 10].

    Source:
        Bennett et al., PRL 70, 1895 (1993): teleporting a qubit takes one Bell pair.
    """
    return qubits


DATA = Partition(
    about="Every node runs the whole circuit, on samples of its own.",
    pairs_per_shot=pairs_per_shot,
    gradients=learners.gradients,
)
