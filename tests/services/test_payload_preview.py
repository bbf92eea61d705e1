"""What would be sent of the last events: bounded, of the customer's own, and as it is really made."""

from __future__ import annotations

import pytest

from deliveries.errors import InvalidInput
from deliveries.models import Customer, Endpoint
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.endpoint.payload_preview import SHOWN_BYTES, preview_payloads, tried_shaping

pytestmark = pytest.mark.django_db


def a_customer(name: str, *data: bytes) -> Customer:
    """A customer with these events, oldest first."""
    customer = Customer.objects.create(name=name)
    for each in data:
        accept_event(EventDraft(type="invoice.paid", data=each, customer_id=customer.id))
    return customer


def test_only_the_customers_own_events_are_looked_at_the_newest_first() -> None:
    a_customer("Bob", b'{"n":100}')
    endpoint = Endpoint(customer=a_customer("Alice", b'{"n":1}', b'{"n":2}', b'{"n":3}'))
    found = preview_payloads(endpoint, tried_shaping(endpoint, {"transformation": "data.n"}), limit=2)
    assert [each.body for each in found] == [b"3", b"2"]
    assert preview_payloads(Endpoint(customer=a_customer("Carol")), tried_shaping(endpoint, {})) == []


def test_a_large_body_is_shown_in_its_beginning_and_one_that_cannot_be_made_by_its_error() -> None:
    deep = b'{"a":' * 30 + b"1" + b"}" * 30
    endpoint = Endpoint(customer=a_customer("Alice", b'{"text":"%b"}' % (b"x" * 30_000), deep))
    none, large = preview_payloads(endpoint, tried_shaping(endpoint, {"body_format": "form"}))
    assert (none.error, none.body) == ("payload_failed", b"")
    assert (len(large.shown), large.is_truncated, large.error) == (SHOWN_BYTES, True, "")
    assert large.headers == {"content-type": "application/x-www-form-urlencoded"}


def test_settings_are_tried_in_place_of_the_endpoints_and_refused_as_it_would_refuse_them() -> None:
    endpoint = Endpoint(method="PATCH", transformation="data", header_names=["content-type"])
    assert tried_shaping(endpoint, {}) == endpoint.shaping
    assert tried_shaping(endpoint, {"transformation": ""}).transformation == ""
    assert tried_shaping(endpoint, {"preset": "teams", "transformation": "x"}).transformation.startswith("{type:")
    for fields, field in [
        ({"method": "GET"}, "method"),
        ({"body_format": "form"}, "headers"),
        ({"payload_mode": "thin"}, "transformation"),
        ({"preset": "irc"}, "preset"),
    ]:
        with pytest.raises(InvalidInput) as refused:
            tried_shaping(endpoint, fields)
        assert refused.value.field == field
    assert endpoint.method == "PATCH"


def test_an_endpoint_with_batches_is_shown_what_it_gets_of_one_event() -> None:
    endpoint = Endpoint(customer=a_customer("Alice", b'{"n":1}'), batch_size=20, payload_mode="data")
    (found,) = preview_payloads(endpoint, tried_shaping(endpoint, {}))
    assert found.body == b'{"events":[{"id":"%b","payload":{"n":1}}]}' % found.event.public_id.encode()
    with pytest.raises(InvalidInput):
        tried_shaping(endpoint, {"body_format": "form"})
