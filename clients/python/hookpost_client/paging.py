"""Lists as one row after the other, whatever the size of their pages.

What lives here: following `next`. It must not know what is listed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit


def pages(list_page: Callable[..., Any], *path: str, **filters: Any) -> Iterator[Any]:
    """Yield every row of a list: `pages(list_deliveries.sync, client=…, customer="acme")`."""
    cursor: dict[str, str] = {}
    while True:
        page = list_page(*path, **filters, **cursor)
        yield from page.results
        if not (cursor := _cursor_of(page.next_)):
            return


async def async_pages(list_page: Callable[..., Awaitable[Any]], *path: str, **filters: Any) -> AsyncIterator[Any]:
    """Yield every row of a list: `async_pages(list_deliveries.asyncio, client=…, customer="acme")`."""
    cursor: dict[str, str] = {}
    while True:
        page = await list_page(*path, **filters, **cursor)
        for row in page.results:
            yield row
        if not (cursor := _cursor_of(page.next_)):
            return


def _cursor_of(following: str | None) -> dict[str, str]:
    return {"cursor": parse_qs(urlsplit(following).query)["cursor"][0]} if following else {}
