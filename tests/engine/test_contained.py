"""What is wrong with one lane or one delivery stays there: all other lanes go on."""

from __future__ import annotations

import base64

import pytest
from django.db import connection

from deliveries.engine import judge
from deliveries.models import Attempt, Delivery, Endpoint, EndpointSecret, Event
from deliveries.models.keyring import seal
from deliveries.services.redelivery import redeliver
from tests.engine.steps import Script, an_endpoint, an_engine, emit, rest_seconds, run_until_idle, the_delivery
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

ED25519 = "whsk_" + base64.b64encode(b"s" * 32).decode()


@pytest.fixture
def healthy(receiver: Receiver) -> Endpoint:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    return endpoint


def replace_secret(endpoint: Endpoint, text: bytes) -> None:
    """Give the endpoint another stored secret, whatever it is worth."""
    for secret in EndpointSecret.objects.filter(endpoint=endpoint):
        secret.sealed = seal(text, row_id=secret.id)
        secret.save()


def serve(*endpoints: Endpoint) -> list[object]:
    engine, woken = an_engine(*endpoints)
    run_until_idle(engine)
    return list(woken)


def test_a_lane_whose_secret_does_not_suit_its_signing_rests_and_the_others_go_on(
    receiver: Receiver, healthy: Endpoint
) -> None:
    sick = an_endpoint(receiver.url, signing="github")
    replace_secret(sick, ED25519.encode())
    emit(sick)
    assert serve(sick, healthy) == []
    assert the_delivery(healthy).state == "succeeded"
    assert (the_delivery(sick).state, the_delivery(sick).attempts) == ("pending", 0)
    assert rest_seconds(sick) > 30


def test_settings_that_only_a_later_release_knows_let_that_lane_rest_alone(
    receiver: Receiver, healthy: Endpoint
) -> None:
    """Given a rolling upgrade, and an endpoint that was changed by the new release, then the old one sends others."""
    sick = an_endpoint(receiver.url)
    emit(sick)
    Endpoint.objects.filter(id=sick.id).update(payload_mode="hologram")
    assert serve(sick, healthy) == []
    assert the_delivery(healthy).state == "succeeded"
    assert (the_delivery(sick).state, the_delivery(sick).attempts) == ("pending", 0)
    assert rest_seconds(sick) > 30


def test_a_redelivery_by_hand_to_a_lane_that_cannot_sign_waits_too(receiver: Receiver) -> None:
    sick = an_endpoint(receiver.url, signing="github", retry_schedule=[0])
    receiver.answer = Script(500)
    emit(sick)
    serve(sick)
    replace_secret(sick, ED25519.encode())
    redeliver(the_delivery(sick), actor="user:carol")
    assert serve(sick) == []
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("text", [b"not a secret", b"whsec_AAAA", b"\xff\xfe"])
def test_a_lane_whose_stored_secret_is_no_secret_rests_and_the_others_go_on(
    receiver: Receiver, healthy: Endpoint, text: bytes
) -> None:
    sick = an_endpoint(receiver.url)
    replace_secret(sick, text)
    emit(sick)
    serve(sick, healthy)
    assert the_delivery(healthy).state == "succeeded"
    assert rest_seconds(sick) > 30


def test_a_lane_whose_stored_headers_are_no_headers_rests_and_the_others_go_on(
    receiver: Receiver, healthy: Endpoint
) -> None:
    sick = an_endpoint(receiver.url)
    Endpoint.objects.filter(id=sick.id).update(headers_sealed=seal(b"[1, 2", row_id=sick.id))
    emit(sick)
    serve(sick, healthy)
    assert the_delivery(healthy).state == "succeeded"
    assert rest_seconds(sick) > 30


def test_a_delivery_that_cannot_be_made_a_request_fails_by_its_schedule_and_the_others_go_on(
    receiver: Receiver, healthy: Endpoint
) -> None:
    sick = an_endpoint(receiver.url, payload_mode="thin", retry_schedule=[0])
    broken = emit(sick, number=1)
    emit(sick, number=2)
    Event.objects.filter(id=broken.event_id).update(body=b"no JSON")
    serve(sick, healthy)
    assert the_delivery(healthy).state == "succeeded"
    delivery = Delivery.objects.get(event_id=broken.event_id)
    assert (delivery.state, delivery.error) == ("exhausted", "payload_failed")
    assert Attempt.objects.get(delivery=delivery).status_code is None
    assert Delivery.objects.filter(endpoint=sick, state="succeeded").count() == 1


def test_an_answer_that_cannot_be_judged_is_a_failed_attempt_and_the_others_go_on(
    receiver: Receiver, healthy: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = judge.decide

    def stumble(answer: object, **given: object) -> object:
        if getattr(answer, "status", 0) == 418:
            raise ZeroDivisionError
        return judged(answer, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(judge, "decide", stumble)
    sick = an_endpoint(receiver.url + "/sick", retry_schedule=[0])
    receiver.answer = lambda request: (418 if request.path == "/sick" else 200, {}, b"")
    emit(sick)
    serve(sick, healthy)
    assert the_delivery(healthy).state == "succeeded"
    assert (the_delivery(sick).state, the_delivery(sick).error) == ("exhausted", "protocol_error")


def test_an_endpoint_that_is_gone_when_it_is_to_be_disabled_stops_nobody(receiver: Receiver, healthy: Endpoint) -> None:
    gone = an_endpoint(receiver.url + "/gone")

    def answer(request: object) -> tuple[int, dict[str, str], bytes]:
        if getattr(request, "path", "") != "/gone":
            return 200, {}, b""
        Endpoint.objects.filter(id=gone.id).delete()
        connection.close()
        return 410, {}, b""

    receiver.answer = answer
    emit(gone)
    serve(gone, healthy)
    assert the_delivery(healthy).state == "succeeded"


def test_a_410_of_an_old_url_does_not_disable_the_new_one(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url + "/old")

    def answer(request: object) -> tuple[int, dict[str, str], bytes]:
        Endpoint.objects.filter(id=endpoint.id).update(url=receiver.url + "/new")
        connection.close()
        return 410, {}, b""

    receiver.answer = answer
    emit(endpoint)
    serve(endpoint)
    endpoint.refresh_from_db()
    assert endpoint.state == "enabled"
