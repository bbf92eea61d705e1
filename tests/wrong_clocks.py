"""A host whose clock is wrong, in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

DAY = 86_400.0


@contextmanager
def host_off_by(seconds: float) -> Iterator[None]:
    """Inside, this host's clock is that far ahead of what it is (or behind, if negative)."""
    from deliveries.models import clock

    kept, clock.host = clock.host, clock.HostClock(wall=lambda: time.time() + seconds)
    try:
        yield
    finally:
        clock.host = kept
