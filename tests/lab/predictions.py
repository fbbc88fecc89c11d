"""What the planner predicts of a migration of the lab, told what a migration's operator could know."""

from __future__ import annotations

from dataclasses import dataclass

from planner.inventory.models import VM, Settings
from planner.inventory.models import Approach as Planned
from planner.predict.registry import predict_vm
from tests.lab.calibrate import Link
from tests.lab.migrate import Approach
from tests.lab.records import Given

PLANNED = {
    Approach.COLD: Planned.COLD,
    Approach.PRE_COPY: Planned.PRECOPY,
    Approach.POST_COPY: Planned.POSTCOPY,
    Approach.HYBRID: Planned.HYBRID,
}
SWITCH_S = 0.0
"""Nothing but memory moves, so that the switch takes no time of its own."""


@dataclass(frozen=True)
class Expected:
    """A prediction: seconds and bytes; all NaN where it says that pre-copy never ends."""

    total_s: float
    blackout_s: float
    lost_s: float
    wire_bytes: float


def predicted(given: Given, link: Link) -> Expected:
    """Predict one migration with the model `saturating` and a link's calibrated terms."""
    page_s = 4096 / link.effective_rate
    settings = Settings(
        model="saturating",
        downtime_limit=given.downtime_limit_s,
        link_efficiency=min(1.0, link.effective_rate / given.link_rate),
        fixed_time=max(0.0, link.fixed_s),
        switch_time=SWITCH_S,
        fault_latency=max(0.0, (link.fault_latency_s or 0.0) - page_s),
        auto_converge=given.auto_converge,
    )
    vm = VM(
        name="guest",
        host="source",
        vcpus=1,
        memory=given.nonzero_bytes + given.zero_pages * 4096,
        nonzero_memory=given.nonzero_bytes,
        read_rate=given.read_rate,
        write_rate=given.write_rate,
        working_set=given.write_set,
    )
    switch = None if given.after_passes is None else float(given.after_passes)
    if given.at_share is not None:
        # Asked for as a share of the memory; the first pass ends when what the downtime limit allows is still left.
        pass_bytes = given.wire_bytes - link.effective_rate * given.downtime_limit_s
        switch = min(1.0, given.at_share * given.wire_bytes / pass_bytes)
    found = predict_vm(settings, vm, PLANNED[given.approach], given.link_rate, switch)
    return Expected(
        float(found.time_s[0, 0]),
        float(found.blackout_s[0, 0]),
        float(found.downtime_s[0, 0]),
        float(found.transferred_bytes[0, 0]),
    )
