"""Hosts whose clocks are wrong: this process by an injected offset, other processes by Debian's libfaketime."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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


LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
SITE = Path(__file__).parent / "faults" / "wrong_clock"
NEEDED = pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not installed (Debian's package faketime)")


@contextmanager
def wrong_clock(settings: dict[str, str], offset: str) -> Iterator[None]:
    """Inside, processes that are started with these variables have a wall clock that is off: `+400d`, `-45s`."""
    kept = dict(settings)
    steady = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "PYTHONPATH": str(SITE)}
    settings.update({"LD_PRELOAD": str(LIBRARIES[0]), "FAKETIME": offset, **steady})
    try:
        yield
    finally:
        settings.clear()
        settings.update(kept)
