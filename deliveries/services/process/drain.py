"""Whether this process is about to end, told before it ends so that a load balancer sends no more requests.

What lives here: one flag, seen by all processes that are forked from the one that sets it. It must not know who asks.
"""

from __future__ import annotations

import mmap

from deliveries.metrics import names

_flag = mmap.mmap(-1, 1)  # shared memory: the web server's processes see what their parent writes


def begin() -> None:
    """Say that this process and its children will end soon."""
    _flag[0] = 1


def is_draining() -> bool:
    """Say whether the end has been announced."""
    return _flag[0] == 1


def forget() -> None:
    """Take it back, for a process that goes on after all."""
    _flag[0] = 0


names.DRAINING.read = is_draining
