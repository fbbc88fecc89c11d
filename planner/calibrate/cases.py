"""Migrations as arrays, and what the models predict for them: equal ones are predicted once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.calibrate.log import Migration
from planner.inventory.models import VM, Approach, Settings
from planner.predict.protocol import Workload
from planner.predict.registry import model_for, thresholds, workload_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Figures:
    """What is predicted of N migrations, shape (N,); NaN where the model has no figure.

    Parameters
    ----------
    time_s
        Migration time [s].
    lost_s
        Lost service [s].
    blackout_s
        Its part in which the VM stands still [s].
    transferred_bytes
        Bytes on the link [bytes].
    """

    time_s: Floats
    lost_s: Floats
    blackout_s: Floats
    transferred_bytes: Floats


@dataclass(frozen=True, slots=True)
class _Kind:
    """The different cases of one approach, and where each stands among all different cases."""

    approach: Approach
    workload: Workload
    rate: Floats
    switch: Floats
    place: Ints


@dataclass(frozen=True)
class Cases:
    """N migrations of a log.

    Parameters
    ----------
    migrations
        The migrations, in the log's order.
    duration_s, downtime_s, blackout_s, transferred_bytes
        What was measured, shape (N,); NaN where it was not.
    rate_bytes_per_s, image_bytes
        Nominal bandwidth [bytes/s]; memory and disk [bytes].
    """

    migrations: tuple[Migration, ...]
    duration_s: Floats
    downtime_s: Floats
    blackout_s: Floats
    transferred_bytes: Floats
    rate_bytes_per_s: Floats
    image_bytes: Floats
    _kinds: tuple[_Kind, ...]
    _different: Ints

    @staticmethod
    def of(migrations: Iterable[Migration]) -> Cases:
        """Make the arrays."""
        rows = tuple(migrations)
        number: dict[tuple[VM, float, Approach, float | None], int] = {}
        keys = [(row.vm, row.rate_bytes_per_s, row.approach, row.switch_point) for row in rows]
        different = np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int64)
        kinds = []
        for approach in Approach:
            own = [(key, place) for key, place in number.items() if key[2] is approach]
            if own:
                kinds.append(
                    _Kind(
                        approach,
                        workload_of([key[0] for key, _ in own]),
                        np.array([[key[1]] for key, _ in own], dtype=np.float64),
                        np.array([[_number(key[3])] for key, _ in own], dtype=np.float64),
                        np.array([place for _, place in own], dtype=np.int64),
                    )
                )
        return Cases(
            rows,
            np.array([row.duration_s for row in rows]),
            np.array([_number(row.downtime_s) for row in rows]),
            np.array([_number(row.blackout_s) for row in rows]),
            np.array([_number(row.transferred_bytes) for row in rows]),
            np.array([row.rate_bytes_per_s for row in rows]),
            np.array([row.vm.image_bytes for row in rows], dtype=np.float64),
            tuple(kinds),
            different,
        )

    @property
    def approaches(self) -> NDArray[np.str_]:
        """The approach of each, shape (N,)."""
        return np.array([row.approach.value for row in self.migrations])

    def predict(self, settings: Settings) -> Figures:
        """Predict all of them with the model of the settings."""
        count = sum(len(kind.place) for kind in self._kinds)
        time, lost, blackout, sent = (np.full(count, np.nan) for _ in range(4))
        model = model_for(settings)
        for kind in self._kinds:
            limits = thresholds(settings, kind.rate)
            # Where a log does not say when a hybrid switched, the settings do: a switch point of NaN.
            found = model.predict(kind.approach, kind.workload, kind.rate, limits, kind.switch)
            for array, values in (
                (time, found.time_s),
                (lost, found.downtime_s),
                (blackout, found.blackout_s),
                (sent, found.transferred_bytes),
            ):
                array[kind.place] = values.reshape(-1)
        every = self._different
        return Figures(time[every], lost[every], blackout[every], sent[every])

    def part(self, chosen: Flags | Sequence[bool]) -> Cases:
        """Return some of them."""
        return Cases.of(row for row, wanted in zip(self.migrations, chosen, strict=True) if wanted)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
