"""Convoy: endpoints with their secrets, and the subscriptions that say what they get, as its API answers.

What lives here: what its words mean here. A customer is the owner of endpoints. An endpoint that would get other
events, or other bodies, than Convoy sends is refused with the reason. Source: Convoy's API reference, and its page on
signatures.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from deliveries.errors import InvalidInput
from deliveries.protocol.imports.item import Given, ImportItem, Secret, a_text, an_object, objects

STATES = {"active": "enabled", "paused": "paused", "inactive": "disabled", "pending": "disabled"}
HEADER = "X-Convoy-Signature"
ID_HEADER = "X-Convoy-Idempotency-Key"
LONGEST_TIMEOUT = 30
_SPAN = re.compile(r"(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)


def read_convoy(data: object) -> list[ImportItem]:
    """Return the items of a document with `endpoints`, `subscriptions`, `project` and `event_types`."""
    document = an_object(data)
    if "subscriptions" not in document:
        raise InvalidInput("subscriptions: without them nobody knows which events an endpoint gets", field="data")
    types = an_object(document.get("event_types"))
    types_given = objects(an_object(types.get("data")).get("event_types", document.get("event_types")))
    found = [_event_type(each, f"event_types[{place}]") for place, each in enumerate(types_given)]
    project = an_object(document.get("project"))
    signature = an_object(an_object(an_object(project.get("data", project)).get("config")).get("signature"))
    subscriptions = objects(document["subscriptions"])
    for place, each in enumerate(objects(document.get("endpoints"))):
        of_it = [one for one in subscriptions if _endpoint_of(one) == a_text(each.get("uid"))]
        found.append(_endpoint(each, f"endpoints[{place}]", of_it, signature))
    return found


def _endpoint(given: Given, place: str, subscriptions: Sequence[Given], signature: Given) -> ImportItem:
    customer = next(filter(None, (a_text(given.get(name)) for name in ("owner_id", "app_id", "project_id"))), "")
    signing = _signing(given, signature)
    return ImportItem(
        place=place,
        kind="endpoint",
        uid=a_text(given.get("uid")),
        customer=customer,
        customer_name=customer,
        fields={
            "url": a_text(given.get("url")) or a_text(given.get("target_url")),
            "description": a_text(given.get("name")) or a_text(given.get("title")) or a_text(given.get("description")),
            "event_types": _event_types(subscriptions),
            **_ways_in(given),
            "rate_limit": _rate(given),
            "timeout_seconds": min(_seconds(given.get("http_timeout")) or 15, LONGEST_TIMEOUT),
            "signing": signing or "convoy",
            "payload_mode": "data",
            "state": STATES.get(a_text(given.get("status")), "enabled"),
        },
        secrets=_secrets(given),
        refused=_refusal(given, customer, subscriptions) or ("" if signing else "signature: no scheme here is like it"),
        note=_note(given),
    )


def _refusal(given: Given, customer: str, subscriptions: Sequence[Given]) -> str:
    """Return what makes an endpoint get something else here than it gets from Convoy."""
    if not customer or not a_text(given.get("uid")):
        return "uid, or owner_id: it has none"
    if not subscriptions:
        return "no subscription names it, so Convoy sends it nothing"
    if any(_has_filter(each) for each in subscriptions):
        return "filter_config: a filter has to be written anew, see `filter` of an endpoint"
    if any(each.get("function") for each in subscriptions):
        return "function: there is none here; the receiver would get another body"
    if an_object(given.get("authentication")).get("type") == "oauth2" and not _oauth2(given):
        return "authentication: of OAuth2 only client credentials with a secret, whose answer is as RFC 6749 has it"
    if given.get("mtls_client_cert") and not all(_certificate(given).values() or [""]):
        return "mtls_client_cert: certificate and key are both needed; write them into the file"
    if a_text(given.get("content_type")) not in ("", "application/json"):
        return "content_type: Convoy's forms are made and signed otherwise than those here"
    return "" if _secrets(given) else "secrets: it has none"


def _note(given: Given) -> str:
    asked = _seconds(given.get("http_timeout"))
    return f"it may take {LONGEST_TIMEOUT} s here, not {asked}" if asked > LONGEST_TIMEOUT else ""


def _endpoint_of(subscription: Given) -> str:
    told = a_text(an_object(subscription.get("endpoint_metadata")).get("uid"))
    return told or a_text(subscription.get("endpoint_id")) or a_text(subscription.get("endpoint"))


def _event_types(subscriptions: Sequence[Given]) -> list[str]:
    """Return what all subscriptions of an endpoint ask for together; * alone is everything, which is an empty list."""
    asked = [an_object(each.get("filter_config")).get("event_types") for each in subscriptions]
    names = [a_text(name) for names in asked if isinstance(names, list) for name in names]
    return [] if "*" in names else list(dict.fromkeys(names))


def _has_filter(subscription: Given) -> bool:
    asked = an_object(an_object(subscription.get("filter_config")).get("filter"))
    return any(asked.get(part) for part in ("body", "headers", "query", "path"))


def _secrets(given: Given) -> tuple[Secret, ...]:
    """Return the secrets, the newest first; in older versions there is one."""
    told = sorted(objects(given.get("secrets")), key=lambda each: a_text(each.get("created_at")), reverse=True)
    texts = [(a_text(each.get("value")), a_text(each.get("expires_at"))) for each in told]
    texts = texts or [(a_text(given.get("secret")), "")]
    return tuple(Secret(text=text, expires_at="" if end.startswith("0001") else end) for text, end in texts if text)


def _signing(given: Given, signature: Given) -> str | dict[str, str]:
    """Return the scheme that the receiver verifies; empty when none here is like it."""
    header = a_text(signature.get("header")) or HEADER
    versions = objects(signature.get("versions")) or [{"hash": signature.get("hash"), "encoding": "hex"}]
    hashes = [(a_text(each.get("hash")) or "SHA256", a_text(each.get("encoding")) or "hex") for each in versions]
    is_usual = hashes == [("SHA256", "hex")] and header.lower() == HEADER.lower()
    if given.get("advanced_signatures") is True:
        return "convoy_advanced" if is_usual else ""
    hashed, encoding = hashes[-1]
    return (
        "convoy"
        if is_usual
        else {"header": header, "hash": hashed.lower(), "encoding": encoding, "id_header": ID_HEADER}
    )


def _ways_in(given: Given) -> dict[str, object]:
    """Return how its requests are let in by the receiver's server."""
    return {"headers": _headers(given), "auth": _oauth2(given) or None, "tls": _certificate(given) or None}


