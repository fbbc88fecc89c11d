"""How property tests run: no times are judged, and each run of one commit draws the same examples.

``pytest --hypothesis-profile=explore`` draws new ones, and more of them.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("explore", settings.get_profile("steady"), derandomize=False, max_examples=1000)
settings.load_profile("steady")

# The width of somebody's terminal, or of a worker's, must not decide where texts are folded.
os.environ.pop("COLUMNS", None)
