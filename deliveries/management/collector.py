"""Python's collector of cycles, kept off what lives as long as the process.

What lives here: the one rule for all processes. It must not know what a process does.
"""

from __future__ import annotations

import gc

YOUNG = 20_000  # new objects until the collector looks at those; a request or a turn makes hundreds
OLDER = (50, 100)


def look_seldom() -> None:
    """Collect after many new objects only: looking at what stays anyway took a sixth of a start."""
    gc.set_threshold(YOUNG, *OLDER)


def spare_old_objects() -> None:
    """Leave all objects that there are out of every later collection; to be called when all is imported.

    Without collecting first: that takes a twentieth of a start, and finds some 300 objects.
    """
    gc.freeze()
    look_seldom()
