"""The base class of a scenario's sections, and the types of settings that several of them share.

Every number has bounds, far beyond what is physical. Within them the simulation works in 32 bits as
well as in 64. Where this depends on several settings together, a scenario that can't be computed is
refused (`network.limits`, `Scenario`).
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""A number of things that may be large, because no array has an entry for each of them."""
Kilometres = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
"""In km, up to a few times around the Earth."""
Coherence = Annotated[float, Field(ge=1e-9, le=1e9, allow_inf_nan=False)]
"""In s: from a nanosecond, shorter than nearly any gate, to thirty years. A quotient by such a time
stays in the range of 32 bits, also after the time has drifted."""
Duration = Annotated[float, Field(ge=1e-9, le=1e9, allow_inf_nan=False)]
"""In s: from the shortest window to thirty years."""
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Section(BaseModel, frozen=True):
    """A part of a scenario: immutable, and without keys other than the declared ones."""

    # The docstring below a setting is its description.
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
