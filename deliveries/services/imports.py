"""Importing one thing from elsewhere: a customer, an event type or an endpoint with its secrets.

What lives here: finding what is there already, and what comes of each item. Each is stored whole or not at all, and one
that is stored already is left alone, so that a file may be imported again. It must not know files or requests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from deliveries.errors import Conflict, HookpostError, InvalidInput
from deliveries.models import Customer, Endpoint, EventType, ImportLine
from deliveries.protocol.imports.item import NOTHING, ImportItem, Kind
from deliveries.protocol.imports.item_types import misfit
from deliveries.protocol.signing.secrets import check_secret, format_secret
from deliveries.protocol.writing import timestamps
from deliveries.protocol.writing.sentences import say
from deliveries.services.catalogue.event_types import create_event_type, update_event_type
from deliveries.services.common import clock, limits
from deliveries.services.customers import create_customer, update_customer
from deliveries.services.endpoint.endpoint_credentials import CREDENTIALS, given_of
from deliveries.services.endpoint.endpoint_fields import check_fields
from deliveries.services.endpoint.endpoint_secrets import new_secret
from deliveries.services.endpoints import (
    Given,
    rotate_secret,
    store_changes,
    store_endpoint,
)
from deliveries.services.holding import release_each

Result = ImportLine.Result
HELD = say("imported, and held until it is released")
MADE = "no secret came with it, so one was made"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What lines before would have stored of each customer, by uid: its fields, and how many other things of a kind."""

    customers: dict[str, Mapping[str, object]] = field(default_factory=dict)
    made: Counter[tuple[str, str]] = field(default_factory=Counter)

    def note(self, item: ImportItem, result: Result) -> None:
        """Remember what came of a line."""
        if item.kind == "customer" and result in (Result.IMPORTED, Result.CHANGED):
            self.customers[item.uid] = item.fields
        elif item.customer and result == Result.IMPORTED:
            self.customers.setdefault(item.customer, NOTHING)
            self.made[item.kind, item.customer] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How to import: by whom, whether endpoints hold what they would send, whether it is a rehearsal.

    `verified`: their URLs are known to want deliveries, and are asked no challenge. `before` is what a rehearsal would
    have stored already.
    """

    actor: str
    paused: bool = False
    verified: bool = False
    dry_run: bool = False
    before: Rehearsed = field(default_factory=Rehearsed)


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What came of an item, and why, or what was left behind of it."""

    result: Result
    detail: str = ""


def import_item(item: ImportItem, way: Way) -> ItemResult:
    """Store an item unless it is there, or refuse it; names are looked up before a transaction begins."""
    came = _imported_item(item, way)
    if way.dry_run:
        way.before.note(item, came.result)
    return came


def _imported_item(item: ImportItem, way: Way) -> ItemResult:
    if problem := item.refused or misfit(item.kind, item.fields):
        return ItemResult(Result.REFUSED, problem)
    try:
        return _IMPORTERS[item.kind](item, way)
    except (InvalidInput, Conflict) as error:
        return ItemResult(Result.REFUSED, _reason(error))


def release_imported(*, actor: str, customer: Customer | None = None, cancel_backlog: bool = False) -> int:
    """Enable the endpoints that an import left holding, of one customer or all; returns how many."""
    held = Endpoint.objects.filter(state=Endpoint.State.PAUSED, state_reason=HELD, deleted_at=None)
    rows = list((held.filter(customer=customer) if customer else held).select_related("customer"))
    return release_each(rows, actor=actor, cancel_backlog=cancel_backlog)


@contextmanager
def _stored_whole(way: Way) -> Iterator[None]:
    """Store all that is done meanwhile, or nothing; in a rehearsal nothing."""
    with transaction.atomic():
        yield
        if way.dry_run:
            transaction.set_rollback(True)


def _reason(error: HookpostError) -> str:
    field = error.field if isinstance(error, InvalidInput) else ""
    return f"{field}: {error}" if field else str(error)


def _import_customer(item: ImportItem, way: Way) -> ItemResult:
    row = Customer.objects.filter(uid=item.uid).first()
    fields = {**item.fields, "name": str(item.fields["name"]).strip()}
    with _stored_whole(way):
        if row is None:
            create_customer({**fields, "uid": item.uid}, actor=way.actor)
            return ItemResult(Result.IMPORTED, item.note)
        changed = _differing(row, fields)
        update_customer(row, changed, actor=way.actor)
    return _of_known(changed, item)


def _import_event_type(item: ImportItem, way: Way) -> ItemResult:
    owner = _customer_of(item) if item.customer else None
    if item.customer and owner is None and item.customer not in way.before.customers:
        return ItemResult(Result.REFUSED, f"there is no customer {item.customer}")
    is_rehearsed = item.customer and owner is None
    row = None if is_rehearsed else EventType.objects.filter(customer=owner, name=item.uid).first()
    with _stored_whole(way):
        if row is None:
            owner = _owner(item, owner, way) if item.customer else None
            create_event_type({**item.fields, "name": item.uid}, customer=owner, actor=way.actor)
            return ItemResult(Result.IMPORTED, item.note)
        changed = _differing(row, item.fields)
        update_event_type(row, changed, actor=way.actor)
    return _of_known(changed, item)


