"""Partitions by name: how the quantum neural network is split over the nodes' processors."""

from ceas_gym.learning.partitions.circuit import CIRCUIT
from ceas_gym.learning.partitions.data import DATA
from ceas_gym.learning.partitions.features import JOINED, SLICES
from ceas_gym.registry import nearest
from ceas_gym.types import Partition

PARTITIONS: dict[str, Partition] = {"data": DATA, "features": SLICES, "circuit": CIRCUIT}


def get(name: str, communication: str = "none") -> Partition:
    """Returns the partition of that name.

    Args:
        name: A key of `PARTITIONS`. The gradients of a partition have the shape
            (teams, parameters).
        communication: Whether gates act between slices of the features, `none` or `quantum`.

    Raises:
        ValueError: If the name is unknown.

    Example:
        >>> get("features", "quantum") is JOINED
        True
    """
    if name not in PARTITIONS:
        raise ValueError(f"scheme {name!r} is unknown; {nearest(name, PARTITIONS)}")
    return JOINED if (name, communication) == ("features", "quantum") else PARTITIONS[name]
