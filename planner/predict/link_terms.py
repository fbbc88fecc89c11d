"""What of a reserved bandwidth carries pages, and the times beside copying: from the settings, by class of link."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.inventory.models import Settings
from planner.predict.protocol import Floats


@dataclass(frozen=True, slots=True)
class LinkTerms:
    """Terms of migrations, by rate; arrays of the rates' shape.

    Parameters
    ----------
    wire_bytes_per_s
        Rate at which pages go over the link [bytes/s].
    fixed_s, switch_s, fault_latency_s
        Time beside copying, standing still for the switch-over, and what a fault waits [s].
    """

    wire_bytes_per_s: Floats
    fixed_s: Floats
    switch_s: Floats
    fault_latency_s: Floats


def link_terms(settings: Settings, rate_bytes_per_s: Floats) -> LinkTerms:
    """Return the terms at some rates [bytes/s]: of the class with the least ``up_to`` that holds the rate.

    What a class does not say, and rates above all classes, are as in the settings themselves.
    """
    classes = sorted(settings.link_classes, key=lambda one: one.up_to)
    tops = np.array([one.up_to for one in classes], dtype=np.float64)
    # A rate may be above its class by the rounding of a share of a link.
    place = np.searchsorted(tops * (1 + 1e-9), rate_bytes_per_s)

    def of(name: str) -> Floats:
        common = getattr(settings, name)
        own = [getattr(one, name) for one in classes]
        values = np.array([common if one is None else one for one in own] + [common], dtype=np.float64)
        chosen: Floats = values[place]
        return chosen

    wire = rate_bytes_per_s * of("link_efficiency")
    if settings.tunnelled:
        wire = np.minimum(wire, settings.tunnel_bandwidth)
    return LinkTerms(wire, of("fixed_time"), of("switch_time"), of("fault_latency"))
