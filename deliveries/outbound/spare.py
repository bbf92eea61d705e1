"""Handles that serve no request at the moment.

What lives here: which of them serves the next one: the last one that went to the same URL, for it is told half as much.
It must not know what a request is.
"""

from __future__ import annotations

from deliveries.outbound.handle import Handle

MOST = 512


class SpareHandles:
    """The spare handles of one multi, by the URL that they went to last."""

    def __init__(self) -> None:
        self._by_url: dict[str, list[Handle]] = {}
        self._count = 0

    def take(self, url: str) -> Handle | None:
        """Return a handle, best one that went to this URL last; None where there is none at all."""
        if not self._count:
            return None
        self._count -= 1
        handles = self._by_url.get(url)
        if handles is None:
            url, handles = next(iter(self._by_url.items()))  # of the URL that is longest without a request
        handle = handles.pop()
        if not handles:
            del self._by_url[url]
        return handle

    def put(self, handle: Handle) -> bool:
        """Keep a handle; returns whether there was room for it."""
        if self._count >= MOST:
            return False
        self._count += 1
        self._by_url.setdefault(handle.url, []).append(handle)
        return True

    def take_all(self) -> list[Handle]:
        """Return all of them, and keep none."""
        handles = [handle for each in self._by_url.values() for handle in each]
        self._by_url.clear()
        self._count = 0
        return handles
