"""Large pages for the memory that a process has when it has been at work for a moment.

What lives here: asking the kernel to lay memory together. An event that comes alone touches thousands of places, of
whose small pages the processor remembers none by then. It must not know what lies where.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

AFTER_SECONDS = 5.0  # no start waits for it, and connections and kept statements are there
COLLAPSE = 25  # MADV_COLLAPSE of Linux 6.1; a kernel that does not know it changes nothing
FILLED = 0.75  # of an area: stacks of threads are hardly, and would take 2 MB each
AREAS = Path("/proc/self/smaps")

_AREA = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0\b.*(?:\n[A-Z]\w*:.*)*?\nRss: +(\d+) kB", re.MULTILINE)


def lay_together_soon() -> None:
    """Have this process's memory laid together in a moment, on a thread of its own."""
    timer = threading.Timer(AFTER_SECONDS, lay_together)
    timer.name, timer.daemon = "large-pages", True
    timer.start()


def lay_together() -> None:
    """Ask for large pages in place of small ones; where there are none to be had all stays as it was."""
    with suppress(ImportError, OSError, AttributeError):  # a Python or a C library without it, or no Linux
        import ctypes

        advise = ctypes.CDLL(None).madvise
        for start, end in filled_areas(AREAS.read_text("latin-1")):  # names of files may have any bytes
            advise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), COLLAPSE)


def filled_areas(smaps: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of memory that belongs to no file and is nearly all in use, as /proc/PID/smaps tells."""
    for found in _AREA.finditer(smaps):
        start, end, resident = int(found[1], 16), int(found[2], 16), int(found[3]) * 1024
        if resident >= FILLED * (end - start):
            yield start, end
