"""What this process holds in memory, so that a few hundred kilobytes can be told from noise.

Lives here: the reading of one figure. It must not know what the memory was for.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
from collections.abc import Iterator

import psutil

GROWTH_LIMIT_BYTES = 2_000_000
_HERE = psutil.Process()


def resident_bytes() -> int:
    """Return the resident memory as it is, garbage included."""
    return _HERE.memory_info().rss


def settled_bytes() -> int:
    """Return the resident memory after garbage was collected and free pages were given back to the system."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
    if trim is not None:
        trim(0)
    return resident_bytes()


@contextlib.contextmanager
def only_new_garbage() -> Iterator[None]:
    """Let collections within the block skip what is there already: they are then a hundred times as fast."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
