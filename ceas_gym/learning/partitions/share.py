"""What a partition makes of a circuit."""

from typing import NamedTuple

from ceas_gym.learning.pauli import Program
from ceas_gym.learning.remote_gates import Remote
from ceas_gym.types import Shot


class Share(NamedTuple):
    """A circuit, and what each QPU of a team does for it."""

    program: Program
    """The circuit, with the gates of each teleported pack next to each other."""
    shot: Shot
    """What one execution takes of each QPU."""
    remote: Remote | None = None
    """Teleported gates; None if there are none."""
    slice_of_angle: tuple[int, ...] = ()
    """Which slice each angle belongs to; empty where QPUs execute no slices of their own."""
