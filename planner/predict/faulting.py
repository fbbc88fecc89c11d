"""After the switch: the VM runs on the target, its reads hit pages that are not there yet, and each waits for one.

Sources: hybrid-approach paper, 2017, eq. (4)-(6), with the readers slowed down by their own faults (they do not fault
while they wait), and a latency for each fault as measured in the lab (docs/lab.md).
"""

from __future__ import annotations

import numpy as np

from planner.predict.protocol import Floats

PAGE_BYTES = 4096.0
"""A page of memory, as migrations count it [bytes]."""


def fault_phase(
    left_bytes: Floats,
    image_bytes: Floats,
    read_rate: Floats,
    rate: Floats,
    background_efficiency: float,
    fault_latency_s: Floats,
) -> tuple[Floats, Floats]:
    """Return the time of the phase (T3) and the time of it in which the VM waits (Ta), arrays of one shape [s].

    While the VM runs, reads at r find a page missing with the share m/V of what is left, and the link carries
    alpha mu. Each fault waits L = page/mu + latency, and the link is full meanwhile. With k = r L / (page V):
    Tb = ln(1 + k V3/alpha) / (mu k) running, Ta = V3/mu - alpha Tb waiting, T3 = Ta + Tb.

    Parameters
    ----------
    left_bytes
        What is left to send at the switch (V3) [bytes].
    image_bytes
        Memory that the reads are spread over (V) [bytes].
    read_rate, rate
        Reads of memory (r), and the rate of the link (mu) [bytes/s].
    background_efficiency
        alpha [1].
    fault_latency_s
        What a fault waits beside its page's own time on the link [s].
    """
    wait_s = PAGE_BYTES / rate + fault_latency_s
    with np.errstate(divide="ignore", invalid="ignore"):
        faults = np.where(left_bytes > 0, read_rate * wait_s / (PAGE_BYTES * image_bytes), 0.0)
        slow = faults * left_bytes / background_efficiency
        # Below that the logarithm is its argument, and the quotient by k would lose its digits.
        running = np.where(
            slow > 1e-12,
            np.log1p(slow) / np.where(faults > 0, rate * faults, 1.0),
            left_bytes / background_efficiency / rate,
        )
    waiting = np.maximum(left_bytes / rate - background_efficiency * running, 0.0)
    return running + waiting, waiting
