"""What all inventory models share: names, approaches, and that nothing unknown passes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[A-Za-z0-9_.:@+][A-Za-z0-9_.:@+-]*$"

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        pattern=NAME_PATTERN,
        description="letters, digits and . _ - : @ +, not beginning with -",
    ),
]
"""A name of a host, switch, VM or label: what hypervisors allow, and nothing that a shell would read."""


class Approach(StrEnum):
    """How a VM is moved."""

    COLD = "cold"
    PRECOPY = "precopy"
    POSTCOPY = "postcopy"
    HYBRID = "hybrid"


ALL_APPROACHES = tuple(Approach)


class Frozen(BaseModel):
    """Base of all inventory models: immutable, unknown keys are errors, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
