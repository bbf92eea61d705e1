"""Svix: applications with their endpoints, secrets and headers, and event types, as its API answers.

What lives here: what its words mean here. An endpoint that would get other messages, or other bodies, than Svix sends
is refused with the reason. Source: Svix's API reference.
"""

from __future__ import annotations

from collections.abc import Iterator

from deliveries.protocol.imports.item import Given, ImportItem, Secret, a_text, an_object, objects

LONGEST_NUMBER = 10


def read_svix(data: object) -> list[ImportItem]:
    """Return the items of a document with `applications` and `eventTypes`, or of a list of applications."""
    document = an_object(data)
    types = objects(document.get("eventTypes", document.get("event_types")))
    found = [_event_type(each, f"eventTypes[{place}]") for place, each in enumerate(types)]
    for place, each in enumerate(objects(document.get("applications", data))):
        found += _of_application(each, f"applications[{place}]")
    return found


def _of_application(given: Given, place: str) -> Iterator[ImportItem]:
    uid = a_text(given.get("uid")) or a_text(given.get("id"))
    name = a_text(given.get("name")) or uid
    fields: dict[str, object] = {"name": name}
    if isinstance(given.get("metadata"), dict):
        fields["metadata"] = given["metadata"]
    has_rate = given.get("rateLimit") or given.get("throttleRate")
    note = "its rate limit was left behind: here each endpoint has one" if has_rate else ""
    yield ImportItem(place=place, kind="customer", uid=uid, fields=fields, note=note, refused=_without_id(uid))
    for number, each in enumerate(objects(given.get("endpoints"))):
        yield _endpoint(each, f"{place}.endpoints[{number}]", customer=uid, customer_name=name)


def _endpoint(given: Given, place: str, *, customer: str, customer_name: str) -> ImportItem:
    uid = a_text(given.get("uid")) or a_text(given.get("id"))
    secret = _secret(given)
    return ImportItem(
        place=place,
        kind="endpoint",
        uid=uid,
        customer=customer,
        customer_name=customer_name,
        fields={
            "url": a_text(given.get("url")),
            "description": a_text(given.get("description")),
            "event_types": given.get("filterTypes") or [],
            "tags": given.get("channels") or [],
            "metadata": given.get("metadata") or {},
            "headers": dict(_headers(given)),
            "rate_limit": given.get("rateLimit") or given.get("throttleRate") or None,
            "signing": "svix",
            "payload_mode": "data",
            "state": "disabled" if given.get("disabled") is True else "enabled",
        },
        secrets=(Secret(text=secret),) if secret else (),
        refused=_without_id(uid) or _without_id(customer) or _refusal(given, secret),
    )


def _refusal(given: Given, secret: str) -> str:
    """Return what makes an endpoint get something else here than it gets from Svix."""
    if not secret:
        return "secret: it is missing; ask …/endpoint/{id}/secret for it"
    if an_object(given.get("transformation")).get("enabled"):
        return "transformation: Svix's is JavaScript; write it anew, see `transformation` of an endpoint"
    if hidden := _hidden_headers(given):
        return f"headers: Svix does not tell the value of {', '.join(hidden)}; write it into the file"
    return ""


def _secret(given: Given) -> str:
    told = given.get("secret")
    return a_text(an_object(told).get("key")) or a_text(told)


def _headers(given: Given) -> Given:
    """Return the headers, given alone or as the answer that holds them."""
    told = an_object(given.get("headers"))
    return an_object(told.get("headers")) if isinstance(told.get("headers"), dict) else told


def _hidden_headers(given: Given) -> list[str]:
    names = an_object(given.get("headers")).get("sensitive")
    known = {name.lower() for name in _headers(given)}
    return [str(name) for name in names if str(name).lower() not in known] if isinstance(names, list) else []


def _event_type(given: Given, place: str) -> ImportItem:
    """Return an event type with the newest of its schemas; what is deprecated goes on, as it does at Svix."""
    schemas = an_object(given.get("schemas"))
    newest = max(schemas, key=_number_of, default=None)
    fields: dict[str, object] = {
        "description": a_text(given.get("description")),
        "archived": given.get("archived") is True,
    }
    if newest is not None:
        fields["schema"] = schemas[newest]
    return ImportItem(place=place, kind="event_type", uid=a_text(given.get("name")), fields=fields)


def _number_of(version: str) -> int:
    return int(version) if version.isdecimal() and len(version) < LONGEST_NUMBER else 0


def _without_id(uid: str) -> str:
    return "" if uid else "id: it has none"
