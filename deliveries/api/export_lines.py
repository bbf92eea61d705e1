"""All of a customer as JSON lines, for whoever moves away or wants to know what is kept.

What lives here: which kinds of lines there are, in which order, read a bounded part at a time in the order of an
index: neither memory nor the database feels a long log. Lines show what the API shows. It must not know requests.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar
from uuid import UUID

import orjson
import structlog
from django.db import DatabaseError
from django.db.models import Model, QuerySet

from deliveries.api.attempts import oldest_attempt, show_attempt
from deliveries.api.customers import show_customer
from deliveries.api.deliveries import show_deliveries
from deliveries.api.endpoint_shapes import show_endpoints
from deliveries.api.event_shapes import show_event
from deliveries.api.event_types import show_event_type
from deliveries.api.fields import shown_moment
from deliveries.api.jobs import show_job
from deliveries.models import ApiKey, AuditEntry, Customer, Member, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.writing import ids
from deliveries.services.common.statement_timeout import TooSlow, at_most

log = structlog.get_logger(__name__)

PART_SECONDS = 15
SMALL, LARGE = 50, 10  # rows read at once: those with bodies may have a megabyte each
NO_ID = UUID(int=0)

Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")
Shown = tuple[str, dict[str, object]]


def export_lines(customer: Customer, *, viewer: Viewer) -> Generator[bytes, None, None]:
    """Yield the lines; the last one says how many came before, or why the others are missing."""
    number = 0
    try:
        for kind, shown in _everything(customer, viewer):
            number += 1
            yield line(kind, shown)
    except (TooSlow, DatabaseError) as error:
        log.warning("export_ended", error=type(error).__name__)
        yield line("error", {"detail": "the database did not answer; the rest is missing", "lines": number})
        return
    yield line("end", {"lines": number})


def line(name: str, shown: dict[str, object]) -> bytes:
    """Return one line: what the API shows of a thing, after what it is."""
    return orjson.dumps({"object": name, **shown}, option=orjson.OPT_APPEND_NEWLINE)


def _everything(customer: Customer, viewer: Viewer) -> Iterator[Shown]:
    yield "customer", show_customer(customer)
    yield from _settings(customer, viewer)
    yield from _log(customer, viewer)
    yield from _each("job", visible.jobs(viewer).filter(customer=customer), partial(show_job, viewer=viewer))
    entries = visible.audit_entries(viewer).filter(customer=customer)
    yield from _each("audit_entry", entries, partial(_audit_entry, viewer=viewer))


def _settings(customer: Customer, viewer: Viewer) -> Iterator[Shown]:
    """What people made; the endpoints with those that were deleted, which the log names."""
    of_customer = {"customer": customer}
    yield from _each("member", visible.members(viewer).filter(**of_customer).select_related("user"), _member)
    yield from _each("api_key", visible.api_keys(viewer).filter(**of_customer), _api_key)
    yield from _each("event_type", visible.event_types(viewer).filter(**of_customer), show_event_type)
    endpoints = visible.endpoints_ever(viewer).filter(**of_customer).select_related("customer", "lane")
    for part in _parts(endpoints.prefetch_related("secrets"), SMALL):
        for endpoint, shown in zip(part, show_endpoints(part), strict=True):
            yield "endpoint", shown | {"deleted_at": shown_moment(endpoint.deleted_at)}


def _log(customer: Customer, viewer: Viewer) -> Iterator[Shown]:
    """What was emitted for this customer alone; then deliveries, oldest first, some at a time with their attempts."""
    events = visible.own_events(customer.id).filter(visible.of_viewer(viewer))
    yield from _each("event", events, show_event, size=LARGE)
    for part in _parts(visible.deliveries(viewer).filter(customer_id=customer.id), SMALL):
        yield from (("delivery", shown) for shown in _read(partial(show_deliveries, part)))
        attempts = visible.attempts(viewer).filter(delivery_id__in=[row.id for row in part])
        show, oldest = partial(show_attempt, viewer=viewer), oldest_attempt(part[0].id)
        yield from _each("attempt", attempts, show, size=LARGE, after=oldest)


def _each(
    kind: str, rows: QuerySet[Row], show: Callable[[Row], dict[str, object]], *, size: int = SMALL, after: UUID = NO_ID
) -> Iterator[Shown]:
    for part in _parts(rows, size, after=after):
        yield from ((kind, show(row)) for row in part)


def _parts(rows: QuerySet[Row], size: int, *, after: UUID = NO_ID) -> Iterator[Sequence[Row]]:
    """Yield all rows by id, some at a time; no transaction is open while they are sent."""
    while part := _read(lambda: rows.filter(pk__gt=after).order_by("pk")[:size]):  # noqa: B023
        yield part
        if len(part) < size:
            return
        after = part[-1].pk


def _read(ask: Callable[[], Iterable[Item]]) -> list[Item]:
    with at_most(seconds=PART_SECONDS):
        return list(ask())


def _member(member: Member) -> dict[str, object]:
    user = member.user
    return {
        "id": member.public_id,
        "username": user.get_username(),
        "email": getattr(user, "email", ""),
        "created_at": shown_moment(member.created_at),
    }


def _api_key(key: ApiKey) -> dict[str, object]:
    moments = ("created_at", "expires_at", "revoked_at", "last_used_at")
    shown = {"id": key.public_id, "name": key.name, "hint": key.hint, "scopes": list(key.scopes)}
    return shown | {name: shown_moment(getattr(key, name)) for name in moments}


def _audit_entry(entry: AuditEntry, viewer: Viewer) -> dict[str, object]:
    return {
        "id": ids.encode_id(ids.AUDIT, entry.id),
        "at": shown_moment(entry.at),
        "actor": visible.shown_actor(viewer, entry.actor),
        "action": entry.action,
        "target": entry.object_id,
        "reason": entry.reason,
    }
