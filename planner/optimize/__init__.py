"""Finds the plan: options, integer program, schedule, bounds."""
