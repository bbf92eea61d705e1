"""Outpost: tenants with their destinations, topics, and what its operator configured, as its API answers.

What lives here: what its words mean here. Destinations that are no webhooks, and those that would get other events or
other signatures than Outpost sends, are refused with the reason. Source: Outpost's API reference, and its pages on
webhook destinations and on verifying signatures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deliveries.errors import InvalidInput
from deliveries.protocol.imports.item import ONE_PAGE, Given, ImportItem, Secret, a_text, an_object, in_json, objects

PREFIX = "x-outpost-"
_SETTING = "DESTINATIONS_WEBHOOK_"
_TEMPLATES = ("SIGNATURE_CONTENT_TEMPLATE", "SIGNATURE_HEADER_TEMPLATE", "SIGNATURE_SECRET_ENCODING")
Signing = str | dict[str, str]


def read_outpost(data: object) -> list[ImportItem]:
    """Return the items of a document with `tenants`, `topics` and `config`, or of a list of tenants."""
    document = an_object(data)
    topics = document.get("topics")
    found = [
        ImportItem(place=f"topics[{place}]", kind="event_type", uid=a_text(each))
        for place, each in enumerate(topics if isinstance(topics, list) else [])
    ]
    config = an_object(document.get("config"))
    for place, each in enumerate(_listed(document.get("tenants", data))):
        found += _of_customer(each, f"tenants[{place}]", config)
    return found


def _listed(value: object) -> list[Given]:
    """Return the objects of a list, or of an answer with one; raises InvalidInput for one page of several."""
    told = an_object(value)
    if told.get("next") or an_object(told.get("pagination")).get("next"):
        raise InvalidInput(ONE_PAGE, field="data")
    return objects(told.get("models", value))


def _of_customer(given: Given, place: str, config: Given) -> Iterator[ImportItem]:
    uid = a_text(given.get("id"))
    name = a_text(an_object(given.get("metadata")).get("name")) or uid
    fields = {"name": name, "metadata": given.get("metadata") or {}}
    refused = "" if uid else "id: it has none"
    yield ImportItem(place=place, kind="customer", uid=uid, fields=fields, refused=refused)
    for number, each in enumerate(_listed(given.get("destinations"))):
        yield _endpoint(each, f"{place}.destinations[{number}]", config, customer=uid, customer_name=name)


def _endpoint(given: Given, place: str, settings: Given, *, customer: str, customer_name: str) -> ImportItem:
    config, signing = an_object(given.get("config")), _signing(settings)
    headers = _headers(config.get("custom_headers"))
    added = {_prefix(settings) + name: a_text(text) for name, text in an_object(given.get("delivery_metadata")).items()}
    return ImportItem(
        place=place,
        kind="endpoint",
        uid=a_text(given.get("id")),
        customer=customer,
        customer_name=customer_name,
        fields={
            "url": a_text(config.get("url")),
            "event_types": _event_types(given.get("topics")),
            "metadata": given.get("metadata") or {},
            "headers": {**(headers or {}), **added},
            "signing": signing or "outpost",
            "payload_mode": "data",
            "state": "disabled" if given.get("disabled_at") else "enabled",
        },
        secrets=_secrets(given),
        refused=_refusal(given, customer, headers) or ("" if signing else "signature: no scheme here is like it"),
    )


def _refusal(given: Given, customer: str, headers: Given | None) -> str:
    """Return what makes an endpoint get something else here than it gets from Outpost."""
    if not customer or not a_text(given.get("id")):
        return "id, or that of its tenant: it has none"
    if (kind := a_text(given.get("type"))) != "webhook":
        return f"type: only webhooks are sent from here, not {kind or 'what has no type'}"
    if given.get("filter"):
        return "filter: Outpost's has another form; write it anew, see `filter` of an endpoint"
    if not given.get("topics"):
        return "topics: it has none, so Outpost sends it nothing"
    if headers is None:
        return "config.custom_headers: must be a JSON object, as a text, that names each member once"
    return "" if _secrets(given) else "credentials.secret: it is missing"


def _event_types(topics: object) -> object:
    return [] if topics in ("*", ["*"]) else topics or []


def _headers(told: object) -> Given | None:
    """Return the headers, which Outpost keeps as JSON in a text; None where it is none."""
    if isinstance(told, Mapping) or not told:
        return an_object(told)
    found = in_json(a_text(told))
    return found if isinstance(found, dict) else None


def _secrets(given: Given) -> tuple[Secret, ...]:
    told = an_object(given.get("credentials"))
    before = Secret(text=a_text(told.get("previous_secret")), expires_at=a_text(told.get("previous_secret_invalid_at")))
    return tuple(each for each in (Secret(text=a_text(told.get("secret"))), before) if each.text)


def _setting(config: Given, name: str, default: str = "") -> str:
    return a_text(config.get(_SETTING + name)) or default


def _prefix(config: Given) -> str:
    is_standard = _setting(config, "MODE") == "standard"
    return _setting(config, "HEADER_PREFIX", "webhook-" if is_standard else PREFIX)


def _signing(config: Given) -> Signing:
    """Return the scheme that receivers verify; empty when none here is like it."""
    if any(_setting(config, name) for name in _TEMPLATES):
        return ""
    header = _setting(config, "SIGNATURE_HEADER_NAME", _prefix(config) + "signature")
    if _setting(config, "MODE") == "standard":
        return "standard" if header.lower() == "webhook-signature" else ""
    encoding = _setting(config, "SIGNATURE_ENCODING", "hex")
    hashed = _setting(config, "SIGNATURE_ALGORITHM", "hmac-sha256").removeprefix("hmac-")
    if (header.lower(), encoding, hashed) == (PREFIX + "signature", "hex", "sha256"):
        return "outpost"
    told = {"type_header": _prefix(config) + "topic", "id_header": _prefix(config) + "event-id"}
    return {"header": header, "encoding": encoding, "hash": hashed, "prefix": "v0=", **told}
