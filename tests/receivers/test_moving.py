"""Receivers that were written for another sender verify after the import, with code and secret unchanged."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest
import svix

from deliveries.models import Endpoint
from deliveries.protocol.imports import read_items
from deliveries.services.imports import Way, import_item
from tests.engine.steps import emit, take_turn, the_delivery
from tests.receiver import Receiver, Request
from tests.receivers.moving import (
    CONVOY_SECRET,
    GITHUB_SECRET,
    HOOK0_SECRET,
    OUTPOST_BEFORE,
    OUTPOST_SECRET,
    SVIX_SECRET,
    convoy_document,
    hook0_document,
    outpost_document,
    svix_document,
    table,
)
from tests.receivers.test_vendors import by_convoys_description, by_svix_headers, verifying

pytestmark = pytest.mark.django_db(transaction=True)


def by_githubs_description(secret: str, request: Request) -> bool:
    """docs.github.com: Validating webhook deliveries."""
    expected = "sha256=" + hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    told = [request.header("x-github-delivery"), request.header("x-github-event")]
    return hmac.compare_digest(expected, request.header("x-hub-signature-256") or "") and told == told_of(request)[:2]


def by_svix(secret: str, request: Request) -> bool:
    svix.Webhook(secret).verify(request.body, dict(request.headers))
    return True


def by_outposts_description(secret: str, request: Request) -> bool:
    """hookdeck.com/docs/outpost: Verify Webhook Signatures; any of the signatures behind v0= may fit."""
    given = request.header("x-outpost-signature") or ""
    expected = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    fits = any(hmac.compare_digest(each, expected) for each in given.removeprefix("v0=").split(","))
    told = [request.header(f"x-outpost-{name}") for name in ("event-id", "topic", "timestamp")]
    return given.startswith("v0=") and fits and told == told_of(request)


def by_hook0s_description(secret: str, request: Request) -> bool:
    """documentation.hook0.com: Webhook authentication; v1 is of the time, the named headers, their values, the body."""
    parts = dict(part.split("=", 1) for part in (request.header("x-hook0-signature") or "").split(","))
    values = [request.header(name) or "" for name in parts["h"].split(" ")]
    signed = ".".join([parts["t"], parts["h"], *values]).encode() + b"." + request.body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    told = [request.header("x-event-id"), request.header("x-event-type")]
    return hmac.compare_digest(parts["v1"], expected) and told == [request.header("webhook-id"), "invoice.paid.done"]


def told_of(request: Request) -> list[str | None]:
    """What the headers of an event of the type invoice.paid say, as ours have it."""
    return [request.header("webhook-id"), "invoice.paid", request.header("webhook-timestamp")]


def imported(data: Any, kind: str) -> Endpoint:
    """The one endpoint of a document, after it was imported."""
    outcomes = [import_item(item, Way(actor="user:alice")) for item in read_items(data, format=kind)]
    assert {outcome.result for outcome in outcomes} == {"imported"}, outcomes
    return Endpoint.objects.select_related("customer").get()


SENDERS: tuple[tuple[str, Callable[[str], Any], str, Callable[[str, Request], bool]], ...] = (
    ("svix", svix_document, SVIX_SECRET, by_svix),
    ("svix", svix_document, SVIX_SECRET, by_svix_headers),
    ("convoy", convoy_document, CONVOY_SECRET, by_convoys_description),
    ("convoy", lambda url: convoy_document(url, advanced=True), CONVOY_SECRET, by_convoys_description),
    ("csv", table, GITHUB_SECRET, by_githubs_description),
    ("outpost", outpost_document, OUTPOST_SECRET, by_outposts_description),
    ("outpost", outpost_document, OUTPOST_BEFORE, by_outposts_description),
    ("hook0", hook0_document, HOOK0_SECRET, by_hook0s_description),
)
NAMES = [
    *("svix", "older svix", "convoy simple", "convoy advanced", "github, plain text"),
    *("outpost", "outpost, secret before", "hook0"),
]


@pytest.mark.parametrize(
    ("kind", "document", "secret", "verify"),
    SENDERS,
    ids=NAMES,
)
def test_a_receiver_verifies_after_the_import_with_code_and_secret_unchanged(
    kind: str,
    document: Callable[[str], Any],
    secret: str,
    verify: Callable[[str, Request], bool],
    receiver: Receiver,
) -> None:
    receiver.answer = verifying(verify, secret)
    endpoint = imported(document(f"{receiver.url}/in"), kind)
    emit(endpoint, number=7, name="invoice.paid.done" if kind == "hook0" else "invoice.paid")
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"
    (request,) = receiver.requests
    assert endpoint.customer.uid == "acme"
    if kind != "csv":
        assert request.body == b'{"number": 7}'  # as that sender sends it, with nothing around


def test_what_an_endpoint_had_comes_along(receiver: Receiver) -> None:
    endpoint = imported(svix_document(f"{receiver.url}/in"), "svix")
    assert (endpoint.uid, endpoint.event_types, endpoint.headers) == (
        "ep_1srOrx2ZWZBpBUvZwXKQmoEYga2",
        ["invoice.paid"],
        {"x-tenant": "7"},
    )
    assert (endpoint.customer.name, endpoint.customer.metadata) == ("Acme Ltd", {"plan": "pro"})


def test_what_a_convoy_endpoint_had_comes_along(receiver: Receiver) -> None:
    endpoint = imported(convoy_document(f"{receiver.url}/in"), "convoy")
    assert (endpoint.rate_limit, endpoint.timeout_seconds, endpoint.headers) == (10, 10, {"x-api-key": "k3y"})
    assert [secret.hint for secret in endpoint.secrets.all()] == [CONVOY_SECRET[-4:]]  # one ended long ago


def test_what_endpoints_of_outpost_and_hook0_had_comes_along(receiver: Receiver) -> None:
    told = outpost_document(f"{receiver.url}/in", disabled_at="2024-02-01T00:00:00Z")
    endpoint = imported(told, "outpost")
    assert (endpoint.uid, endpoint.customer.name, endpoint.event_types) == ("des_12345", "Acme Ltd", ["invoice.paid"])
    assert endpoint.headers == {"x-api-key": "k3y", "x-outpost-region": "eu"}
    assert (endpoint.state, endpoint.metadata, endpoint.signing) == ("disabled", {"team": "billing"}, "outpost")
    endpoint.delete()
    labels = {"tenant": "acme", "region": "eu"}
    endpoint = imported(hook0_document(f"{receiver.url}/in", labels=labels, is_enabled=False), "hook0")
    assert (endpoint.customer.uid, endpoint.tags, endpoint.state) == ("acme", ["region:eu"], "disabled")
    assert (endpoint.headers, endpoint.metadata) == ({"x-api-key": "k3y"}, {"team": "billing"})


def test_an_endpoint_that_is_imported_paused_holds_what_it_gets_until_it_is_released(receiver: Receiver) -> None:
    from deliveries.services.imports import release_imported

    for item in read_items(table(f"{receiver.url}/in"), format="csv"):
        import_item(item, Way(actor="user:alice", paused=True))
    endpoint = Endpoint.objects.get()
    emit(endpoint, number=1)
    take_turn(endpoint)
    assert (the_delivery(endpoint).state, receiver.requests) == ("held", [])
    assert release_imported(actor="user:alice", cancel_backlog=True) == 1
    assert the_delivery(endpoint).state == "cancelled"
    the_delivery(endpoint).delete()
    emit(endpoint, number=2)
    take_turn(endpoint)
    assert [request.body[-13:] for request in receiver.requests] == [b'{"number": 2}}'[-13:]]
    assert release_imported(actor="user:alice") == 0
