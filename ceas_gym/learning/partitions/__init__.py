"""Partitions by name: how the quantum neural network is split over the nodes' processors."""

from ceas_gym.learning.partitions.data import DATA
from ceas_gym.registry import nearest
from ceas_gym.types import Partition

PARTITIONS: dict[str, Partition] = {"data": DATA}


def get(name: str) -> Partition:
    """Returns the partition of that name.

    Args:
        name: A key of `PARTITIONS`. The gradients of a partition have the shape
            (nodes, parameters).

    Raises:
        ValueError: If the name is unknown.

    Example:
        >>> get("data").pairs_per_shot(4)
        4
    """
    if name not in PARTITIONS:
        raise ValueError(f"scheme {name!r} is unknown; {nearest(name, PARTITIONS)}")
    return PARTITIONS[name]
