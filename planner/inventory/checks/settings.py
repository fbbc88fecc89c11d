"""Settings that exclude each other, and approaches that no VM is left with."""

from __future__ import annotations

from collections.abc import Iterator

from planner.inventory.draft import Draft
from planner.inventory.translate import Finding
from planner.units import format_rate


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


def check_link_classes(draft: Draft) -> Iterator[Finding]:
    """Each class of links ends at a bandwidth of its own."""
    if draft.settings is None or not draft.settings.has("link_classes"):
        return
    seen: dict[float, int] = {}
    for index, one in enumerate(draft.settings.value.link_classes):
        first = seen.setdefault(one.up_to, index)
        if first != index:
            yield Finding(
                "duplicate-class",
                f"link_classes[{first}] has the same up_to, {format_rate(one.up_to)}",
                "keep one of the two: the bandwidth of a move tells which class counts",
                ("settings", "link_classes", index, "up_to"),
            )


def check_tunnel(draft: Draft) -> Iterator[Finding]:
    """A migration through libvirt's tunnel has one connection."""
    settings = draft.settings
    if settings is None or not settings.has("tunnelled") or not settings.value.tunnelled:
        return
    if settings.has("multifd_channels") and settings.value.multifd_channels > 1:
        yield Finding(
            "tunnel-with-multifd",
            f"tunnelled migrations have one connection, and multifd_channels is {settings.value.multifd_channels}",
            "leave multifd_channels out, or set tunnelled: false; libvirt refuses both together",
            ("settings", "multifd_channels"),
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