def _headers(given: Given) -> dict[str, str]:
    asked = an_object(given.get("authentication"))
    if key := an_object(asked.get("api_key")):
        return {a_text(key.get("header_name")): a_text(key.get("header_value"))}
    if basic := an_object(asked.get("basic_auth")):
        pair = f"{a_text(basic.get('username'))}:{a_text(basic.get('password'))}"
        return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    return {}


def _oauth2(given: Given) -> dict[str, str]:
    """Return what fetches a token by client credentials, as Convoy does; nothing where it does so in another way."""
    asked = an_object(an_object(given.get("authentication")).get("oauth2"))
    is_usual = asked.get("authentication_type") == "shared_secret" and not asked.get("field_mapping")
    if not is_usual or a_text(asked.get("grant_type")) not in ("", "client_credentials"):
        return {}
    members = {name: a_text(asked.get(name)) for name in ("client_id", "client_secret", "scope", "audience")}
    told = {"token_url": a_text(asked.get("url")), **members}
    return {"type": "oauth2", "client_auth": "post", **{name: text for name, text in told.items() if text}}


def _certificate(given: Given) -> dict[str, str]:
    asked = an_object(given.get("mtls_client_cert"))
    parts = {"certificate": a_text(asked.get("client_cert")), "key": a_text(asked.get("client_key"))}
    return parts if asked else {}


def _rate(given: Given) -> int | None:
    """Return the rate limit for a second, rounded down; Convoy's may be for a longer span."""
    limit, span = given.get("rate_limit"), _seconds(given.get("rate_limit_duration")) or 1
    return max(1, limit // span) if type(limit) is int and limit > 0 else None


def _seconds(value: object) -> int:
    """Return a span of time, given in seconds or as 1m30s; 0 for none."""
    if type(value) is int:
        return value
    match = _SPAN.fullmatch(a_text(value))
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    return 3600 * hours + 60 * minutes + seconds


def _event_type(given: Given, place: str) -> ImportItem:
    is_over = bool(given.get("deprecated_at"))
    fields: dict[str, object] = {"description": a_text(given.get("description")), "archived": is_over}
    return ImportItem(place=place, kind="event_type", uid=a_text(given.get("name")), fields=fields)
