"""Nights drawn at random: how fast VMs write and read, what links reach, which migrations fail.

Each VM, link and move has a stream of its own, made from the seed and its name. So the first nights are the same
however many are drawn, and a VM has the same nights in every plan: two plans are held against the same draws.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.inventory.models import VM, Settings
from planner.inventory.spread import UNSAID, Spread
from planner.predict.protocol import Floats

Z_90 = 1.6448536269514722
"""90% of a normal distribution lie within so many standard deviations, and 95% below it."""
_RATES, _LINK, _FAILURE = range(3)


@dataclass(frozen=True, slots=True)
class Draws:
    """R nights of V VMs, L directed links and M moves.

    Parameters
    ----------
    write_factor, read_factor
        How many times as fast VMs write and read as the inventory says, shape (R, V) [1].
    link_share
        What links reach of what they have, shape (R, L) [1].
    fails_at
        At which share of its time each attempt of a move fails, shape (R, M, A); infinite where it does not [1].
    """

    write_factor: Floats
    read_factor: Floats
    link_share: Floats
    fails_at: Floats


class Nights:
    """A source of nights for some VMs, links and moves; see `Draws`.

    Parameters
    ----------
    settings
        The inventory's.
    vms
        The VMs.
    links
        The directed links.
    moves
        A name for each move.
    seed
        Seed of all streams, 0 or more.
    """

    def __init__(
        self,
        settings: Settings,
        vms: Sequence[VM],
        links: Sequence[tuple[str, str]],
        moves: Sequence[str],
        seed: int,
    ) -> None:
        self._settings = settings
        spreads = {spread.workload: spread for spread in settings.spreads}
        self._ranges = np.array([_logs(vm, spreads) for vm in vms], dtype=np.float64).reshape(len(vms), 2, 2)
        self._rates = [_stream(seed, _RATES, vm.name) for vm in vms]
        self._links = [_stream(seed, _LINK, f"{a} > {b}") for a, b in links]
        self._moves = [_stream(seed, _FAILURE, move) for move in moves]

    def draw(self, runs: int) -> Draws:
        """Draw the next so many nights."""
        settings, vms = self._settings, len(self._rates)
        z = _stacked([stream.standard_normal((runs, 2)) for stream in self._rates], (runs, 0, 2)) / Z_90
        below, above = self._ranges[:, :, 0], self._ranges[:, :, 1]
        factors = np.exp(np.where(z < 0, z * below, z * above)).reshape(runs, vms, 2)
        reach = _stacked([stream.standard_normal((runs, 1)) for stream in self._links], (runs, 0, 1))[:, :, 0] / Z_90
        tries = settings.max_retries + 2
        chance = _stacked([stream.random((runs, 2 * tries)) for stream in self._moves], (runs, 0, 2 * tries))
        fails, where = chance[:, :, :tries], chance[:, :, tries:]
        return Draws(
            factors[:, :, 0],
            factors[:, :, 1],
            np.exp(-np.abs(reach) * math.log(settings.link_spread)),
            np.where(fails < settings.migration_failures, where, np.inf),
        )


def spread_of(vm: VM, spreads: dict[str | None, Spread]) -> Spread:
    """Return the spread that a VM goes by where it has no range of its own."""
    own = spreads.get(vm.workload) if vm.workload is not None else None
    return own or spreads.get(None) or UNSAID


def _logs(vm: VM, spreads: dict[str | None, Spread]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the logarithms of median / 5th percentile and 95th percentile / median, of writes and of reads."""
    spread = spread_of(vm, spreads)
    return (
        _sides(vm.write_rate, vm.write_rate_range, spread.write_rate),
        _sides(vm.read_rate, vm.read_rate_range, spread.read_rate),
    )


def _sides(median: float, given: tuple[float, float] | None, factor: float) -> tuple[float, float]:
    if given is None or given[0] <= 0:
        side = math.log(factor) if given is None else 0.0
        return side, side
    return math.log(median / given[0]), math.log(given[1] / median)


def _stream(seed: int, kind: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, kind, zlib.crc32(name.encode())])


def _stacked(columns: list[Floats], empty: tuple[int, int, int]) -> Floats:
    return np.stack(columns, axis=1) if columns else np.zeros(empty)
