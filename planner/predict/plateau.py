"""Where the passes of a pre-copy settle that does not converge: Lambert's W."""

from __future__ import annotations

import numpy as np

from planner.predict.passes import Setting, fresh_share
from planner.predict.protocol import Floats

ROUNDS = 50
"""Most steps of Halley's rule; it needs fewer than ten away from the branch point [count]."""
PASSES = 400
"""Passes after which those who write to several sets count as settled [count]."""


def lambert_w0(x: Floats) -> Floats:
    """Return the principal branch of Lambert's W, W e^W = x, for -1/e <= x; NaN below."""
    x = np.asarray(x, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        near = np.sqrt(np.maximum(2.0 * (np.e * x + 1.0), 0.0))
        w = np.where(x < 1.0, -1.0 + near - near**2 / 3.0 + 11.0 / 72.0 * near**3, np.log1p(np.maximum(x, 0.0)))
        for _ in range(ROUNDS):
            grown = np.exp(w)
            off = w * grown - x
            step = off / (grown * (w + 1.0) - (w + 2.0) * off / (2.0 * w + 2.0))
            step = np.where(np.isfinite(step), step, 0.0)
            w = w - step
            if np.all(np.abs(step) <= 1e-15 * (1.0 + np.abs(w))):
                break
    return np.where(x >= -1.0 / np.e - 1e-15, w, np.nan)


def plateau_bytes(set_bytes: Floats, write_rate: Floats, rate: Floats) -> Floats:
    """Return what a pass still leaves dirty, however many there are, for one working set [bytes].

    v = W (1 - exp(-w v / (mu W))) has, with rho = w/mu above 1, the solution v = W (1 + W0(-rho e^-rho)/rho); up to
    1 the passes shrink to nothing.
    """
    rho = write_rate / rate
    with np.errstate(divide="ignore", invalid="ignore"):
        left = set_bytes * (1.0 + lambert_w0(-rho * np.exp(-rho)) / rho)
    return np.where(rho > 1.0, left, 0.0)


def settled_bytes(setting: Setting) -> Floats:
    """Return what is left between two passes of a pre-copy that does not end, once it has settled, shape (E,) [bytes].

    Where a pass ends with l unsent, only what it dirties of the rest adds: v = l + (1 - l/S) D((v - l)/mu), which is
    for one set the plateau of a set of (1 - l/S) W, written at (1 - l/S) w, above l.
    """
    dirtying, vm = setting.dirtying, setting.vm
    unsent = setting.unsent_bytes
    weight = setting.page_weight * fresh_share(unsent, setting.reached_bytes)
    one = (np.count_nonzero(dirtying.set_rate, axis=1) == 1) & (dirtying.steady_rate == 0) & ~dirtying.measured
    widest = np.argmax(dirtying.set_rate, axis=1)[:, None]
    size, rate = (np.take_along_axis(what, widest, axis=1)[vm, 0] for what in (dirtying.set_bytes, dirtying.set_rate))
    settled = unsent + plateau_bytes(weight * size, weight * rate, setting.rate)
    several = np.flatnonzero(~one[vm])
    left = setting.first_bytes[several]
    for _ in range(PASSES if several.size else 0):
        took = np.maximum(left - unsent[several], 0.0) / setting.rate[several]
        left = unsent[several] + weight[several] * dirtying.dirtied(vm[several], took)
    settled[several] = left
    return settled
