"""The paper's model: its figures, its limits, its edges, and that arrays give what single numbers give.

Golden values: recomputed from "Model of live migration of virtual machines with the hybrid approach", 2017,
eq. (1)-(6), for V = 11264 MB, mu = 12.5 MB/s, l = 1000 MB, alpha = 0.3.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from planner.inventory.models import ALL_APPROACHES, VM, Approach, Settings
from planner.predict import MODELS, Outside, Prediction, Workload, model_for, predict_vm, workload_of
from planner.predict.paper import PaperModel

V, MU, LIMIT, ALPHA = 11264.0, 12.5, 1000.0, 0.3
ROUNDED = 0.0501
"""What the printed figures may be off by, being rounded to one decimal [s]."""

OVER_W = [  # with r = 3: w, pre-copy n, Tm, Td, hybrid n, Tm, Td
    (0, 1, 981.1, 80.0, 0, 1925.5, 462.1),
    (1, 1, 1053.2, 80.0, 1, 1767.4, 426.6),
    (2, 2, 1148.4, 80.0, 1, 1653.4, 357.3),
    (3, 2, 1249.3, 80.0, 2, 1627.4, 311.1),
    (4, 3, 1391.3, 80.0, 2, 1637.6, 278.0),
    (5, 3, 1543.4, 80.0, 3, 1716.7, 253.3),
    (6, 4, 1768.8, 80.0, 3, 1815.8, 234.0),
    (7, 5, 2064.8, 80.0, 4, 2012.3, 218.6),
    (8, 6, 2473.0, 80.0, 5, 2300.5, 206.0),
    (9, 8, 3130.9, 80.0, 7, 2800.8, 195.5),
    (10, 11, 4276.0, 80.0, 10, 3692.5, 186.6),
    (11, 19, 7006.9, 80.0, 18, 5872.8, 179.0),
    (12, 60, 20740.5, 80.0, 54, 16578.8, 172.4),
]
OVER_R = [  # with w = 3: r, post-copy Tm, Td, hybrid n, Tm, Td
    (0, 3003.7, 0, 2, 1249.3, 80.0),
    (1, 2531.2, 202.5, 2, 1589.8, 130.6),
    (2, 2187.2, 349.9, 2, 1656.4, 220.0),
    (3, 1925.5, 462.1, 2, 1627.4, 311.1),
    (4, 1719.7, 550.3, 2, 1563.8, 394.5),
    (5, 1553.7, 621.5, 2, 1489.5, 468.4),
    (6, 1416.9, 680.1, 1, 1397.0, 533.4),
    (7, 1302.2, 729.2, 1, 1326.8, 590.5),
    (8, 1204.7, 771.0, 1, 1260.9, 640.7),
    (9, 1120.8, 807.0, 1, 1199.9, 685.2),
    (10, 1047.8, 838.3, 1, 1143.9, 724.8),
    (11, 983.8, 865.7, 1, 1092.4, 760.2),
    (12, 927.1, 890.0, 1, 1045.1, 792.0),
    (12.5, 901.1, 901.1, 1, 1023.0, 806.7),
]


def predict(
    approach: Approach,
    r: float,
    w: float,
    *,
    image: float = V,
    mu: float = MU,
    limit: float = LIMIT,
    alpha: float = ALPHA,
) -> Prediction:
    workload = Workload(np.array([image]), np.array([r], dtype=float), np.array([w], dtype=float))
    return PaperModel(alpha).predict(approach, workload, np.array([mu]), np.array([limit]))


def figures(prediction: Prediction) -> tuple[int, float, float]:
    """Return n, Tm [s] and Td [s] of one prediction within the domain."""
    assert prediction.outside.item() == Outside.INSIDE
    return prediction.passes.item(), prediction.time_s.item(), prediction.downtime_s.item()


def assert_figures(prediction: Prediction, n: int, time_s: float, downtime_s: float) -> None:
    passes, found_time_s, found_downtime_s = figures(prediction)
    assert passes == n
    assert found_time_s == pytest.approx(time_s, abs=ROUNDED)
    assert found_downtime_s == pytest.approx(downtime_s, abs=ROUNDED)


@pytest.mark.parametrize(("w", "n", "time_s", "downtime_s"), [row[:4] for row in OVER_W])
def test_precopy_over_the_write_rate(w: float, n: int, time_s: float, downtime_s: float) -> None:
    assert_figures(predict(Approach.PRECOPY, 3, w), n, time_s, downtime_s)


@pytest.mark.parametrize(("w", "n", "time_s", "downtime_s"), [(row[0], *row[4:]) for row in OVER_W])
def test_hybrid_over_the_write_rate(w: float, n: int, time_s: float, downtime_s: float) -> None:
    assert_figures(predict(Approach.HYBRID, 3, w), n, time_s, downtime_s)


@pytest.mark.parametrize(("r", "time_s", "downtime_s"), [row[:3] for row in OVER_R])
def test_postcopy_over_the_read_rate(r: float, time_s: float, downtime_s: float) -> None:
    assert_figures(predict(Approach.POSTCOPY, r, 3), 0, time_s, downtime_s)


@pytest.mark.parametrize(("r", "n", "time_s", "downtime_s"), [(row[0], *row[3:]) for row in OVER_R])
def test_hybrid_over_the_read_rate(r: float, n: int, time_s: float, downtime_s: float) -> None:
    assert_figures(predict(Approach.HYBRID, r, 3), n, time_s, downtime_s)


@pytest.mark.parametrize("w", [row[0] for row in OVER_W])
def test_postcopy_does_not_depend_on_the_write_rate(w: float) -> None:
    assert_figures(predict(Approach.POSTCOPY, 3, w), 0, 1925.5, 462.1)


@pytest.mark.parametrize("r", [row[0] for row in OVER_R])
def test_precopy_does_not_depend_on_the_read_rate(r: float) -> None:
    assert_figures(predict(Approach.PRECOPY, r, 3), 2, 1249.3, 80.0)


def test_the_compromise_at_equal_high_rates() -> None:
    assert_figures(predict(Approach.PRECOPY, 9, 9), 8, 3130.9, 80.0)
    assert_figures(predict(Approach.POSTCOPY, 9, 9), 0, 1120.8, 807.0)
    _, time_s, downtime_s = figures(predict(Approach.HYBRID, 9, 9))
    assert time_s == pytest.approx(2088.1, abs=ROUNDED)
    assert downtime_s == pytest.approx(483.5, abs=ROUNDED)


@pytest.mark.parametrize(("r", "w"), [(0, 0), (3, 3), (30, 30)])
def test_cold_sends_the_image_once_while_the_vm_stands_still(r: float, w: float) -> None:
    found = predict(Approach.COLD, r, w)
    assert figures(found) == (0, V / MU, V / MU)
    assert found.transferred_bytes.item() == V
    assert found.precopy_share.item() == 0


# --- limits of the domain ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("approach", "r", "w", "outside"),
    [
        (Approach.PRECOPY, 0, MU, Outside.WRITES_OUTRUN_LINK),
        (Approach.PRECOPY, 3, 1000, Outside.WRITES_OUTRUN_LINK),
        (Approach.HYBRID, 3, MU, Outside.WRITES_OUTRUN_LINK),
        (Approach.HYBRID, 0, 20, Outside.WRITES_OUTRUN_LINK),
        (Approach.HYBRID, 20, 20, Outside.WRITES_OUTRUN_LINK),
        (Approach.HYBRID, 12.6, 3, Outside.READS_OUTRUN_LINK),
        (Approach.HYBRID, 12.6, 0, Outside.READS_OUTRUN_LINK),
        (Approach.POSTCOPY, 12.6, 3, Outside.READS_OUTRUN_LINK),
        (Approach.POSTCOPY, math.nextafter(MU, 99), 0, Outside.READS_OUTRUN_LINK),
    ],
)
def test_outside_its_domain_the_model_gives_no_number(approach: Approach, r: float, w: float, outside: Outside) -> None:
    found = predict(approach, r, w)
    assert found.outside.item() == outside
    assert "does not converge" in outside.reason
    for values in (found.time_s, found.downtime_s, found.transferred_bytes, found.precopy_share):
        assert math.isnan(values.item())


def test_just_inside_its_domain_the_model_gives_numbers() -> None:
    _, time_s, _ = figures(predict(Approach.PRECOPY, 0, math.nextafter(MU, 0)))
    assert math.isfinite(time_s)
    assert time_s > 1e9
    _, time_s, downtime_s = figures(predict(Approach.POSTCOPY, MU, 3))
    assert time_s == pytest.approx(downtime_s), "once reads saturate the link, post-copy is one long stall"


def test_what_fits_below_the_threshold_does_not_iterate_whatever_is_written() -> None:
    for w in (0, 3, MU, 1000):
        assert figures(predict(Approach.PRECOPY, 3, w, image=800)) == (0, 128.0, 64.0)
    _, time_s, downtime_s = figures(predict(Approach.HYBRID, 3, 1e-6))
    post_time_s, post_downtime_s = figures(predict(Approach.POSTCOPY, 3, 0))[1:]
    assert time_s == pytest.approx(post_time_s, rel=1e-5)
    assert downtime_s == pytest.approx(post_downtime_s, rel=1e-5)


# --- edges ---------------------------------------------------------------------------------------------------


def test_without_writes_one_further_pass_is_made() -> None:
    assert figures(predict(Approach.PRECOPY, 3, 0)) == (1, V / MU + LIMIT / MU, LIMIT / MU)


def test_without_writes_the_hybrid_is_postcopy() -> None:
    hybrid, post = predict(Approach.HYBRID, 3, 0), predict(Approach.POSTCOPY, 3, 0)
    assert figures(hybrid) == figures(post)
    assert hybrid.precopy_share.item() == 0
    assert hybrid.transferred_bytes.item() == post.transferred_bytes.item() == V


@pytest.mark.parametrize("w", [0, 0.1, 3, 12])
def test_without_reads_the_hybrid_is_precopy(w: float) -> None:
    hybrid, pre = predict(Approach.HYBRID, 0, w), predict(Approach.PRECOPY, 0, w)
    assert figures(hybrid) == figures(pre)
    assert hybrid.precopy_share.item() == 1
    assert hybrid.transferred_bytes.item() == pre.transferred_bytes.item()


def test_without_reads_postcopy_has_no_downtime() -> None:
    _, time_s, downtime_s = figures(predict(Approach.POSTCOPY, 0, 3))
    assert time_s == pytest.approx(V / (ALPHA * MU))
    assert downtime_s == 0


def test_with_full_background_efficiency_postcopy_takes_no_longer_than_cold() -> None:
    assert figures(predict(Approach.POSTCOPY, 3, 3, alpha=1.0))[1] == V / MU


# --- what follows from the definitions -----------------------------------------------------------------------


def expected_iteration(part: Fraction, w: Fraction, mu: Fraction, limit: Fraction) -> tuple[int, Fraction, Fraction]:
    """Return n, T1 and T2 by the definition, in exact fractions."""
    sent, left, n = part, part, 0
    while left > limit:
        left = left * w / mu
        sent += left
        n += 1
    return n, sent / mu, min(limit, part) / mu


RATES = st.integers(0, 40)


@given(
    image=st.integers(1, 10**6),
    r=RATES,
    w=RATES,
    mu=st.integers(1, 40),
    limit=st.integers(1, 10**4),
    tenths=st.integers(1, 10),
)
@example(image=10**5, r=0, w=1, mu=10, limit=1, tenths=3)  # v_5 meets the threshold exactly
@example(image=10**5, r=0, w=10, mu=40, limit=10**4, tenths=3)
@example(image=115 * 138, r=56, w=59, mu=60, limit=59 * 138, tenths=3)  # V1 meets the threshold exactly
@example(image=2**16, r=1, w=1, mu=2, limit=1, tenths=3)
def test_the_formulas_by_their_definition(image: int, r: int, w: int, mu: int, limit: int, tenths: int) -> None:
    alpha = Fraction(tenths, 10)
    share = Fraction(w, r + w) if r + w else Fraction(1)
    for approach, phi in ((Approach.PRECOPY, Fraction(1)), (Approach.POSTCOPY, Fraction(0)), (Approach.HYBRID, share)):
        found = predict(approach, r, w, image=image, mu=mu, limit=limit, alpha=float(alpha))
        first, rest = phi * image, (1 - phi) * image
        if first > limit and w >= mu:
            assert found.outside.item() == Outside.WRITES_OUTRUN_LINK
            continue
        if rest > 0 and r > mu:
            assert found.outside.item() == Outside.READS_OUTRUN_LINK
            continue
        n, t1, t2 = expected_iteration(first, Fraction(w), Fraction(mu), Fraction(limit))
        t3 = rest / (alpha * mu + (1 - alpha) * r)
        assert found.outside.item() == Outside.INSIDE
        assert found.passes.item() == n
        assert found.precopy_share.item() == pytest.approx(float(phi))
        assert found.time_s.item() == pytest.approx(float(t1 + t2 + t3))
        assert found.downtime_s.item() == pytest.approx(float(t2 + r * t3 / mu), rel=1e-9, abs=1e-12)
        assert found.transferred_bytes.item() == pytest.approx(float((t1 + t2) * mu + rest))


@given(image=st.floats(1e3, 1e12), r=st.floats(0, 1e9), w=st.floats(0, 1e9), mu=st.floats(1e6, 1e10))
def test_nothing_arrives_unsent_and_no_downtime_outlasts_its_migration(
    image: float, r: float, w: float, mu: float
) -> None:
    for approach in ALL_APPROACHES:
        found = predict(approach, r, w, image=image, mu=mu, limit=1e6)
        if found.outside.item() == Outside.INSIDE:
            assert found.transferred_bytes.item() >= image * (1 - 1e-12)
            assert 0 <= found.downtime_s.item() <= found.time_s.item() * (1 + 1e-12)
            assert found.transferred_bytes.item() <= mu * found.time_s.item() * (1 + 1e-9)


def test_arrays_give_what_single_numbers_give() -> None:
    rng = np.random.default_rng(1)
    image = rng.choice([1e9, 1e10, 2.0**33, 11264e6, 5e7], size=(300, 1)).astype(np.float64)
    r, w = (rng.choice([0.0, 1e6, 1e7, 1.25e8, 1e9, 3.3e8], size=(300, 1)).astype(np.float64) for _ in range(2))
    mu = np.array([[1.25e9, 1e9, 6.25e8, 1e8, 1.25e7]])
    limit = mu * 0.3
    model = PaperModel(ALPHA)
    for approach in ALL_APPROACHES:
        table = model.predict(approach, Workload(image, r, w), mu, limit)
        assert table.time_s.shape == table.outside.shape == table.passes.shape == (300, 5)
        for row, column in np.ndindex(300, 5):
            one = predict(
                approach,
                r[row, 0],
                w[row, 0],
                image=image[row, 0],
                mu=mu[0, column],
                limit=limit[0, column],
            )
            for field in Prediction.__dataclass_fields__:
                several, single = getattr(table, field)[row, column], getattr(one, field).item()
                assert several == pytest.approx(single, rel=1e-12, nan_ok=True), (approach, field, row, column)


# --- from an inventory ---------------------------------------------------------------------------------------

MACHINE = VM(name="vm", host="hv", vcpus=1, memory=4_000_000_000, disk=1_000_000_000, read_rate=3e6, write_rate=1e7)


def test_the_image_is_memory_and_disk() -> None:
    assert predict_vm(Settings(), MACHINE, Approach.COLD, 1e9).time_s.item() == 5.0


def test_the_threshold_is_given_in_bytes_or_as_a_downtime() -> None:
    def downtime_s(settings: Settings, rate: float = 1e9) -> float:
        return predict_vm(settings, MACHINE, Approach.PRECOPY, rate).downtime_s.item()

    assert downtime_s(Settings(stop_threshold=50_000_000)) == pytest.approx(0.05)
    assert downtime_s(Settings(stop_threshold=50_000_000), 5e8) == pytest.approx(0.1)
    assert downtime_s(Settings(downtime_limit=0.25)) == pytest.approx(0.25)
    assert downtime_s(Settings()) == pytest.approx(0.3), "QEMU's default"


def test_the_settings_name_the_model_and_its_efficiency() -> None:
    assert set(MODELS) == {"paper", "saturating", "btrplace"}
    model = model_for(Settings(background_efficiency=0.7))
    assert model == PaperModel(0.7)
    assert model.name == "paper"
    slow = predict_vm(Settings(background_efficiency=0.3), MACHINE, Approach.POSTCOPY, 1e9).time_s.item()
    assert predict_vm(Settings(background_efficiency=0.7), MACHINE, Approach.POSTCOPY, 1e9).time_s.item() < slow


def test_workloads_are_columns_also_of_no_vms() -> None:
    assert workload_of([MACHINE, MACHINE]).image_bytes.shape == (2, 1)
    assert workload_of([]).image_bytes.shape == (0, 1)
    rates = np.array([[1e9, 5e8]])
    assert PaperModel(0.3).predict(Approach.HYBRID, workload_of([]), rates, rates * 0.3).time_s.shape == (0, 2)
