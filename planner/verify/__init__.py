"""Replays a plan against its inventory, from the contract alone."""

from planner.verify.checks import CHECKS, verify_plan
from planner.verify.staleness import staleness

__all__ = ["CHECKS", "staleness", "verify_plan"]
