"""Walking through a site as somebody who clicks on everything.

What lives here: following links by GET. It must not know what is looked for.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from django.test import Client

LINK = re.compile(r"""(?:href|src|action)=["']([^"'#]+)""")
VARIANTS_OF_A_PATH = 3
PAGES_AT_MOST = 250


def crawl(browser: Client, start: str) -> Iterator[tuple[str, int, str]]:
    """Every page below the start that links lead to: address, status, text."""
    waiting, seen, variants = deque([start]), {start}, Counter[str]()
    while waiting and len(seen) < PAGES_AT_MOST:
        address = waiting.popleft()
        answer = browser.get(address)
        text = answer.content.decode(errors="replace") if not answer.streaming else ""
        yield address, answer.status_code, text
        found = [urljoin(address, link.replace("&amp;", "&")) for link in LINK.findall(text)]
        for link in [*found, urljoin(address, answer.headers.get("Location", address))]:
            path = urlsplit(link).path
            inside = link.startswith(start) and "/logout" not in path
            if inside and link not in seen and variants[path] < VARIANTS_OF_A_PATH:
                variants[path] += 1
                seen.add(link)
                waiting.append(link)
