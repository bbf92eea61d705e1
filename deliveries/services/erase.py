"""Everything of a customer, gone: what it made, what it was sent, and what was written about both.

What lives here: finding and deleting it, a bounded part of the log at a time. It may be stopped at any moment and run
again. It must not know who asks. Backups are the operator's: they hold what they held.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from time import sleep
from uuid import UUID

from django.apps import apps
from django.db import transaction

from deliveries import sql
from deliveries.errors import NotFound
from deliveries.models import (
    ApiKey,
    AuditEntry,
    BrandPicture,
    Customer,
    DueDelivery,
    Endpoint,
    EventType,
    Invitation,
    Lane,
    Member,
)
from deliveries.protocol.writing import ids
from deliveries.services.common import clock
from deliveries.services.common.audit import record_act
from deliveries.services.customers import delete_customer, hold_customer
from deliveries.services.endpoints import delete_endpoint
from deliveries.services.people.members import only_of
from deliveries.services.people.saved_views import forget_views_of
from deliveries.sql.ending_rows import EraseEventsRow, EraseLogRow, EraseTracesRow, LoggedEndpointsRow

BATCH = 500
ENDPOINTS_AT_ONCE = 100
TRACED_AT_ONCE = 100_000  # deliveries
NOTHING, TO_THE_END = UUID(int=0), UUID(int=2**128 - 2)  # one less than jobs.ALL_QUEUED, which ends a job
POLL_SECONDS = 0.2
LOG_INS = ("axes.AccessAttempt", "axes.AccessLog", "axes.AccessFailureLog")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """By what a customer is found in tables that do not name it: ids of what was its, and names of its people."""

    customer_id: UUID
    words: tuple[str, ...]
    object_ids: tuple[str, ...]
    endpoint_ids: tuple[UUID, ...]
    key_ids: tuple[UUID, ...]
    usernames: tuple[str, ...]
    name: str


@dataclass(slots=True)
class Traced:
    """Up to which delivery of the log all else was erased that tells of its endpoint; whoever goes on passes it on."""

    through: UUID = NOTHING


def erase_customer(customer_id: UUID, *, actor: str, traced: Traced | None = None) -> Generator[int, None, None]:
    """Erase step by step, each committed, and yield how many rows each took; one audit entry stays, with the id.

    A customer that was deleted before is erased by its id: its log is, and what was written of it as far as it names
    it or an endpoint in the log. What is in flight is waited for: its attempts are to be erased too. Whoever begins
    again after a step finds nothing more to do in those before it.
    """
    traced = traced or Traced()
    yield from _stop_sending(customer_id, actor=actor)
    if Customer.objects.filter(id=customer_id).exists():
        number, traced.through = _erase_rows(customer_id, actor=actor), TO_THE_END
        yield number
    yield from _erase_history(customer_id, traced)
    if number := _erase_traces(_traces_of(customer_id), set()):
        yield number
    record_act(actor, "customer.erase", object_id=ids.encode_id(ids.CUSTOMER, customer_id))


def erase_what_moved(customer_id: UUID) -> Generator[int, None, None]:
    """Erase, step by step, all of a customer that lives in another cell now; its row stays and says where."""
    sent_by = DueDelivery.objects.filter(endpoint_id__in=Endpoint.objects.filter(customer_id=customer_id).values("id"))
    while ids_of := list(sent_by.values_list("delivery_id", flat=True)[:BATCH]):
        yield sent_by.filter(delivery_id__in=ids_of).delete()[0]
    with transaction.atomic():
        traces = _traces_of(customer_id)
        only_of(Customer.objects.get(id=customer_id)).filter(is_staff=False, is_superuser=False).delete()
        for model in (Endpoint, ApiKey, Member, EventType, Invitation, BrandPicture):
            model._default_manager.filter(customer_id=customer_id).delete()
        number = _erase_traces(traces, set(traces.endpoint_ids))
    yield number
    yield from _erase_history(customer_id, Traced(TO_THE_END))


def _erase_history(customer_id: UUID, traced: Traced) -> Generator[int, None, None]:
    while (number := _erase_log(customer_id, traced) or _trace_ahead(customer_id, traced)) is not None:
        yield number
    while number := sql.fetch(EraseEventsRow, {"customer_id": customer_id, "batch": BATCH})[0].number:
        yield number


def _stop_sending(customer_id: UUID, *, actor: str) -> Generator[int, None, None]:
    """Delete the endpoints, and wait until no worker has a lane of theirs: whoever has one may still write attempts."""
    living = Endpoint.objects.filter(customer_id=customer_id, deleted_at=None).order_by("id")
    while some := list(living[:ENDPOINTS_AT_ONCE]):
        for endpoint in some:
            delete_endpoint(endpoint, actor=actor)
            yield 0
    lanes = Lane.objects.filter(endpoint__customer_id=customer_id)
    while lanes.filter(lease_until__gt=clock.likely_now()).exists():
        yield 0
        sleep(POLL_SECONDS)


def _erase_log(customer_id: UUID, traced: Traced) -> int:
    """Delete the next deliveries, as far as what else tells of their endpoints is gone."""
    parameters = {"customer_id": customer_id, "through": traced.through, "batch": BATCH}
    return sql.fetch(EraseLogRow, parameters)[0].number


def _trace_ahead(customer_id: UUID, traced: Traced) -> int | None:
    """Delete what else tells of the endpoints of the next deliveries; None when there are none.

    Of very many at once: audit entries are looked through from the first to the last each time.
    """
    with transaction.atomic():
        asked = {"customer_id": customer_id, "after": traced.through, "limit": TRACED_AT_ONCE}
        row = sql.fetch(LoggedEndpointsRow, asked)[0]
        if row.last_id is None:
            return None
        number = _erase_traces(_traces_of(customer_id), set(row.endpoint_ids or ()))
    traced.through = row.last_id
    return number


def _erase_rows(customer_id: UUID, *, actor: str) -> int:
    """Delete the customer, and in one transaction with it what only its rows lead to."""
    with transaction.atomic():
        customer = _held(customer_id)
        traces = _traces_of(customer_id)
        if customer is not None:
            delete_customer(customer, actor=actor)
        return _erase_traces(traces, set(traces.endpoint_ids))


def _held(customer_id: UUID) -> Customer | None:
    customer = Customer.objects.filter(id=customer_id).first()
    try:
        if customer is not None:
            hold_customer(customer)
    except NotFound:  # somebody deletes it at the same moment
        return None
    return customer


def _erase_traces(traces: Traces, endpoint_ids: set[UUID]) -> int:
    named = tuple(ids.encode_id(ids.ENDPOINT, each) for each in endpoint_ids)
    parameters = {
        "customer_id": traces.customer_id,
        "object_ids": [*traces.object_ids, *named],
        "words": [*traces.words, *named],
        "endpoint_ids": list(endpoint_ids),
        "key_ids": list(traces.key_ids),
    }
    number = sql.fetch(EraseTracesRow, parameters)[0].number
    for model in LOG_INS if apps.is_installed("axes") else ():
        number += apps.get_model(model)._default_manager.filter(username__in=traces.usernames).delete()[0]
    return number + forget_views_of({*traces.words, *named, traces.name, *map(str, endpoint_ids)})


def _traces_of(customer_id: UUID) -> Traces:
    """Gather what has to be known before the rows that tell it are gone."""
    customer = Customer.objects.filter(id=customer_id).first()
    public_id = ids.encode_id(ids.CUSTOMER, customer_id)
    models = (Endpoint, ApiKey, Member, EventType)
    rows = [row for model in models for row in model._default_manager.filter(customer_id=customer_id)]
    told = AuditEntry.objects.filter(customer_id=customer_id).values_list("object_id", flat=True)
    users = only_of(customer) if customer else ()
    return Traces(
        customer_id=customer_id,
        words=(public_id, str(customer_id), *_uids_of(customer_id, customer)),
        object_ids=tuple({public_id, *(row.public_id for row in rows), *told}),
        endpoint_ids=tuple(row.id for row in rows if isinstance(row, Endpoint)),
        key_ids=tuple(row.id for row in rows if isinstance(row, ApiKey)),
        usernames=tuple(user.get_username() for user in users),
        name=customer.name if customer else public_id,
    )


def _uids_of(customer_id: UUID, customer: Customer | None) -> set[str]:
    """Return the uid of a customer and those that it had, but none that is another's now."""
    renamed = AuditEntry.objects.filter(
        object_id=ids.encode_id(ids.CUSTOMER, customer_id), action="customer.update", detail__has_key="former_uid"
    )
    had = {str(uid) for uid in renamed.values_list("detail__former_uid", flat=True)}
    others = set(Customer.objects.filter(uid__in=had).exclude(id=customer_id).values_list("uid", flat=True))
    return (had - others) | ({customer.uid} if customer and customer.uid else set())
