"""How far a night is from what the inventory says: spreads of rates, by class of VM."""

from __future__ import annotations

from pydantic import Field

from planner.inventory.base import Frozen, Name

DEFAULT_SPREAD = 1.5
"""Spread of rates of which nothing is said: an assumption, not a measurement [1]."""


class Spread(Frozen):
    """How far rates of VMs are from the inventory's in one night."""

    workload: Name | None = Field(
        None, description="Class of VMs that it is of. Without: of all VMs that have no entry of their own."
    )
    write_rate: float = Field(
        DEFAULT_SPREAD,
        strict=True,
        ge=1,
        le=1000,
        description="90% of nights have write rates between rate / factor and rate x factor [1].",
    )
    read_rate: float = Field(
        DEFAULT_SPREAD,
        strict=True,
        ge=1,
        le=1000,
        description="The same for read rates [1].",
    )


UNSAID = Spread()
"""The spread of VMs of which the inventory says nothing."""
