"""What may be known of how a VM writes its memory, beside one rate."""

from __future__ import annotations

from pydantic import Field

from planner.inventory.base import Frozen
from planner.units import Duration, Rate, Size


class DirtySet(Frozen):
    """A part of the memory that is written at a rate of its own."""

    size: Size = Field(gt=0, description="Its size (W) [bytes].")
    rate: Rate = Field(description="Rate at which its pages are written (w) [bytes/s].")


class DirtyPoint(Frozen):
    """A point of a dirty vector, as QEMU's calc-dirty-rate finds them with rising calc-time."""

    after: Duration = Field(gt=0, description="Time since the memory was last looked at [s].")
    dirtied: Size = Field(description="Memory that has been written since, once or more often [bytes].")
