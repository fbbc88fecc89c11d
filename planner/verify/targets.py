"""Where a VM may go."""

from __future__ import annotations

from collections.abc import Iterator

from planner.verify.findings import Finding
from planner.verify.replay import Replay


def check_target(replay: Replay) -> Iterator[Finding]:
    """Check that the target exists, is not the source, is not evacuated itself, and accepts VMs."""
    for step in replay.steps:
        move = step.move
        if step.target is None:
            wrong = f"there is no host {move.target}"
        elif step.source is step.target:
            wrong = f"it already runs on {move.target}"
        elif move.target in replay.evacuated:
            wrong = f"{move.target} is evacuated itself"
        elif not step.target.accepts:
            wrong = f"{move.target} accepts no VMs"
        else:
            continue
        yield Finding(f"{move.vm} cannot go to {move.target}: {wrong}", (move.vm, move.target), move.start_s)


def check_labels(replay: Replay) -> Iterator[Finding]:
    """Check that the target has every label that the VM requires."""
    for step in replay.steps:
        if step.vm is None or step.target is None:
            continue
        missing = [label for label in step.vm.requires if label not in step.target.labels]
        if missing:
            yield Finding(
                f"{step.vm.name} requires {', '.join(missing)}, which {step.target.name} lacks",
                (step.vm.name, step.target.name),
                step.move.start_s,
            )


def check_pinned(replay: Replay) -> Iterator[Finding]:
    """Check that no pinned VM moves."""
    for step in replay.steps:
        if step.vm is not None and step.vm.pinned:
            yield Finding(f"{step.vm.name} is pinned and may not move", (step.vm.name,), step.move.start_s)
