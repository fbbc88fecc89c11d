"""Benchmarks that others can run, by ``python -m tests.benchmarks``; docs/benchmarks.md shows what came out."""
