"""Payloads of every mode, method and form, as they arrive at a real receiver: read by the CloudEvents SDK and as forms,
verified by Standard Webhooks' own library, and shown as they were sent."""

from __future__ import annotations

import json
from contextlib import suppress
from urllib.parse import parse_qs

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks import Webhook

from deliveries.models import Customer, Endpoint, Event
from deliveries.protocol.checking.signature_check import ReceivedRequest
from deliveries.protocol.events.transformation import PRESETS
from deliveries.protocol.sending.request import kept_body, read_headers, read_method
from deliveries.protocol.writing.ids import EVENT, encode_id
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.bodies.sent_bodies import body_sent
from deliveries.services.bodies.signature_check import check_attempt
from deliveries.services.endpoints import create_endpoint
from tests.engine.steps import attempts_of, take_turn, the_delivery
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)

DATA = b'{"number": 7, "amount": 1.50, "name": "\xc3\x89ric & co"}'


def received(receiver: Receiver, **fields: object) -> tuple[Request, Endpoint]:
    """The request that an endpoint with these settings got; its signature verified, its log looked at."""
    customer = Customer.objects.create(name="Alice & Co")
    endpoint, secret = create_endpoint(customer, {"url": receiver.url, **fields}, actor="user:alice")
    accept_event(EventDraft(type="invoice.paid", data=DATA, customer_id=customer.id))
    take_turn(endpoint)
    request, event = receiver.requests[-1], Event.objects.latest("id")
    with suppress(json.JSONDecodeError):  # of a form: the library reads JSON after the signature was right
        Webhook(secret).verify(request.body, dict(request.headers))
    (attempt,) = attempts_of(the_delivery(endpoint))
    assert read_method(attempt.request_headers) == request.method
    assert body_sent(event, endpoint.shaping) == request.body
    Endpoint.objects.update(
        payload_mode="thin", body_format="json", transformation=""
    )  # changed since: it is found all the same
    check, findings = check_attempt(attempt, event, Endpoint.objects.get(pk=endpoint.pk), ReceivedRequest())
    assert check.is_right, findings
    return request, endpoint


@pytest.mark.parametrize("mode", ["cloudevents_structured", "cloudevents_binary"])
def test_a_cloud_event_is_read_by_its_sdk(receiver: Receiver, mode: str) -> None:
    request, _ = received(receiver, payload_mode=mode)
    event = from_http_event(HTTPMessage(headers=dict(request.headers), body=request.body), JSONFormat())
    stored = Event.objects.latest("id")
    assert event.get_id() == encode_id(EVENT, stored.id) == request.header("webhook-id")
    assert (event.get_type(), event.get_source(), event.get_specversion()) == (
        "invoice.paid",
        "http://127.0.0.1:8000",
        "1.0",
    )
    assert event.get_data() == {"number": 7, "amount": 1.5, "name": "Éric & co"}
    assert event.get_time() is not None
    assert DATA in request.body


def test_a_form_is_read_as_receivers_read_forms(receiver: Receiver) -> None:
    request, _ = received(receiver, body_format="form", payload_mode="data")
    assert request.header("content-type") == "application/x-www-form-urlencoded"
    assert parse_qs(request.body.decode()) == {"number": ["7"], "amount": ["1.50"], "name": ["Éric & co"]}


def test_a_form_of_one_field_holds_the_json(receiver: Receiver) -> None:
    request, _ = received(receiver, body_format="form_payload")
    (payload,) = parse_qs(request.body.decode())["payload"]
    assert json.loads(payload)["data"]["name"] == "Éric & co"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_method_and_a_charset_arrive_as_they_were_asked_for(receiver: Receiver, method: str) -> None:
    charset = "application/json; charset=utf-8"
    request, _ = received(receiver, method=method, headers={"content-type": charset})
    assert (request.method, request.header("content-type")) == (method, charset)
    assert DATA in request.body


def test_an_event_that_a_form_cannot_hold_ends_as_an_attempt_that_says_why(receiver: Receiver) -> None:
    customer = Customer.objects.create(name="Alice & Co")
    fields = {"url": receiver.url, "body_format": "form", "retry_schedule": [0]}
    endpoint, _ = create_endpoint(customer, fields, actor="user:alice")
    accept_event(EventDraft(type="a.b", data=b'{"a":' * 30 + b"1" + b"}" * 30, customer_id=customer.id))
    take_turn(endpoint)
    delivery = the_delivery(endpoint)
    (attempt,) = attempts_of(delivery)
    assert (delivery.state, attempt.error, attempt.status_code) == ("exhausted", "payload_failed", None)
    assert attempt.detail == "a form nests at most 20 deep"
    assert receiver.requests == []


def test_a_slack_webhook_gets_a_message_that_is_signed_logged_and_shown(receiver: Receiver) -> None:
    """Given a receiver that takes what Slack's incoming webhooks take and nothing else."""
    receiver.answer = as_slack
    request, endpoint = received(receiver, transformation=PRESETS["slack"].text)
    delivery = the_delivery(endpoint)
    assert delivery.state == "succeeded"
    message = json.loads(request.body)
    assert message["text"] == "invoice.paid"
    assert "Éric & co" in message["blocks"][0]["text"]["text"]
    (attempt,) = attempts_of(delivery)
    assert kept_body(attempt.request_headers) == request.body
    assert dict(request.headers)["webhook-id"] == read_headers(attempt.request_headers)["webhook-id"]


def as_slack(request: Request) -> Answer:
    try:
        message = json.loads(request.body)
    except ValueError:
        return 400, {}, b"invalid_payload"
    known = {"text", "blocks", "attachments", "mrkdwn", "thread_ts", "unfurl_links"}
    is_fine = isinstance(message, dict) and isinstance(message.get("text"), str) and message.keys() <= known
    texts = [block["text"] for block in message.get("blocks", ())] if is_fine else []
    is_fine = is_fine and all(each["type"] == "plain_text" and 0 < len(each["text"]) <= 3000 for each in texts)
    return (200, {}, b"ok") if is_fine else (400, {}, b"invalid_blocks")
