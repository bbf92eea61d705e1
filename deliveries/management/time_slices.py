"""How long a process keeps a processor once it has one, as it asks the kernel.

What lives here: one call of Linux, and how often Python's threads give way. Whoever works for milliseconds only and
waits in between asks for short slices: it then has its turn before those that calculate for long, and has no more of
the machine for it. It must not know what a process does.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys

SLICE_SECONDS = 0.0005  # the kernel gives 3 ms, and a request waits for its turn several times
SWITCH_SECONDS = 0.001  # a thread that calculates makes others of its process wait for so long, and that several times
SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}  # the numbers of the call, which the C library does not have


class _Attributes(ctypes.Structure):
    """What sched_setattr(2) takes; of an ordinary process the runtime is its slice, since Linux 6.12."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def give_way_soon() -> bool:
    """Ask for short slices for this process, and let its threads take turns; returns whether the kernel took the call.

    To be called before threads are made, which inherit it. An older kernel pays no heed; elsewhere there is none.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    number = SCHED_SETATTR.get(platform.machine()) if sys.platform == "linux" else None
    if number is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return False
    wanted = _Attributes(
        size=ctypes.sizeof(_Attributes), nice=os.getpriority(os.PRIO_PROCESS, 0), runtime=round(SLICE_SECONDS * 1e9)
    )
    answer: int = ctypes.CDLL(None).syscall(number, 0, ctypes.byref(wanted), 0)
    return answer == 0
