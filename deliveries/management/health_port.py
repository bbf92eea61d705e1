"""A port for processes that serve no requests, where one is wanted.

What lives here: the choice. The views come with the server, for a worker without a port starts faster without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Place = tuple[str, int]


@contextmanager
def health_port(at: Place | None, parts: Mapping[str, Callable[[], bool]]) -> Iterator[None]:
    """Answer at this place while the block lasts; nowhere without one. Raises CannotStart when the place is taken.

    `parts` is what has to live, by name.
    """
    if at is None:
        yield
        return
    from deliveries.management.health_server import answering

    with answering(at, parts):
        yield
