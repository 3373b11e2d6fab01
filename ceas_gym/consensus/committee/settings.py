"""What a committee is: how many members, how many of them may be bad, and how long its tags are."""

from dataclasses import dataclass
from typing import Literal

Protocol = Literal["none", "one_time_hash"]
NEEDED: dict[str, int] = {"none": 3, "one_time_hash": 2}
"""By kind of signature: with b Byzantine members it takes more than this many times b."""


@dataclass(frozen=True, kw_only=True)
class Committee:
    """The settings of a committee.

    Raises:
        ValueError: If there are too few members to withstand so many Byzantine ones, or a number
            makes no sense.

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
    """Largest number b of Byzantine members that is withstood; at least 0."""
    tag_bits: int = 68
    """Length t of every tag. A forgery passes with probability L 2^-t at most, where L is the
    number of blocks of t bits in the longest message; see `physics.key.tag_bits`."""
    signatures: Protocol = "none"
    """`none`: tags, which convince only their addressee. `one_time_hash`: signatures besides, which
    convince whomever they are shown to."""
    timeout_windows: int = 1
    """Windows after which an exchange ends, whoever is missing; at least 1. A round is held up for
    `Outcome.deadline` times as many."""

    def __post_init__(self) -> None:
        """Refuses what cannot work."""
        if self.signatures not in NEEDED:
            known = " or ".join(NEEDED)
            raise ValueError(f"Setting `signatures` must be {known}, but is {self.signatures!r}.")
        for name, least in (("byzantine", 0), ("tag_bits", 1), ("timeout_windows", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"Setting `{name}` must be at least {least}, but is {getattr(self, name)}."
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
        """Members c - b that a value must come from to be proposed: all the honest ones."""
        return self.members - self.byzantine

    @property
    def confirmations(self) -> int:
        """Members b + 1 that must confirm a model: one of them is honest."""
        return self.byzantine + 1