def _import_endpoint(item: ImportItem, way: Way) -> ItemResult:
    customer = _customer_of(item)
    known = Endpoint.objects.filter(customer=customer, uid=item.uid, deleted_at=None) if customer else None
    row = known.select_related("customer").first() if known is not None else None
    return _store_new(item, customer, way) if row is None else _change(row, item, way)


def _store_new(item: ImportItem, customer: Customer | None, way: Way) -> ItemResult:
    fields: dict[str, object] = {"uid": item.uid, **item.fields}
    if way.paused and fields.get("state", Endpoint.State.ENABLED) == Endpoint.State.ENABLED:
        fields |= {"state": Endpoint.State.PAUSED, "state_reason": HELD}
    if not fields.get("url"):
        raise InvalidInput("a URL is required", field="url")
    checked = check_fields(fields)
    secrets = _living(item, signing=checked.get("signing", "standard"))
    with _stored_whole(way):
        owner = _owner(item, customer, way)
        store_endpoint(owner, checked, secrets or [(new_secret(), None)], actor=way.actor, vouched=way.verified)
    return ItemResult(Result.IMPORTED, "; ".join(filter(None, ("" if secrets else MADE, item.note))))


def _change(row: Endpoint, item: ImportItem, way: Way) -> ItemResult:
    """Change what differs; whether it is paused or disabled is left to those who decided that since."""
    given = {name: value for name, value in item.fields.items() if name != "state"}
    if given.get("url") == row.url:
        del given["url"]  # not looked up again
    checked = check_fields(given)
    secrets = _living(item, signing=checked.get("signing", row.signing))
    changed = _differing(row, checked)
    if "url" in changed:  # another host would clear them
        changed |= {name: checked[name] for name in ("headers", *CREDENTIALS) if name in checked}
    fresh = [text for text, _ in secrets[:1] if text not in _texts_of(row)]
    with _stored_whole(way):
        if changed:
            store_changes(row, changed, actor=way.actor, vouched=way.verified)
        for text in fresh:
            rotate_secret(row, actor=way.actor, secret=text, reason=say("imported"))
    return _of_known({*changed, *(["secret"] if fresh else [])}, item)


def _owner(item: ImportItem, customer: Customer | None, way: Way) -> Customer:
    """Return whose an item becomes; in a rehearsal as lines before would have left the customer, and as full."""
    told = way.before.customers.get(item.customer, NOTHING)
    if customer is None:
        named = {"uid": item.customer, "name": item.customer_name or item.customer}
        customer = create_customer({**named, **told}, actor=way.actor)
    else:
        update_customer(customer, told, actor=way.actor)
    if made := way.before.made[item.kind, item.customer]:
        rows = Endpoint.objects.filter(deleted_at=None) if item.kind == "endpoint" else EventType.objects.all()
        limits.refuse_beyond(f"{item.kind}s", rows.filter(customer=customer).count() + made, customer)
    return customer


def _customer_of(item: ImportItem) -> Customer | None:
    return Customer.objects.filter(uid=item.customer).first()


def _living(item: ImportItem, *, signing: str) -> list[Given]:
    """Return the secrets that still sign, the newest first, in their stored form."""
    now = clock.likely_now()
    ends = [(secret.text, _moment(secret.expires_at)) for secret in item.secrets]
    living = [(text, end) for text, end in ends if end is None or end > now]
    if len(living) > limits.SIGNING_SECRETS:
        raise InvalidInput(f"at most {limits.SIGNING_SECRETS} sign for an endpoint", field="secrets")
    return [(check_secret(text, signing=signing), end) for text, end in living]


def _moment(text: str) -> datetime | None:
    try:
        return timestamps.read(text) if text else None
    except InvalidInput as error:
        raise InvalidInput(f"expires_at: {error.detail}", field="secrets") from error


def _texts_of(row: Endpoint) -> set[str]:
    return {format_secret(secret.open_key()) for secret in row.secrets.all()}


def _differing(row: Customer | EventType | Endpoint, fields: Mapping[str, object]) -> dict[str, object]:
    if isinstance(row, Endpoint):
        return {name: value for name, value in fields.items() if given_of(row, name) != value}
    return {name: value for name, value in fields.items() if getattr(row, name) != value}


def _of_known(changed: Collection[str], item: ImportItem) -> ItemResult:
    if not changed:
        return ItemResult(Result.UNCHANGED, item.note)
    return ItemResult(Result.CHANGED, "; ".join(filter(None, (", ".join(sorted(changed)), item.note))))


_IMPORTERS: Mapping[Kind, Callable[[ImportItem, Way], ItemResult]] = {
    "customer": _import_customer,
    "event_type": _import_event_type,
    "endpoint": _import_endpoint,
}
