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
    left_bytes: Floats, missing_rate: Floats, rate: Floats, background_efficiency: float, fault_latency_s: Floats
) -> tuple[Floats, Floats]:
    """Return the time of the phase (T3) and the time of it in which the VM waits (Ta), arrays of one shape [s].

    While the VM runs, it touches missing pages at a rate that falls with what is left, and the link carries alpha mu.
    Each fault waits L = page/mu + latency, and the link is full meanwhile. With a = L times the faults a second at
    the switch: Tb = V3 ln(1 + a/alpha) / (mu a) running, Ta = V3/mu - alpha Tb waiting, T3 = Ta + Tb. Without a latency
    and with reads over the whole image V (a = r V3/(mu V)) that is the closed loop of the paper's eq. (4)-(6).

    Parameters
    ----------
    left_bytes
        What is left to send at the switch (V3) [bytes].
    missing_rate
        Rate at which the VM touches pages that are missing, at the switch and while it runs [bytes/s].
    rate
        Rate of the link (mu) [bytes/s].
    background_efficiency
        alpha [1].
    fault_latency_s
        What a fault waits beside its page's own time on the link [s].
    """
    wait_s = PAGE_BYTES / rate + fault_latency_s
    slow = np.where(left_bytes > 0, missing_rate * wait_s / PAGE_BYTES, 0.0)
    sending = left_bytes / rate
    # Below that the logarithm is its argument, and the quotient would lose its digits.
    few = slow <= 1e-12
    running = np.where(
        few,
        sending / background_efficiency,
        sending * np.log1p(slow / background_efficiency) / np.where(few, 1.0, slow),
    )
    waiting = np.maximum(sending - background_efficiency * running, 0.0)
    return running + waiting, waiting
