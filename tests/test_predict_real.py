"""Predictions held against what others measured or published; the data are read where EVAC_DATA says, not kept here.

Golden values: the table of predictions in "Migration time prediction using calc-dirty-rate", qemu-devel, 2023-04-27,
for the dirty vector given there: seconds by link and downtime limit, None where it does not converge. They are facts
of that source; the vector itself is among the data.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from planner.calibrate import calibrate
from planner.inventory.models import VM, Approach, DirtyPoint, Settings
from planner.predict import Prediction, workload_of
from planner.predict.saturating import SaturatingModel
from tests.accuracy.logs import GRID_STEADY, OPENSTACK, DataSet

DATA = Path(os.environ.get("EVAC_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
VECTOR = DATA / "huawei_calc_dirty_rate" / "dirty.json"
PAGE = 4096
WHERE = "not at hand; EVAC_DATA says where data are"

LIMITS_S = (0.125, 0.25, 0.5, 1.0, 5.0, 1e5)
"""Downtime limits of the table's columns; the last one stands for none [s]."""
GI, MI = 2**30 / 8, 2**20 / 8
PUBLISHED_S: dict[float, tuple[float | None, ...]] = {
    100 * MI: (None, None, None, None, None, 1018.2),
    1 * GI: (None, None, None, None, None, 99.4),
    2 * GI: (None, None, None, None, 100.9, 49.7),
    2.5 * GI: (None, None, None, None, 66.1, 39.8),
    5 * GI: (47.7, 45.6, 30.7, 27.1, 24.4, 19.9),
    10 * GI: (12.1, 12.0, 11.8, 11.8, 11.3, 9.9),
    25 * GI: (4.4, 4.4, 4.3, 4.3, 4.0, 4.0),
    40 * GI: (2.7, 2.6, 2.6, 2.6, 2.5, 2.5),
}
"""By rate of the link [bytes/s]: one for each limit [s]."""
BARE = Settings(model="saturating", link_efficiency=1.0, fixed_time=0.0, switch_time=0.0)
CELLS = [(rate, limit, cell) for rate, row in PUBLISHED_S.items() for limit, cell in zip(LIMITS_S, row, strict=True)]


def precopy(vm: VM, rate: float, limit_s: float) -> Prediction:
    """Predict pre-copy as the published predictor does: in whole passes, a header a page, nothing beside."""
    model = SaturatingModel(BARE, header_bytes=8.0, whole_passes=True)
    rates = np.array([[rate]])
    return model.predict(Approach.PRECOPY, workload_of([vm]), rates, rates * limit_s)


def vm_of(memory: float, nonzero: float, vector: tuple[DirtyPoint, ...]) -> VM:
    return VM(
        name="a", host="h", vcpus=1, memory=round(memory), nonzero_memory=round(nonzero), read_rate=0.0,
        write_rate=0.0, dirty_vector=vector,
    )  # fmt: skip


@pytest.fixture(scope="module")
def memcached() -> VM:
    """The VM of 32 GiB whose pages were sampled."""
    found = json.loads(VECTOR.read_text("utf-8"))
    scale = found["n-total-pages"] / found["n-sampled-pages"] * found["page-size"]
    points = [
        DirtyPoint(after=period / 1000, dirtied=round(pages * scale))
        for period, pages in zip(found["periods"], found["n-dirty-pages"], strict=True)
    ]
    whole = found["n-total-pages"] * found["page-size"]
    return vm_of(whole, whole - found["n-zero-pages"] * scale, tuple(points))


@pytest.mark.skipif(not VECTOR.exists(), reason=f"the dirty vector is {WHERE}")
@pytest.mark.parametrize(("rate", "limit_s", "published_s"), CELLS, ids=lambda value: f"{value:g}" if value else "-")
def test_the_published_table_of_a_dirty_vector(
    memcached: VM, rate: float, limit_s: float, published_s: float | None
) -> None:
    found = precopy(memcached, rate, limit_s).time_s.item()
    if published_s is None:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(published_s, abs=0.05 + 1e-9)


def test_the_table_has_48_cells() -> None:
    assert len(CELLS) == 48
    assert sum(cell is None for _, _, cell in CELLS) == 18


def test_a_small_vector_pass_by_pass() -> None:
    # 100,000 pages, of which a quarter is zero; 1,000 dirty after 1 s, 4,000 after 10 s, linear between and beyond.
    vm = vm_of(
        100_000 * PAGE,
        75_000 * PAGE,
        (DirtyPoint(after=1.0, dirtied=1000 * PAGE), DirtyPoint(after=10.0, dirtied=4000 * PAGE)),
    )
    rate, weight = 20e6, PAGE + 8
    passes = [75_000.0 * weight + 25_000 * 8]
    passes.append((4000 + (passes[-1] / rate - 10) * 3000 / 9) * weight)  # beyond the last point, after 15.4 s
    passes.append((1000 + (passes[-1] / rate - 1) * 3000 / 9) * weight)  # between the points, after 1.19 s
    passes.append(1000 * passes[-1] / rate * weight)  # before the first, after 0.22 s
    assert [bytes_ / rate for bytes_ in passes] == pytest.approx([15.4, 1.19, 0.218, 0.0447], rel=0.01)
    for count, limit_s in ((2, 0.3), (3, 0.1)):
        found = precopy(vm, rate, limit_s)
        assert found.passes.item() == count
        assert found.time_s.item() == pytest.approx(sum(passes[: count + 1]) / rate, rel=1e-9)
        assert found.blackout_s.item() == pytest.approx(passes[count] / rate, rel=1e-9)


def test_a_small_vector_that_never_settles() -> None:
    vm = vm_of(100_000 * PAGE, 100_000 * PAGE, (DirtyPoint(after=1.0, dirtied=10_000 * PAGE),))
    assert np.isnan(precopy(vm, 9_000 * PAGE, 0.3).time_s.item())
    assert np.isfinite(precopy(vm, 11_000 * PAGE, 0.3).time_s.item())


@pytest.mark.parametrize("data", [GRID_STEADY, OPENSTACK], ids=lambda one: one.name)
def test_measured_migrations_that_were_not_fitted_on(data: DataSet) -> None:
    if not data.at_hand(DATA):
        pytest.skip(f"{data.path} is {WHERE}")
    held_out = calibrate(data.log(DATA)).whole.held_out
    means = {method: errors.mean for method, errors in held_out.items() if errors.mean is not None}
    assert held_out["calibrated"].no_figure == 0
    assert means["calibrated"] <= 0.05
    assert all(means["calibrated"] <= mean for mean in means.values())
