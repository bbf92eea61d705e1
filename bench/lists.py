"""What a page of GET /deliveries costs over a long log, for each filter, as a caller over HTTP sees it.

What lives here: a log such as a month leaves behind, and the time of first and following pages. It must
not know how a list finds its rows.
"""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.db import connection

from bench import filling
from bench.filling import ID
from bench.report import Figure
from bench.stage import MONTH_DAYS, Stage

LOGGED, FULL_LOGGED = 200_000, 5_000_000
CUSTOMERS = 500
SUBJECTS = 20  # each asks for the first page and for the one after it
CHUNK = 100_000
DAY_MS = 86_400_000
GUIDE_MS = 50

# The busiest of the customers has an eighth of all rows, the middle one a thousandth; one type is rare.
LOG = f"""
WITH chance AS MATERIALIZED (
    SELECT
        {ID.format(ms="(%(begin)s + n * %(step)s)")} AS id, 1 + floor(%(count)s * power(random(), 3))::int AS who,
        random() AS fate, random() AS kind, to_timestamp((%(begin)s + n * %(step)s) / 1000) AS at
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
), made AS (
    SELECT
        id, (%(customers)s::uuid[])[who] AS customer_id, (%(endpoints)s::uuid[])[who] AS endpoint_id, at,
        CASE
            WHEN kind < 0.0005 THEN 'contract.terminated'
            WHEN kind < 0.5 THEN (ARRAY['invoice.paid', 'invoice.sent'])[1 + floor(kind * 4)::int]
            ELSE 'user.' || (ARRAY['created', 'changed', 'deleted', 'seen', 'moved'])[1 + floor(kind * 10 - 5)::int]
        END AS type,
        CASE
            WHEN fate < 0.03 THEN 'exhausted' WHEN fate < 0.04 THEN 'pending' WHEN fate < 0.05 THEN 'held'
            WHEN fate < 0.055 THEN 'cancelled' ELSE 'succeeded'
        END AS state,
        CASE
            WHEN fate < 0.001 THEN 'deadline_exceeded' WHEN fate < 0.02 THEN 'http_5xx'
            WHEN fate < 0.04 THEN 'http_4xx' ELSE ''
        END AS error
    FROM chance
), event AS (
    INSERT INTO hookpost_event (id, customer_id, type, body, created_at)
    SELECT id, customer_id, type, %(body)s, at FROM made
)
INSERT INTO hookpost_delivery (
    id, event_id, endpoint_id, customer_id, event_type, state, attempts, status_code, error, created_at, finished_at,
    failed_at
)
SELECT
    id, id, endpoint_id, customer_id, type, state, 1,
    CASE error WHEN 'http_5xx' THEN 503 WHEN 'http_4xx' THEN 404 WHEN '' THEN 204 END, error, at,
    CASE WHEN state IN ('succeeded', 'exhausted') THEN at END, CASE WHEN state = 'exhausted' THEN at END
FROM made
"""  # noqa: S608

