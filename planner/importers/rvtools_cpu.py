"""EVC modes of VMware: which CPU level includes which, and what of it is a label."""

from __future__ import annotations

LADDERS = (
    (
        "intel-merom",
        "intel-penryn",
        "intel-nehalem",
        "intel-westmere",
        "intel-sandybridge",
        "intel-ivybridge",
        "intel-haswell",
        "intel-broadwell",
        "intel-skylake",
        "intel-cascadelake",
        "intel-icelake",
        "intel-sapphirerapids",
    ),
    (
        "amd-rev-e",
        "amd-rev-f",
        "amd-greyhound-no3dnow",
        "amd-greyhound",
        "amd-bulldozer",
        "amd-piledriver",
        "amd-steamroller",
        "amd-zen",
        "amd-zen2",
        "amd-zen3",
        "amd-zen4",
    ),
)
"""Keys of EVC modes by vendor, each including those before it."""


def mode_label(mode: str) -> str:
    """Return the label of an EVC mode."""
    return f"evc:{mode.strip().lower()}"


def labels_up_to(mode: str) -> tuple[str, ...]:
    """Return the labels of all modes that a host with a mode has; of a mode that is not known, its own."""
    key = mode.strip().lower()
    if not key:
        return ()
    for ladder in LADDERS:
        if key in ladder:
            return tuple(mode_label(each) for each in ladder[: ladder.index(key) + 1])
    return (mode_label(key),)
