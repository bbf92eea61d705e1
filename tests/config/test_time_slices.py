"""Web and worker processes ask the kernel for short slices."""

from __future__ import annotations

import ctypes
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from deliveries.management import time_slices
from deliveries.management.time_slices import SCHED_SETATTR, SLICE_SECONDS, give_way_soon


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "setswitchinterval", lambda seconds: None)


def asked_and_kept() -> tuple[bool, int, int]:
    """What was answered, and the slice and the niceness that this thread has then."""
    is_set = give_way_soon()
    found = time_slices._Attributes()
    number = SCHED_SETATTR[time_slices.platform.machine()] + 1
    ctypes.CDLL(None).syscall(number, 0, ctypes.byref(found), ctypes.sizeof(found), 0)
    return is_set, found.runtime, found.nice


def test_the_kernel_is_asked_for_short_slices_and_niceness_stays() -> None:
    with ThreadPoolExecutor(1) as apart:  # whose thread alone is changed
        is_set, slice_ns, nice = apart.submit(asked_and_kept).result()
    assert nice == time_slices.os.getpriority(time_slices.os.PRIO_PROCESS, 0)
    assert not is_set or slice_ns in (0, round(SLICE_SECONDS * 1e9))  # Linux before 6.12 keeps none


def test_where_there_is_no_such_call_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_slices, "SCHED_SETATTR", {})
    assert give_way_soon() is False
