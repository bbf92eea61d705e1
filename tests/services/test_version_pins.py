"""Pins without HTTP: what a change of an endpoint's version does to it, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from deliveries.errors import InvalidInput
from deliveries.models import ApiVersion, AuditEntry, Customer, Endpoint, Event
from deliveries.protocol.sending.payload import PayloadMode
from deliveries.services.accepting.events import EventDraft, accept_event, send_test_event
from deliveries.services.catalogue import version_table
from deliveries.services.catalogue.api_versions import check_pin, create_version, release_version, save_change
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.endpoint.payload_preview import preview_payloads, tried_shaping
from deliveries.services.endpoints import create_endpoint, update_endpoint

pytestmark = pytest.mark.django_db

URL = "https://93.184.216.34/"


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Versions of other tests are rolled back and not deleted."""
    version_table._forget()
    yield
    version_table._forget()


def a_version(name: str, **change: object) -> ApiVersion:
    """A released version, with which invoice.paid changes where something is said of it."""
    version = create_version({"name": name}, actor="system")
    if change:
        save_change(version, "invoice.paid", change, actor="system")
    release_version(version, actor="system")
    version_table._forget()
    return version


@pytest.fixture
def endpoint() -> Endpoint:
    """An endpoint of before there were versions; there are two since, and an event of each."""
    create_event_type({"name": "invoice.paid", "example": {"amount": 1}}, actor="system")
    customer = Customer.objects.create(name="Alice")
    made = create_endpoint(customer, {"url": URL, "uid": "main"}, actor="system")[0]
    a_version("v1")
    accept_event(EventDraft(type="invoice.paid", data=b'{"amount": 5}', customer_id=customer.id))
    a_version("v2", down="{amount: total.value}", up="{total: {value: amount}}")
    accept_event(EventDraft(type="invoice.paid", data=b'{"total": {"value": 6}}', customer_id=customer.id))
    return made


def bodies(endpoint: Endpoint, **tried: object) -> list[tuple[str, object]]:
    """What the endpoint would be sent, the newest first: the version that is told, and the data."""
    found = preview_payloads(endpoint, tried_shaping(endpoint, {"payload_mode": "data", **tried}))
    return [(each.headers["webhook-version"], orjson.loads(each.body)) for each in found]


def test_a_preview_shows_each_event_in_the_version_that_is_tried(endpoint: Endpoint) -> None:
    assert bodies(endpoint) == [("v1", {"amount": 6}), ("v1", {"amount": 5})]
    assert bodies(endpoint, api_version="v2") == [("v2", {"total": {"value": 6}}), ("v2", {"total": {"value": 5}})]
    assert bodies(endpoint, api_version=None) == bodies(endpoint)
    assert Endpoint.objects.get(pk=endpoint.pk).api_version is None
    with pytest.raises(InvalidInput):
        bodies(endpoint, api_version="v3")


def test_a_preview_of_a_batch_names_the_version_too(endpoint: Endpoint) -> None:
    shaping = tried_shaping(endpoint, {"batch_size": 10, "payload_mode": PayloadMode.DATA})
    (newest, _) = preview_payloads(endpoint, shaping)
    assert newest.headers["webhook-version"] == "v1"
    assert orjson.loads(newest.body)["events"][0]["payload"] == {"amount": 6}


def test_a_changed_pin_is_written_down_and_events_stay_what_they_are(endpoint: Endpoint) -> None:
    before = {each.id: (bytes(each.body), each.api_version) for each in Event.objects.all()}
    update_endpoint(endpoint, {"api_version": "v2"}, actor="user:alice")
    assert bodies(endpoint)[0] == ("v2", {"total": {"value": 6}})
    entry = AuditEntry.objects.filter(action="endpoint.update").latest("id")
    assert entry.detail["fields"] == ["api_version"]
    update_endpoint(endpoint, {"api_version": None}, actor="user:alice")
    assert bodies(endpoint)[0] == ("v1", {"amount": 6})
    assert {each.id: (bytes(each.body), each.api_version) for each in Event.objects.all()} == before


def test_what_is_being_prepared_is_no_version_to_be_pinned_to(endpoint: Endpoint) -> None:
    create_version({"name": "v3"}, actor="system")
    with pytest.raises(InvalidInput) as refused:
        update_endpoint(endpoint, {"api_version": "v3"}, actor="user:alice")
    assert (refused.value.field, refused.value.detail) == (
        "api_version",
        "there is no released version v3; there are v1, v2",
    )
    assert check_pin(None) is None
    assert check_pin("v1") == "v1"


@pytest.mark.parametrize("pin", [None, "v1", "v2"])
def test_a_test_event_is_an_example_of_the_newest_version_or_of_the_endpoints(
    endpoint: Endpoint, pin: str | None
) -> None:
    """Given an example only of the oldest version, then no endpoint is sent one as if it were of another."""
    Endpoint.objects.filter(pk=endpoint.pk).update(api_version=pin)
    endpoint.refresh_from_db()
    sent = Event.objects.get(pk=send_test_event(endpoint, event_type="invoice.paid").event_id)
    if pin == "v2":
        assert b"This is a test event" in bytes(sent.body)
    else:
        assert (sent.api_version, b'"amount":1' in bytes(sent.body)) == (pin, True)
    save_change(ApiVersion.objects.get(name="v2"), "invoice.paid", {"example": {"total": {"value": 3}}}, actor="system")
    version_table._forget()
    sent = Event.objects.get(pk=send_test_event(endpoint, event_type="invoice.paid").event_id)
    assert (sent.api_version, b'"value":3' in bytes(sent.body)) == ("v2", True)
