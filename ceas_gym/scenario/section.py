"""What the sections of a scenario are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
Coherence = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
Rounds = Annotated[float, Field(ge=1, le=1e9, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Section(BaseModel, frozen=True):
    """A part of a scenario: immutable, and no key but the declared ones."""

    # What stands below a setting is its description.
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
