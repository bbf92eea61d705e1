"""Events as they come.

What lives here: polling the feed of one customer. A poll without news is a 304, and nothing is asked
again before a second has passed. It must not know what is done with the events.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, quote, urlsplit

import msgspec
from django.core.management.base import CommandError

from deliveries.listen.api import Api, detail_of, trouble_of
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.events.api_versions import NOT_MAPPED, OLDEST
from deliveries.protocol.when.backoff import parse_retry_after
from deliveries.protocol.writing import timestamps

POLL_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0
_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class FeedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the feed; `body` is what production signs, byte for byte, `sent_as` the version it names there."""

    id: str
    type: str
    body: msgspec.Raw
    erased_at: str | None = None
    api_version: str | None = None
    sent_as: str | None = None


class _Page(msgspec.Struct, frozen=True):
    next: str | None
    results: list[FeedEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Which events, and from where on."""

    customer: str
    start: Mapping[str, str]
    types: str = ""
    sleep: Callable[[float], None] = field(default=time.sleep)


_decoder = msgspec.json.Decoder(_Page)


def follow(api: Api, feed: Feed, *, tell: Callable[[str], None]) -> Iterator[FeedEvent]:
    """Yield events in their order, for ever; a server that is away is waited for."""
    path, query = f"/customers/{quote(feed.customer, safe='')}/events", {"types": feed.types} if feed.types else {}
    place, tag, failures = dict(feed.start), "", 0
    while True:
        answer = api.get(path, {**query, **place}, tag=tag)
        if answer.status not in (200, 304):
            failures += 1
            if failures == 1:
                tell(f"{api.base_url}: {trouble_of(answer)}; trying again")
            feed.sleep(_wait_seconds(answer, failures))
            continue
        if failures:
            tell(f"{api.base_url} answers again")
            failures = 0
        page = _Page(next=None, results=[]) if answer.status == 304 else _read(answer)
        yield from (event for event in page.results if event.erased_at is None)
        moved = _place_after(page)
        place, tag = (moved, "") if moved else (place, answer.header("etag") or "")
        if page.next is None:
            feed.sleep(POLL_SECONDS)


def as_pinned(api: Api, event: FeedEvent, version: str | None) -> FeedEvent | Answer:
    """Return an event in the version of an endpoint, None for the oldest; or what its attempt ends with there."""
    if event.api_version is None and version is None:
        return event
    answer = api.get(f"/events/{event.id}", {"api_version": version or OLDEST}, also=(409,))
    if answer.status != 200:
        return Answer(error=NOT_MAPPED, detail=detail_of(answer) if answer.status == 409 else trouble_of(answer))
    mapped = msgspec.json.decode(answer.body, type=FeedEvent)
    return msgspec.structs.replace(mapped, sent_as=mapped.api_version)


def start_of(*, since: str | None, after: str | None, answer: Answer) -> dict[str, str]:
    """Return from where to read: after an event, since a time, since `10m` ago, or since now by the server's clock."""
    if after is not None:
        return {"after": after}
    ago = _AGO.fullmatch(since) if since is not None else None
    if since is not None and ago is None:
        return {"since": since}
    span = timedelta(**{_UNITS[ago[2]]: int(ago[1])}) if ago else timedelta()
    return {"since": timestamps.write(server_time(answer) - span)}


def server_time(answer: Answer) -> datetime:
    """Return the time of an answer: the two machines' clocks may differ."""
    try:
        return parsedate_to_datetime(answer.header("date") or "").astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)


def _read(answer: Answer) -> _Page:
    try:
        return _decoder.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"this is not Hookpost's feed: {error}") from error


def _place_after(page: _Page) -> dict[str, str]:
    """Return where the next poll begins; nothing when it is the same place.

    Of a link only the cursor is taken: behind a proxy its host may be one that the key must not go to.
    """
    if page.next is not None:
        return {"cursor": parse_qs(urlsplit(page.next).query)["cursor"][0]}
    return {"after": page.results[-1].id} if page.results else {}


def _wait_seconds(answer: Answer, failures: int) -> float:
    asked = parse_retry_after(answer.header("retry-after"), now=datetime.now(UTC))
    own = POLL_SECONDS * float(2 ** min(failures - 1, 5))
    return min(LONGEST_WAIT_SECONDS, max(asked or 0.0, own))
