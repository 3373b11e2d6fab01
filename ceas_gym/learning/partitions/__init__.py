"""Partitions: how the quantum neural network is split over the nodes' processors, by name."""

from ceas_gym.learning.partitions.data import DATA
from ceas_gym.registry import nearest
from ceas_gym.types import Partition

PARTITIONS: dict[str, Partition] = {"data": DATA}


def get(name: str) -> Partition:
    """Returns the partition of that name.

    Raises:
        ValueError: If the name is unknown.

    Example:
        >>> get("data").pairs_per_shot(4)
        4
    """
    if name not in PARTITIONS:
        raise ValueError(f"scheme {name!r} is unknown; {nearest(name, PARTITIONS)}")
    return PARTITIONS[name]
