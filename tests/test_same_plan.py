"""A seed gives one plan, whatever the process: its number of threads, and the order in which its sets come."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from planner import api
from tests.benchmarks.generator import generate

instance = generate("m", {instance})
plan = api.plan(instance.inventory, instance.evacuate, {deadline_s}, seed=7, time_limit_s=300)
print(plan.status, len(plan.moves))
print(plan.objective)
print(plan.moves)
"""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def told(instance: int, deadline_s: float, threads: int, hash_seed: int) -> list[str]:
    """Return what a process of its own says of an evacuation of 40 VMs: status, objective and moves."""
    environment = {
        **os.environ,
        **dict.fromkeys(THREADS, str(threads)),
        "PYTHONHASHSEED": str(hash_seed),
    }
    program = PROGRAM.format(instance=instance, deadline_s=deadline_s)
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(("instance", "deadline_s"), [(12, 127.0), (13, 155.0)])
def test_a_seed_gives_one_plan_in_every_process(instance: int, deadline_s: float) -> None:
    """Near the deadline, where links are divided into lanes and much is drawn."""
    one, other = told(instance, deadline_s, 1, 0), told(instance, deadline_s, 2, 1)
    assert one[0] == "optimal 40"
    assert one == other
