"""The settings of a committee: its size, how many members may be Byzantine, the length of a tag."""

from dataclasses import dataclass
from typing import Literal

Protocol = Literal["none", "one_time_hash"]
NEEDED: dict[str, int] = {"none": 3, "one_time_hash": 2}
"""By type of signature, a factor: c must be greater than this factor times b."""


@dataclass(frozen=True, kw_only=True)
class Committee:
    """The settings of a committee.

    Raises:
        ValueError: If there are too few members to withstand `byzantine` Byzantine members, or
            another setting is out of its range.

    Example:
        >>> Committee(members=4, byzantine=1).confirmations
        2
        >>> Committee(members=3, byzantine=1)
        Traceback (most recent call last):
        ValueError: Setting `members` must be at least 3 * byzantine + 1 = 4, but is 3.
    """

    members: int
    """Number c of members; at least 3 b + 1, or 2 b + 1 with signatures."""
    byzantine: int = 0
    """Largest number b of Byzantine members that the protocol withstands; at least 0."""
    tag_bits: int = 68
    """Length t of every tag in bits; at least 1. Each attempted forgery passes with probability at
    most L 2^-t, where L is the number of t-bit blocks in the longest message; see
    `counts.longest_message_bits` and `physics.key.tag_bits`."""
    signatures: Protocol = "none"
    """`none`: tags only, which convince nobody but their addressee. `one_time_hash`: tags and
    signatures; every member can verify a signature, whoever passes it on."""
    timeout_windows: float = 0.1
    """Length of one time-out in windows; greater than 0. An exchange ends after one time-out even
    if messages are missing. A round is delayed by at most `Outcome.deadline` time-outs."""

    def __post_init__(self) -> None:
        """Raises ValueError for settings that cannot work."""
        if self.signatures not in NEEDED:
            known = " or ".join(NEEDED)
            raise ValueError(f"Setting `signatures` must be {known}, but is {self.signatures!r}.")
        for name, least in (("byzantine", 0), ("tag_bits", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"Setting `{name}` must be at least {least}, but is {getattr(self, name)}."
                )
        if not self.timeout_windows > 0:  # In this form, it refuses NaN, too.
            raise ValueError(
                "Setting `timeout_windows` must be greater than 0, but is "
                f"{self.timeout_windows:g}."
            )
        factor = NEEDED[self.signatures]
        needed = factor * self.byzantine + 1
        if self.members < needed:
            raise ValueError(
                f"Setting `members` must be at least {factor} * byzantine + 1 = {needed}, but is "
                f"{self.members}."
            )

    @property
    def support(self) -> int:
        """Returns c - b, in [1, c]: how many members must name a value for it to count.

        At least c - b members are honest, so the honest members alone are enough.
        """
        return self.members - self.byzantine

    @property
    def confirmations(self) -> int:
        """Returns b + 1, in [1, c]: how many members must send a node the same model.

        At least one of them is honest. The node accepts no model that fewer members confirm.
        """
        return self.byzantine + 1
