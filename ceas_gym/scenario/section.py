"""What the sections of a scenario are made of.

Every number has bounds, far outside of what is physical. Within them the arithmetic works in 32
bits as in 64, whatever the other settings; where that depends on several of them together, a round
that can't be computed is refused (`network.limits`, `Scenario`).
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""What needs no memory of its own for each."""
Kilometres = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
"""Up to a few times around the Earth."""
Coherence = Annotated[float, Field(ge=1e-9, le=1e9, allow_inf_nan=False)]
"""In s: from a nanosecond, in which hardly a gate is done, to thirty years. What is divided by such
a time stays in the range of 32 bits, also after it has drifted."""
Rounds = Annotated[float, Field(ge=1, le=1e9, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Section(BaseModel, frozen=True):
    """A part of a scenario: immutable, and no key but the declared ones."""

    # What stands below a setting is its description.
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
