"""The rows of a month: hours of the roll-up, and of the last day events, deliveries, attempts and failures.

What lives here: figures from a pair of dice, written in bulk. It must not know whom it is about.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from django.utils.http import http_date

from deliveries.models import Attempt, Delivery, Endpoint, EndpointHour, Event, FailureGroup, Lane
from deliveries.models.rollup import ALL_ENDPOINTS, DURATIONS_MS
from deliveries.protocol.ids import delivery_id, encode_id, time_ordered
from deliveries.protocol.secrets import SigningKey, hint
from deliveries.protocol.signatures import signature_headers
from deliveries.services.retention import open_partitions

HOURS = 720
SHOWN_HOURS = 20
TRIES = 5
HEADERS = "content-type: application/json\nserver: nginx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One endpoint: where, for what, how busy, and how it fails: error, status, share of its events, hours since."""

    path: str
    types: tuple[str, ...]
    an_hour: int
    error: str = ""
    status: int = 0
    share: float = 0.0
    hours: int = 720
    answer: str = ""
    state: str = "enabled"


@dataclass(slots=True, kw_only=True)
class Log:
    """What is to be written; all of it at once at the end."""

    dice: Random
    now: datetime
    sums: Counter[tuple[UUID, datetime, str, int]] = field(default_factory=Counter)
    hours: list[EndpointHour] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    groups: list[FailureGroup] = field(default_factory=list)
    keys: dict[UUID, SigningKey] = field(default_factory=dict)
    bodies: dict[UUID, bytes] = field(default_factory=dict)

    def tell(self, endpoint: Endpoint, kind: Kind) -> None:
        """Make up the month of one endpoint."""
        this_hour = self.now.replace(minute=0, second=0, microsecond=0)
        for ago in range(HOURS, -1, -1):
            self._hour(endpoint, kind, this_hour - timedelta(hours=ago), ago)
        first = len(self.deliveries)
        self._key(endpoint)
        for ago in range(SHOWN_HOURS, 0, -1):
            for _ in range(max(1, kind.an_hour // 6)):
                self._delivery(endpoint, kind, self.now - timedelta(hours=ago - self.dice.random() * 0.9))
        self._group(endpoint, kind, [each for each in self.deliveries[first:] if each.error])

    def write(self) -> int:
        """Write it; returns how many deliveries there are."""
        open_partitions(days_back=2)
        slots = len(DURATIONS_MS) + 1
        self.hours += [_row(*key, number, slots) for key, number in self.sums.items()]
        for model, rows in (
            (EndpointHour, self.hours),
            (Event, self.events),
            (Delivery, self.deliveries),
            (Attempt, self.attempts),
            (FailureGroup, self.groups),
        ):
            model._default_manager.bulk_create(rows, batch_size=1000, ignore_conflicts=True)  # type: ignore[arg-type]
        return len(self.deliveries)

    def _hour(self, endpoint: Endpoint, kind: Kind, hour: datetime, ago: int) -> None:
        by_day = 0.35 + 0.65 * max(0.0, 1 - abs(hour.hour - 13) / 11)
        number = max(1, round(kind.an_hour * by_day * self.dice.uniform(0.8, 1.2)))
        failed = round(number * kind.share) if kind.error and ago <= kind.hours else 0
        for error, status, some in (("", 204, number - failed), (kind.error, kind.status, failed)):
            if some:
                self.hours.append(_row(endpoint.pk, hour, error, status, some, len(DURATIONS_MS) + 1))
                for owner in (endpoint.customer_id, ALL_ENDPOINTS):
                    self.sums[owner, hour, error, status] += some

    def _delivery(self, endpoint: Endpoint, kind: Kind, at: datetime) -> None:
        ago = (self.now - at).total_seconds() / 3600
        fails = bool(kind.error) and ago <= kind.hours and self.dice.random() < max(kind.share, 0.12)
        given_up = fails and kind.share == 1
        tries = TRIES if given_up else 2 if fails else 1
        row = self._stored(endpoint, self.dice.choice(kind.types), at)
        row.attempts, row.finished_at = tries, at + timedelta(minutes=7 * (tries - 1))
        row.state, row.status_code = "succeeded", 204
        if given_up:
            row.state, row.failed_at = "exhausted", row.finished_at
            row.error, row.status_code = kind.error, kind.status or None
        self.deliveries.append(row)
        for number in range(1, tries + 1):
            self._attempt(endpoint, row, kind, number, failed=given_up or number < tries)

    def _stored(self, endpoint: Endpoint, name: str, at: datetime) -> Delivery:
        event_id = time_ordered(int(at.timestamp() * 1000), self.dice.getrandbits(72))
        body = json.dumps({"type": name, "timestamp": f"{at:%Y-%m-%dT%H:%M:%S.000Z}", "data": self._data(name)})
        about = {"customer_id": endpoint.customer_id, "created_at": at}
        self.bodies[event_id] = body.encode()
        self.events.append(Event(id=event_id, type=name, body=body.encode(), **about))
        key = delivery_id(event_id, endpoint.pk)
        return Delivery(id=key, event_id=event_id, endpoint_id=endpoint.pk, event_type=name, **about)

    def _attempt(self, endpoint: Endpoint, row: Delivery, kind: Kind, number: int, *, failed: bool) -> None:
        at = row.created_at + timedelta(minutes=7 * (number - 1), milliseconds=40)
        took = 10_000 if failed and kind.error == "deadline_exceeded" else self.dice.randint(18, 160)
        self.attempts.append(
            Attempt(
                id=time_ordered(int(at.timestamp() * 1000), self.dice.getrandbits(72)),
                delivery_id=row.pk,
                endpoint_id=endpoint.pk,
                number=number,
                started_at=at,
                duration_ms=took,
                status_code=(kind.status or None) if failed else 204,
                error=kind.error if failed else "",
                address="" if failed and not kind.status else "203.0.113.24:443",
                request_url=endpoint.url,
                request_headers=self._request_headers(row, at),
                signed_with=hint(self.keys[endpoint.pk]),
                response_headers=f"{HEADERS}\ndate: {http_date(at.timestamp())}" if kind.status or not failed else "",
                response_body=kind.answer.encode() if failed else b"",
                **_phases(took, is_connected=bool(kind.status or not failed)),
            )
        )

    def _key(self, endpoint: Endpoint) -> SigningKey:
        """Return the endpoint's key; it is as old as the month, so that it can have signed."""
        if endpoint.pk not in self.keys:
            endpoint.secrets.update(created_at=self.now - timedelta(hours=HOURS + 1))
            self.keys[endpoint.pk] = endpoint.secrets.get().open_key()
        return self.keys[endpoint.pk]

    def _request_headers(self, row: Delivery, at: datetime) -> str:
        signed = signature_headers(
            "standard",
            [self.keys[row.endpoint_id]],
            message_id=encode_id("evt", row.event_id),
            timestamp=int(at.timestamp()),
            body=self.bodies[row.event_id],
        )
        return "\n".join(f"{name}: {value}" for name, value in [("content-type", "application/json"), *signed])

    def _group(self, endpoint: Endpoint, kind: Kind, failed: list[Delivery]) -> None:
        if not failed:
            return
        first, last = failed[0], failed[-1]
        self.groups.append(
            FailureGroup(
                endpoint_id=endpoint.pk,
                customer_id=endpoint.customer_id,
                error=kind.error,
                status_code=kind.status,
                first_at=first.created_at,
                last_at=last.finished_at or self.now,
                deliveries=len(failed),
                attempts=len(failed) * TRIES,
                oldest_id=first.pk,
                example_id=last.pk,
            )
        )
        Lane.objects.filter(endpoint_id=endpoint.pk).update(failing_since=first.created_at, failures=len(failed))

    def _data(self, name: str) -> dict[str, str]:
        number = self.dice.randint(10_000, 99_999)
        data = {name.partition(".")[0]: f"{name[:3]}_{number}", "currency": "EUR"}
        return data | {"amount": f"{self.dice.randint(20, 4000)}.{self.dice.randint(0, 99):02}"}


def _row(owner: UUID, hour: datetime, error: str, status: int, number: int, slots: int) -> EndpointHour:
    durations = [0] * slots
    for place, share in ((2, 0.3), (3, 0.45), (4, 0.2)):
        durations[place] = round(number * share)
    durations[5] = number - sum(durations)
    return EndpointHour(
        endpoint_id=owner,
        hour=hour,
        error=error,
        status_code=status,
        attempts=number,
        first_attempts=number,
        first_durations=durations,
        last_at=hour + timedelta(minutes=59),
    )


def _phases(took: int, *, is_connected: bool) -> dict[str, int]:
    """Return the parts of a duration: all of it is the wait for a connection where none came about."""
    if not is_connected:
        return {"dns_ms": 1, "connect_ms": took - 1}
    connect, tls = took // 5, took // 3
    return {"dns_ms": 1, "connect_ms": connect, "tls_ms": tls, "first_byte_ms": took - 1 - connect - tls}
