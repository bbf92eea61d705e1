"""Read by Python itself when it starts under libfaketime: sleeping by spans, never until a moment.

What lives here: a way around libfaketime 0.9.10, which takes the steady clock for faked in clock_nanosleep although it
was told not to fake it. time.sleep sleeps until a moment of that clock, and would fail or never wake.
"""

from __future__ import annotations

import select
import time


def sleep(seconds: float, /) -> None:
    """Sleep for so many seconds."""
    select.select([], [], [], seconds)


time.sleep = sleep