FILTERS: Mapping[str, Sequence[str]] = {
    "all": (),
    "customer": ("customer",),
    "endpoint": ("endpoint",),
    "event": ("event",),
    "type": ("type",),
    "type_rare": ("type_rare",),
    "state": ("state",),
    "state_waiting": ("state_waiting",),
    "status_code": ("status_code",),
    "error": ("error",),
    "time_range": ("since", "until"),
    "customer_endpoint": ("customer", "endpoint"),
    "customer_type": ("customer", "type"),
    "customer_type_rare": ("customer", "type_rare"),
    "customer_state": ("customer", "state"),
    "customer_state_waiting": ("customer", "state_waiting"),
    "customer_status_code": ("customer", "status_code"),
    "customer_error": ("customer", "error"),
    "customer_time_range": ("customer", "since", "until"),
    "customer_status_code_type": ("customer", "status_code", "type"),
    "endpoint_state_time_range": ("endpoint", "state", "since", "until"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Somebody whose deliveries are looked for, and a day to look at."""

    customer_id: UUID
    endpoint_id: UUID
    event_id: UUID
    since: datetime

    def parameters(self, names: Sequence[str]) -> dict[str, str]:
        """Return the query that these filters make."""
        from deliveries.protocol.writing import ids

        values = {
            "customer": ("customer", ids.encode_id(ids.CUSTOMER, self.customer_id)),
            "endpoint": ("endpoint", ids.encode_id(ids.ENDPOINT, self.endpoint_id)),
            "event": ("event", ids.encode_id(ids.EVENT, self.event_id)),
            "type": ("type", "invoice.*"),
            "type_rare": ("type", "contract.terminated"),
            "state": ("state", "exhausted"),
            "state_waiting": ("state", "pending,held"),
            "status_code": ("status_code", "503"),
            "error": ("error", "deadline_exceeded"),
            "since": ("since", self.since.isoformat()),
            "until": ("until", (self.since + timedelta(days=1)).isoformat()),
        }
        return dict(values[name] for name in names)


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield the median and the 95th percentile of a page for each filter."""
    rows = FULL_LOGGED if full else LOGGED
    filling.wipe()
    pairs = filling.make_endpoints(CUSTOMERS, url=stage.nginx.url)
    fill_log(pairs, rows=rows)
    filling.settle()
    subjects = choose_subjects(pairs)
    with stage.web() as url:
        reader = Reader(url, key=read_key())
        reader.page("/api/v1/deliveries")  # the first request of a process pays for its connection
        for name, filters in FILTERS.items():
            yield figure_of(name, sorted(times_of(reader, subjects, filters)), rows=rows)


def figure_of(name: str, times: Sequence[float], *, rows: int) -> Figure:
    """Return the figure of one filter; the guide is for its 95th percentile."""
    p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
    return Figure(
        name=f"list_by_{name}",
        value=p95 * 1000,
        unit="ms, p95 of a page",
        targets={"value": f"<= {GUIDE_MS}"},
        note=f"p50 {p50 * 1000:.1f} ms, {rows} deliveries",
    )


def times_of(reader: Reader, subjects: Sequence[Subject], filters: Sequence[str]) -> Iterator[float]:
    """Yield the seconds of each page: for every subject the first, and the one after it."""
    for subject in subjects:
        seconds, page = reader.page(f"/api/v1/deliveries?{urlencode(subject.parameters(filters))}")
        yield seconds
        if page["next"] is not None:
            parts = urlsplit(page["next"])
            yield reader.page(f"{parts.path}?{parts.query}")[0]


def fill_log(pairs: Sequence[tuple[UUID, UUID]], *, rows: int) -> None:
    """Write the log of a month, in order of time as it came to be."""
    begin = datetime.now(UTC) - timedelta(days=MONTH_DAYS - 1)
    parameters: dict[str, Any] = {
        "customers": [customer for customer, _ in pairs],
        "endpoints": [endpoint for _, endpoint in pairs],
        "count": len(pairs),
        "begin": int(begin.timestamp() * 1000),
        "step": (MONTH_DAYS - 1) * DAY_MS // rows,
        "body": filling.DATA,
    }
    with connection.cursor() as cursor:
        for first in range(0, rows, CHUNK):
            cursor.execute(LOG, parameters | {"first": first, "last": min(first + CHUNK, rows) - 1})


def choose_subjects(pairs: Sequence[tuple[UUID, UUID]], *, count: int = SUBJECTS) -> list[Subject]:
    """Return busy and quiet customers, each with an event of its own."""
    chance, found = random.Random(7), []  # noqa: S311
    for place in range(count):
        customer, endpoint = pairs[int(len(pairs) * (place / count) ** 2)]
        since = datetime.now(UTC) - timedelta(days=chance.uniform(2, MONTH_DAYS - 2))
        event = _an_event_of(customer)
        found.append(Subject(customer_id=customer, endpoint_id=endpoint, event_id=event, since=since))
    return found


def _an_event_of(customer_id: UUID) -> UUID:
    from deliveries.models import Event

    event = Event.objects.filter(customer_id=customer_id).order_by("-id").first()
    assert event is not None
    return event.id


def read_key() -> str:
    """Return a fresh service key that may read."""
    from deliveries.services.people.api_keys import create_api_key

    return create_api_key("bench", ["read"], actor="system")[1]


class Reader:
    """A caller with a connection that stays open."""

    def __init__(self, url: str, *, key: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"))
        self._headers = {"Authorization": f"Bearer {key}"}

    def page(self, address: str) -> tuple[float, Any]:
        """Return how many seconds a page took, and the page."""
        started = time.perf_counter()
        self._connection.request("GET", address, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - started
        assert answer.status == 200, body
        return seconds, json.loads(body)
