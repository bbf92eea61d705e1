"""Our own JSON: event types, and customers with their endpoints, in the words of the API.

What lives here: a document of them, and the lines of a customer's export. What only answers hold is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deliveries.errors import InvalidInput
from deliveries.protocol.answers.challenge import UNVERIFIED
from deliveries.protocol.imports.item import Given, ImportItem, Kind, Secret, a_text, an_object, are_objects, objects
from deliveries.protocol.imports.item_types import FIELDS
from deliveries.protocol.when.delivery_window import OUTSIDE

# Of answers and exports: read, and not brought along.
_SHOWN = frozenset(
    {"object", "id", "customer", "created_at", "updated_at", "state_reason", "state_changed_at", "failing_since"}
    | {"health", "resting_until", "resting_reason", "draining", "header_names", "public_key", "deleted_at"}
    | {"verification"}
)
_ONLY_SHOWN = {"auth": "hint", "tls": "fingerprint"}  # an answer has these in place of secrets
_LISTS = ("event_types", "endpoints")
_PARTS = ("customers", "event_types")
_ASIDE = frozenset({"uid", "name", "secret", "secrets", "endpoints", "event_types"})


def read_hookpost(data: object) -> list[ImportItem]:
    """Return the items of a document, or of the lines of an export."""
    if isinstance(data, Sequence) and not isinstance(data, str):
        return list(_of_lines(objects(data)))
    document = an_object(data)
    _check_document(document)
    types = enumerate(objects(document.get("event_types")))
    found = [_event_type(each, f"event_types[{place}]") for place, each in types]
    for place, each in enumerate(objects(document.get("customers"))):
        found += _of_customer(each, f"customers[{place}]")
    return found


def _check_document(document: Given) -> None:
    """Refuse a document of which a part would be passed over."""
    for name, value in document.items():
        if name not in _PARTS:
            raise InvalidInput(f"there is no {name} in a document; there are {' and '.join(_PARTS)}", field="data")
        if not are_objects(value):
            raise InvalidInput(f"{name} must be a list of objects", field="data")


def _of_customer(given: Given, place: str) -> Iterator[ImportItem]:
    customer = _customer(given, place)
    yield customer
    for number, each in enumerate(objects(given.get("event_types"))):
        yield _event_type(each, f"{place}.event_types[{number}]", customer=customer.uid)
    for number, each in enumerate(objects(given.get("endpoints"))):
        yield _endpoint(each, f"{place}.endpoints[{number}]", customer=customer)


def _of_lines(lines: Sequence[Given]) -> Iterator[ImportItem]:
    customer = ImportItem(place="", kind="customer")
    for number, each in enumerate(lines, start=1):
        place = f"line {number}"
        if each.get("object") == "customer":
            customer = _customer(each, place)
            yield customer
        elif each.get("object") == "event_type":
            yield _event_type(each, place, customer=customer.uid if each.get("customer") else "")
        elif each.get("object") == "endpoint" and not each.get("deleted_at"):
            yield _endpoint(each, place, customer=customer)
        elif each.get("object") == "error":
            raise InvalidInput(f"{place}: the export ended early, so this is not all of it", field="data")


def _customer(given: Given, place: str) -> ImportItem:
    uid = a_text(given.get("uid"))
    fields = {**_fields("customer", given), "name": a_text(given.get("name")) or uid}
    return ImportItem(
        place=place, kind="customer", uid=uid, fields=fields, refused=_without_uid(uid) or _misread(given)
    )


def _event_type(given: Given, place: str, *, customer: str = "") -> ImportItem:
    fields = _fields("event_type", given)
    return ImportItem(place=place, kind="event_type", uid=a_text(given.get("name")), customer=customer, fields=fields)


def _endpoint(given: Given, place: str, *, customer: ImportItem) -> ImportItem:
    uid = a_text(given.get("uid"))
    fields, note = _told(_fields("endpoint", given), given)
    if given.get("state_reason") in (OUTSIDE, UNVERIFIED):
        fields["state"] = "enabled"  # its window says when, or its URL is asked anew
    return ImportItem(
        place=place,
        kind="endpoint",
        uid=uid,
        customer=customer.uid,
        customer_name=a_text(customer.fields.get("name")),
        fields=fields,
        secrets=_secrets(given),
        refused=_without_uid(uid) or customer.refused or _misread_secrets(given),
        note=note,
    )


def _told(fields: dict[str, object], given: Given) -> tuple[dict[str, object], str]:
    """Return the fields without what answers show only in part, and a note that says what was left out."""
    hidden = [name for name, shown in _ONLY_SHOWN.items() if shown in an_object(fields.get(name))]
    told = {name: value for name, value in fields.items() if name not in hidden}
    notes = [f"{name} came without its secret and is to be set again" for name in hidden]
    if given.get("header_names") and "headers" not in fields:
        notes.append("headers came without their values and are to be set again")
    return told, "; ".join(notes)


def _secrets(given: Given) -> tuple[Secret, ...]:
    """Return `secret`, or those of `secrets` that are told: an export has hints only."""
    if text := a_text(given.get("secret")):
        return (Secret(text=text),)
    told = [each for each in objects(given.get("secrets")) if a_text(each.get("secret"))]
    return tuple(Secret(text=a_text(each["secret"]), expires_at=a_text(each.get("expires_at"))) for each in told)


def _misread(given: Given) -> str:
    """Return which part of a customer would be passed over, or an empty text."""
    return next((f"{name}: must be a list of objects" for name in _LISTS if not are_objects(given.get(name))), "")


def _misread_secrets(given: Given) -> str:
    """Return what of an endpoint's secrets would be passed over: its receiver would be signed to with another."""
    if not isinstance(given.get("secret"), str | int | None):
        return "secret: must be a text"
    told = objects(given.get("secrets"))
    if not are_objects(given.get("secrets")) or not all("secret" in each or "hint" in each for each in told):
        return "secrets: must be a list of objects with a secret each"
    return ""


def _fields(kind: Kind, given: Given) -> dict[str, object]:
    """Return the fields that an item of this kind may bring, and those that nobody knows, which are refused later."""
    return {name: value for name, value in given.items() if name in FIELDS[kind] or name not in _SHOWN | _ASIDE}


def _without_uid(uid: str) -> str:
    return "" if uid else "uid: it needs one, by which it is found again"
