"""Settings that exclude each other, and approaches that no VM is left with."""

from __future__ import annotations

from collections.abc import Iterator

from planner.inventory.draft import Draft
from planner.inventory.translate import Finding


def check_thresholds(draft: Draft) -> Iterator[Finding]:
    """One way to say when pre-copy stops, not two."""
    settings = draft.settings
    if settings is None or settings.value.stop_threshold is None or settings.value.downtime_limit is None:
        return
    yield Finding(
        "two-thresholds",
        "stop_threshold and downtime_limit are both given, and say the same thing in two ways",
        "keep one of the two",
        ("settings", "downtime_limit"),
    )


def check_approaches(draft: Draft) -> Iterator[Finding]:
    """Each VM has an approach that the settings allow too."""
    if draft.settings is None or not draft.settings.has("approaches"):
        return
    allowed = draft.settings.value.approaches
    for item in draft.vms:
        own = item.value.approaches
        if own is None or not item.has("approaches") or any(approach in allowed for approach in own):
            continue
        yield Finding(
            "no-approach-left",
            f"{item.value.name} may only use {', '.join(own)}, and the settings allow only {', '.join(allowed)}",
            "add one of its approaches to the settings, or one of theirs to it",
            ("vms", item.index, "approaches"),
        )
