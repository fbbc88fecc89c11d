"""The example of the API does the whole job."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from planner.plan.models import ReasonKind, Status

ROOT = Path(__file__).resolve().parent.parent


def test_plan_with_api_answers_plans_verifies_and_writes_the_runbook(tmp_path: Path) -> None:
    runbook = tmp_path / "runbook.md"
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples/plan_with_api.py"), str(runbook)],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"in 5 min: {Status.INFEASIBLE.value}"
    assert f'"kind":"{ReasonKind.LINK.value}"' in lines[1]
    assert f"in 15 min: {Status.OPTIMAL.value}" in lines
    assert sum(" to hv0" in line for line in lines) == 5
    assert lines[-1] == "verified: True"
    assert runbook.read_text("utf-8").startswith("# Runbook: evacuate hv01")
