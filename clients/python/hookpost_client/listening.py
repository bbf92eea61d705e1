"""What an endpoint gets, sent to a server on this machine as well.

What lives here: following deliveries by polling, and one signed request for each. It must not know a terminal.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TypedDict

import httpx
from standardwebhooks import Webhook

from hookpost_client.errors import NotFound, RateLimited, Unavailable

POLL_SECONDS = 1.0
PAGE = 100
PAGES = 10  # of a burst between two polls
LOCAL_SECONDS = 30.0
MODES = frozenset({"full", "data"})


class Row(TypedDict):
    """A delivery, as far as this needs it."""

    id: str
    event: str
    type: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """A server on this machine, and how requests to it are signed and shaped."""

    url: str
    secret: str = field(repr=False)
    payload_mode: str = "full"


def refusal_of(endpoint: Mapping[str, object]) -> str:
    """Return why requests cannot be made as this endpoint's; empty where they can."""
    chosen = {name: endpoint[name] for name in ("signing", "payload_mode", "method", "body_format", "transformation")}
    chosen["batch_size"] = endpoint.get("batch_size", 1)
    plain = {"signing": "standard", "method": "POST", "body_format": "json", "transformation": "", "batch_size": 1}
    if chosen["payload_mode"] in MODES and plain.items() <= chosen.items():
        return ""
    return f"this endpoint has {chosen}: only `manage.py listen --endpoint` of a checkout makes such requests"


def deliveries_from_now(
    api: httpx.Client,
    query: Mapping[str, str],
    *,
    pause: Callable[[], object] = lambda: time.sleep(POLL_SECONDS),
    tell: Callable[[str], object] = lambda text: None,
) -> Iterator[tuple[Row, str]]:
    """Yield what is sent from now on with its event as the API shows it, oldest first, for ever.

    What is sent again comes again. A server that is away is waited for; `tell` hears that it is, and that it is back.
    """
    sent = {row["id"]: row["attempts"] for row in _page(api, dict(query))[0]}
    waiting: deque[Row] = deque()
    is_away = False
    while True:
        if not waiting:
            pause()
        try:
            waiting.extend([] if waiting else reversed(_news(api, query, sent)))
            event = _event(api, waiting[0]) if waiting else ""
        except (httpx.TransportError, RateLimited, Unavailable) as error:
            if not is_away:
                tell(f"Hookpost cannot be asked ({error}); it is asked again.")
            is_away = True
            pause()
            continue
        if is_away:
            tell("Hookpost answers again.")
        is_away = False
        row = waiting.popleft() if waiting else None
        if row and event:
            yield row, event


def forward(row: Row, event: str, local: Local) -> httpx.Response | httpx.TransportError:
    """Send the event of a delivery; returns the answer, or why there is none."""
    body = body_of(event, payload_mode=local.payload_mode)
    now = datetime.now(UTC)
    headers = {
        "content-type": "application/json",
        "webhook-id": row["event"],
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(local.secret).sign(row["event"], now, body),
    }
    try:
        # No proxy of the environment: it would be handed the event, and knows no server of this machine.
        return httpx.post(local.url, content=body.encode(), headers=headers, timeout=LOCAL_SECONDS, trust_env=False)
    except httpx.TransportError as error:
        return error


def body_of(shown_event: str, *, payload_mode: str) -> str:
    """Return what is sent of an event, as the API shows it, byte for byte."""
    whole = _member(shown_event, "body")
    return _member(whole, "data") if payload_mode == "data" else whole


def _member(text: str, name: str) -> str:
    """Return the text of a member; what stands before it holds no quote that is not escaped."""
    start = text.index(f'"{name}":') + len(name) + 3
    start += len(text[start:]) - len(text[start:].lstrip())
    return text[start : json.JSONDecoder().raw_decode(text, start)[1]]


def _event(api: httpx.Client, row: Row) -> str:
    """Return an event as the API shows it; empty for one that is not there any more."""
    try:
        return api.get(f"/api/v1/events/{row['event']}").text
    except NotFound:
        return ""


def _news(api: httpx.Client, query: Mapping[str, str], sent: dict[str, int]) -> list[Row]:
    """Return what is new on the newest pages, newest first, and note it."""
    found: list[Row] = []
    for rows in islice(_pages(api, query), PAGES):
        fresh = [row for row in rows if row["id"] not in sent or row["attempts"] > max(1, sent[row["id"]])]
        found += fresh
        if len(fresh) < len(rows):
            break
    for row in found:
        sent[row["id"]] = row["attempts"]
    return found


def _pages(api: httpx.Client, query: Mapping[str, str]) -> Iterator[list[Row]]:
    asked = dict(query)
    while True:
        rows, following = _page(api, asked)
        yield rows
        if not following:
            return
        asked["cursor"] = httpx.URL(following).params["cursor"]


def _page(api: httpx.Client, asked: dict[str, str]) -> tuple[list[Row], str | None]:
    page = api.get("/api/v1/deliveries", params={**asked, "limit": str(PAGE)}).json()
    return page["results"], page["next"]
