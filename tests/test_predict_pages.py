"""The model saturating beside a simulation of single pages: a bitmap, a link, random reads and writes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from planner.inventory.models import Approach
from planner.predict import Workload
from planner.predict.dirtying import one_set
from planner.predict.protocol import Memory
from planner.predict.saturating import SaturatingModel
from tests.predict_support import NO_TERMS, PAGE, saturating

PAGES = 20_000
"""Memory of the VM [pages]."""
LINK = 1000.0
"""What the link carries [pages/s]."""


@dataclass
class Simulated:
    """A VM that is moved page by page; rates in pages/s."""

    read_rate: float
    write_rate: float
    working_set: int
    seed: int

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self.hot = self.random.permutation(PAGES)[: self.working_set]
        self.to_send = np.ones(PAGES, dtype=np.bool_)
        self.time_s = 0.0
        self.at = 0

    def copy(self, passes: float, threshold: int) -> None:
        """Send pages in order, round and round; at the end of a pass see what was written meanwhile."""
        for index in range(int(np.ceil(passes))):
            share = min(1.0, passes - index)
            waiting = np.flatnonzero(self.to_send)
            waiting = np.roll(waiting, -int(np.searchsorted(waiting, self.at)))
            until = len(waiting) - threshold if share == 1.0 else int(share * len(waiting))
            sent = waiting[:until]
            took = len(sent) / LINK
            self.to_send[sent] = False
            self.to_send[self.random.choice(self.hot, self.random.poisson(self.write_rate * took))] = True
            self.at = int(sent[-1]) + 1
            self.time_s += took

    def fetch(self, efficiency: float, latency_s: float) -> tuple[float, float]:
        """Run on the target until all is there; return the time of it and the part of it spent waiting [s]."""
        order = iter(np.roll(np.arange(PAGES), -self.at).tolist())
        missing, left = self.to_send.tolist(), int(self.to_send.sum())
        time_s = waited_s = credit = 0.0
        rate = self.read_rate + self.write_rate
        reads = self.read_rate / rate

        def send_until(credit: float, left: int) -> tuple[float, int]:
            while credit >= 1.0 and left:
                page = next(order)
                if missing[page]:
                    missing[page] = False
                    credit, left = credit - 1.0, left - 1
            return credit, left

        while left:
            gap = float(self.random.exponential(1.0 / rate))
            gap = min(gap, (left - credit) / (efficiency * LINK))
            time_s += gap
            credit, left = send_until(credit + gap * efficiency * LINK + 1e-9, left)
            is_read = self.random.random() < reads
            page = int(self.random.integers(PAGES)) if is_read else int(self.random.choice(self.hot))
            if left and missing[page]:
                missing[page], left = False, left - 1
                wait = 1.0 / LINK + latency_s
                time_s, waited_s = time_s + wait, waited_s + wait
                credit, left = send_until(credit + latency_s * LINK, left)
        return time_s, waited_s


@pytest.mark.parametrize("switch_point", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    ("read_rate", "write_rate", "working_set", "efficiency", "latency_s", "within"),
    [
        (300.0, 100.0, PAGES, 0.3, 0.0, 0.01),
        (2000.0, 900.0, 5000, 0.3, 0.0, 0.1),
        (500.0, 3000.0, 8000, 1.0, 0.002, 0.1),
    ],
)
def test_a_simulation_of_pages_says_the_same(
    read_rate: float,
    write_rate: float,
    working_set: int,
    efficiency: float,
    latency_s: float,
    within: float,
    switch_point: float,
) -> None:
    """Where writes have a set of their own, its pages are fetched before the others; the model takes all as alike."""
    threshold = 300
    simulated = Simulated(read_rate, write_rate, working_set, seed=7)
    simulated.copy(switch_point, threshold)
    fetch_s, waited_s = simulated.fetch(efficiency, latency_s)

    settings = saturating(
        background_efficiency=efficiency,
        stop_threshold=threshold * PAGE,
        **(NO_TERMS | {"fault_latency": latency_s}),
    )
    memory, reached = np.array([[PAGES * PAGE * 1.0]]), np.array([working_set * PAGE * 1.0])
    nothing = np.zeros((1, 1))
    writes = one_set(reached, np.array([write_rate * PAGE]))
    workload = Workload(
        memory,
        np.array([[read_rate * PAGE]]),
        np.array([[write_rate * PAGE]]),
        memory=Memory(memory, memory, nothing, nothing, writes),
    )
    found = SaturatingModel(settings, header_bytes=0.0).predict(
        Approach.HYBRID,
        workload,
        np.array([[LINK * PAGE]]),
        np.array([[threshold * PAGE * 1.0]]),
        np.array([[switch_point]]),
    )
    assert found.time_s.item() == pytest.approx(simulated.time_s + fetch_s, rel=within / 2)
    assert found.stall_s.item() == pytest.approx(waited_s, rel=within, abs=0.05)
