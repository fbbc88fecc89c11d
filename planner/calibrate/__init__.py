"""What past migrations say of links and hosts: rates reached, times beside copying, how far predictions are off."""

from planner.calibrate.calibration import Calibration, calibrate
from planner.calibrate.log import Log, read_log

__all__ = ["Calibration", "Log", "calibrate", "read_log"]
