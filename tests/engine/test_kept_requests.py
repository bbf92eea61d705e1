"""Each attempt keeps its request: where it went, its headers, what signed it, how long its phases took, and why."""

from __future__ import annotations

import pytest

from deliveries.models import Endpoint
from deliveries.protocol.sending.request import read_headers
from deliveries.services.endpoints import rotate_secret, update_endpoint
from deliveries.services.resending.redelivery import redeliver
from tests.engine.steps import an_endpoint, attempts_of, emit, let_time_pass, take_turn, the_delivery
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def hints_of(endpoint: Endpoint) -> list[str]:
    return list(endpoint.secrets.order_by("-id").values_list("hint", flat=True))


def test_the_headers_that_are_kept_are_those_that_were_sent(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url + "/hook?a=1", headers={"x-tenant": "7-of-alice"})
    emit(endpoint)
    take_turn(endpoint)
    (attempt,) = attempts_of(the_delivery(endpoint))
    kept = read_headers(attempt.request_headers)
    (sent,) = receiver.requests
    assert attempt.request_url == receiver.url + "/hook?a=1"
    assert kept.pop("x-tenant") == "[hidden]"
    assert sent.header("x-tenant") == "7-of-alice"
    assert kept == {name: sent.header(name) for name in kept}
    assert kept.keys() >= {"webhook-id", "webhook-timestamp", "webhook-signature", "user-agent", "content-type"}
    assert attempt.signed_with.split("\n") == hints_of(endpoint)
    assert attempt.connect_ms is not None
    assert attempt.first_byte_ms is not None
    assert attempt.tls_ms is None


def test_an_attempt_keeps_its_request_when_the_endpoint_changes(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url + "/old")
    emit(endpoint)
    take_turn(endpoint)
    old = hints_of(endpoint)
    update_endpoint(endpoint, {"url": receiver.url + "/new"}, actor="user:alice")
    rotate_secret(endpoint, actor="user:alice")
    redeliver(the_delivery(endpoint), actor="user:carol", reason="they mended it")
    let_time_pass(endpoint)
    take_turn(endpoint)
    first, again = attempts_of(the_delivery(endpoint))
    assert (first.request_url, first.signed_with.split("\n"), first.reason) == (receiver.url + "/old", old, "")
    assert (again.request_url, again.signed_with.split("\n")) == (receiver.url + "/new", hints_of(endpoint))
    assert (again.actor, again.reason) == ("user:carol", "they mended it")
    assert len(hints_of(endpoint)) == 2


def test_a_request_that_nobody_answered_is_kept(receiver_ports: list[int]) -> None:
    endpoint = an_endpoint(f"http://127.0.0.1:{receiver_ports[-1]}/")
    emit(endpoint)
    take_turn(endpoint)
    (attempt,) = attempts_of(the_delivery(endpoint))
    assert (attempt.error, attempt.request_url) == ("connect_refused", endpoint.url)
    assert "webhook-signature: v1," in attempt.request_headers
    assert attempt.first_byte_ms is None


def test_hints_with_a_space_in_them_stay_apart(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, signing="hex_sha256", secret="a long secret of words a b")
    emit(endpoint)
    take_turn(endpoint)
    (attempt,) = attempts_of(the_delivery(endpoint))
    assert attempt.signed_with.split("\n") == [" a b"]
