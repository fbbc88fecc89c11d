"""Quantities of Kubernetes: ``8Gi``, ``1500m``, ``1024M``, ``12e6``."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator

from planner.units import UnitError

MOST = 2**60
"""Largest quantity read [1]."""
_QUANTITY = re.compile(r"([0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})([a-zA-Z]{0,2}|[eE][-+]?[0-9]{1,2})")
_FACTORS = {
    "": Decimal(1), "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40), "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}  # fmt: skip


def parse_quantity(value: object) -> Decimal:
    """Read a quantity, in the unit of what it counts: bytes, CPUs.

    Raises
    ------
    UnitError
        If it is none, is negative, or larger than any host.
    """
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        raise UnitError(f"a quantity expected, got {str(value)[:60]!r}; write it as 8Gi or 1500m")
    match = _QUANTITY.fullmatch(text.strip()) if len(text) < 80 else None
    factor = None
    if match is not None:
        suffix = match[2]
        factor = _FACTORS.get(suffix)
        if factor is None and suffix[:1] in "eE" and suffix[1:].lstrip("+-").isdigit():
            factor = Decimal(f"1e{suffix[1:]}")
    if match is None or factor is None:
        raise UnitError(f"a quantity expected, got {text[:60]!r}; write it as 8Gi or 1500m")
    found = Decimal(match[1]) * factor
    if found > MOST:
        raise UnitError(f"the quantity {text[:60]!r} is implausibly large; check its unit")
    return found


Quantity = Annotated[Decimal, BeforeValidator(parse_quantity)]
"""pydantic type of a quantity of Kubernetes."""


def whole(quantity: Decimal) -> int:
    """Return a quantity as a whole number, rounded up [bytes or count]."""
    return math.ceil(quantity)
