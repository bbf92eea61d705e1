"""Challenges: a new URL answers before it gets anything else, whatever somebody answers there."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from deliveries.engine.backlogs import release_backlogs
from deliveries.engine.leases import Leases
from deliveries.errors import Conflict
from deliveries.models import Attempt, Challenge, Customer, Delivery, DueDelivery, Endpoint
from deliveries.protocol.answers.challenge import UNVERIFIED
from deliveries.protocol.imports.item import ImportItem
from deliveries.protocol.sending.inbox import INBOX_URLS, InboxAnswer
from deliveries.protocol.sending.polled import POLLED_URL
from deliveries.services import challenge_rounds
from deliveries.services.challenge_rounds import run_challenges
from deliveries.services.common import clock
from deliveries.services.endpoint.challenges import ask_again
from deliveries.services.endpoints import (
    delete_endpoint,
    disable_endpoint,
    pause_endpoint,
    resume_endpoint,
    update_endpoint,
)
from deliveries.services.imports import Way, import_item
from deliveries.services.resending.redelivery import redeliver
from tests.engine.steps import an_endpoint, attempts_of, emit, take_turn
from tests.pages.conftest import logged_in
from tests.receiver import Answer, Receiver, Request
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db(transaction=True)

TRANSFORMED = {"transformation": "{challenge: data.challenge}", "payload_mode": "data", "method": "PUT"}


def answer_it(request: Request) -> Answer:
    """A receiver that knows both challenges."""
    if request.method == "OPTIONS":
        return 200, {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "30"}, b""
    data = json.loads(request.body).get("data", {})
    return 200, {"content-type": "application/json"}, json.dumps({"challenge": data.get("challenge")}).encode()


def value_alone(request: Request) -> Answer:
    return 200, {"content-type": "text/plain"}, json.loads(request.body)["data"]["challenge"].encode() + b"\n"


def echo(request: Request) -> Answer:
    return 200, {"content-type": "application/json"}, request.body


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "challenge", "own")


def ask(endpoint: Endpoint) -> Challenge:
    """It is asked, answers, and that is looked at."""
    Challenge.objects.filter(endpoint=endpoint).exclude(next_at=None).update(next_at=clock.likely_now())
    run_challenges()
    take_turn(endpoint)
    run_challenges()
    endpoint.refresh_from_db()
    return Challenge.objects.get(endpoint=endpoint)


def test_urls_that_are_not_tried_yet_keep_no_answer_from_being_looked_at(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given more questions that wait for their attempt than are looked at at once, then who has answered goes on."""
    monkeypatch.setattr(challenge_rounds, "ROUND_LIMIT", 2)
    receiver.answer = answer_it
    waiting = [an_endpoint(receiver.url) for _ in range(2)]
    run_challenges()
    answers = an_endpoint(receiver.url)
    assert ask(answers).state == "verified"
    assert set(Challenge.objects.filter(endpoint__in=waiting).values_list("state", flat=True)) == {"waiting"}


def test_a_new_endpoint_holds_its_deliveries_until_its_url_answers(receiver: Receiver) -> None:
    """Given a new endpoint with events, when its URL returns the value, then what it holds is sent, and only then."""
    receiver.answer = answer_it
    endpoint = an_endpoint(receiver.url, **TRANSFORMED)
    emit(endpoint)
    delivery = Delivery.objects.get(event_type="invoice.paid")
    assert (endpoint.state, endpoint.state_reason, delivery.state) == ("paused", UNVERIFIED, "held")
    assert ask(endpoint).state == "verified"
    asked = receiver.requests[0]
    assert (asked.method, len(receiver.requests)) == ("POST", 1)
    assert asked.header("webhook-signature")
    assert json.loads(asked.body)["type"] == "hookpost.challenge"  # as it is, whatever the endpoint makes of events
    assert (endpoint.state, endpoint.unverified) == ("enabled", None)
    release_backlogs()
    take_turn(endpoint)
    delivery.refresh_from_db()
    assert (delivery.state, len(receiver.requests)) == ("succeeded", 2)
    assert not DueDelivery.objects.exists()


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (lambda request: (204, {}, b""), "it answered, but not with the value of the challenge"),
        (echo, "it sent the request back"),
        (lambda request: (302, {"location": "/"}, b""), "The endpoint answered with a redirect"),
        (lambda request: (500, {}, b""), "The endpoint failed while handling the request (500)"),
        (lambda request: (200, {}, b"[" * 20_000), "it answered, but not with the value"),
        (lambda request: (200, {}, b'{"challenge": null}'), "it answered, but not with the value"),
        (lambda request: (200, {}, b"x" * 3_000_000), "it answered, but not with the value"),
    ],
    ids=["nothing", "echo", "redirect", "failure", "nested", "null", "flood"],
)
def test_what_is_no_answer_ends_with_a_sentence(
    answer: Callable[[Request], Answer], detail: str, receiver: Receiver
) -> None:
    receiver.answer = answer
    endpoint = an_endpoint(receiver.url)
    asked = ask(endpoint)
    assert (asked.state, endpoint.state, len(receiver.requests)) == ("waiting", "paused", 1)
    assert asked.detail.startswith(detail)
    assert attempts_of(Delivery.objects.get())[0].reason
    assert not DueDelivery.objects.exists()  # nothing of it is left to be sent
    receiver.answer = value_alone
    assert ask(endpoint).state == "verified"


def test_a_url_that_hangs_ends_at_the_deadline(receiver: Receiver) -> None:
    release = threading.Event()
    receiver.answer = lambda request: (release.wait(30), (204, {}, b""))[1]
    endpoint = an_endpoint(receiver.url, timeout_seconds=1)
    run_challenges()
    take_turn(endpoint)
    run_challenges()
    release.set()
    assert Challenge.objects.get().detail.startswith("The endpoint did not answer before the deadline")


def test_cloudevents_permission_is_asked_for_and_its_rate_heeded(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SETTINGS, "challenge", "cloudevents")
    monkeypatch.setattr(SETTINGS, "base_url", "https://Hooks.example:8443")
    receiver.answer = lambda request: (200, {"WebHook-Allowed-Origin": "other.example"}, b"")
    endpoint = an_endpoint(receiver.url, rate_limit=5)
    assert ask(endpoint).detail == "it allows another origin than hooks.example"
    receiver.answer = answer_it
    assert ask(endpoint).state == "verified"
    assert [request.method for request in receiver.requests] == ["OPTIONS", "OPTIONS"]
    assert receiver.requests[0].header("webhook-request-origin") == "hooks.example"
    assert receiver.requests[0].body == b""
    emit(endpoint)
    lane = Leases().take([endpoint.id], room=10, now=0.0)[0][0]
    assert (endpoint.allowed_rate, lane.endpoint.rate_limit, lane.endpoint.shaping) == (30, 0.5, None)


def test_either_challenge_will_do(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "challenge", "either")
    receiver.answer = lambda request: answer_it(request) if request.method == "OPTIONS" else (204, {}, b"")
    endpoint = an_endpoint(receiver.url)
    assert ask(endpoint).state == "waiting"
    assert ask(endpoint).state == "verified"
    assert [request.method for request in receiver.requests] == ["POST", "OPTIONS"]


def test_nothing_else_reaches_a_url_that_has_not_answered(receiver: Receiver) -> None:
    """Given an endpoint with a log, when it is pointed elsewhere, then no redelivery goes there, nor a test event."""
    receiver.answer = answer_it
    endpoint = an_endpoint(receiver.url)
    ask(endpoint)
    emit(endpoint)
    take_turn(endpoint)
    delivery = Delivery.objects.get(event_type="invoice.paid")
    redeliver(delivery, actor="user:eve")  # before the change, and still due after it
    receiver.requests.clear()
    update_endpoint(endpoint, {"url": receiver.url.replace("127.0.0.1", "localhost")}, actor="user:eve")
    assert (endpoint.state, endpoint.unverified) == ("paused", "own")
    take_turn(endpoint)
    with pytest.raises(Conflict, match="has yet to answer"):
        resume_endpoint(endpoint, actor="user:eve")
    with pytest.raises(Conflict, match="has yet to answer"):
        update_endpoint(endpoint, {"state": "enabled"}, actor="user:eve")
    assert receiver.requests == []
    last = Attempt.objects.filter(delivery=delivery).order_by("-id")[0]
    assert (last.error, last.actor) == ("unverified", "user:eve")


def test_an_answer_of_the_url_before_proves_nothing_of_the_next(receiver: Receiver) -> None:
    receiver.answer = answer_it
    endpoint = an_endpoint(receiver.url)
    run_challenges()
    take_turn(endpoint)  # answered, and not looked at yet
    before = Challenge.objects.get()
    update_endpoint(endpoint, {"url": receiver.url.replace("127.0.0.1", "localhost")}, actor="user:eve")
    Challenge.objects.update(delivery_id=before.delivery_id, value=before.value)  # as a round between the two would
    run_challenges()
    endpoint.refresh_from_db()
    assert endpoint.unverified == "own"


def test_another_path_is_asked_only_where_the_first_has_not_answered(receiver: Receiver) -> None:
    receiver.answer = lambda request: (404, {}, b"")
    endpoint = an_endpoint(f"{receiver.url}/typo")
    ask(endpoint)
    receiver.answer = answer_it
    update_endpoint(endpoint, {"url": f"{receiver.url}/hooks", "state": "enabled"}, actor="user:alice")
    assert ask(endpoint).tries == 1
    update_endpoint(endpoint, {"url": f"{receiver.url}/other"}, actor="user:alice")
    assert (endpoint.state, endpoint.unverified) == ("enabled", None)


def test_after_a_while_it_is_asked_only_when_somebody_wants_it(receiver: Receiver) -> None:
    receiver.answer = lambda request: (404, {}, b"")
    endpoint = an_endpoint(receiver.url)
    ask(endpoint)
    with pytest.raises(Conflict, match="moment ago"):
        ask_again(endpoint, actor="user:alice")
    while (asked := ask(endpoint)).state == "waiting":
        pass
    assert (asked.state, asked.tries, asked.next_at) == ("failed", 6, None)
    Challenge.objects.update(asked_at=clock.likely_now() - timedelta(minutes=1))
    receiver.answer = answer_it
    ask_again(endpoint, actor="user:alice")
    assert ask(endpoint).state == "verified"
    with pytest.raises(Conflict, match="nothing to answer"):
        ask_again(endpoint, actor="user:alice")


def test_who_paused_or_disabled_it_is_not_overruled(receiver: Receiver) -> None:
    receiver.answer = answer_it
    paused, disabled, resumed = (an_endpoint(receiver.url) for _ in range(3))
    for each in (paused, resumed):
        pause_endpoint(each, actor="user:bob", reason="maintenance")
    disable_endpoint(disabled, actor="user:bob")
    resume_endpoint(resumed, actor="user:bob")
    states = [(ask(each).state, each.state) for each in (paused, disabled, resumed)]
    assert states == [("verified", "paused"), ("verified", "disabled"), ("verified", "enabled")]
    delete_endpoint(paused, actor="user:bob")
    assert not Challenge.objects.filter(endpoint=paused).exists()


def test_polled_inboxes_and_those_before_the_setting_are_asked_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SETTINGS, "challenge", "off")
    early = an_endpoint(receiver.url)
    monkeypatch.setattr(SETTINGS, "challenge", "own")
    update_endpoint(early, {"description": "known"}, actor="user:alice")
    asked_nothing = (early, an_endpoint(POLLED_URL), an_endpoint(INBOX_URLS[InboxAnswer.OK]))
    assert {each.state for each in asked_nothing} == {"enabled"}
    assert not Challenge.objects.exists()


def test_without_the_setting_those_that_wait_go_on(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = an_endpoint(receiver.url)
    monkeypatch.setattr(SETTINGS, "challenge", "off")
    assert run_challenges() == 0
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.unverified) == ("enabled", None)


@pytest.mark.parametrize("verified", [False, True])
def test_an_import_says_whether_urls_are_known(verified: bool, receiver: Receiver) -> None:
    Customer.objects.create(name="Alice & Co", uid="alice")
    item = ImportItem(place="1", kind="endpoint", uid="main", customer="alice", fields={"url": receiver.url})
    import_item(item, Way(actor="user:root", verified=verified))
    assert Endpoint.objects.get().state == ("enabled" if verified else "paused")


def test_a_customer_that_moves_away_keeps_no_other_waiting(receiver: Receiver) -> None:
    receiver.answer = answer_it
    moving, other = an_endpoint(receiver.url), an_endpoint(receiver.url)
    run_challenges()
    take_turn(moving)
    take_turn(other)
    Customer.objects.filter(id=moving.customer_id).update(moving="closed")
    run_challenges()
    found = {each.endpoint_id: each.state for each in Challenge.objects.all()}
    assert found == {moving.id: "waiting", other.id: "verified"}


def test_the_page_says_how_it_stands_and_asks_again(receiver: Receiver) -> None:
    receiver.answer = echo
    endpoint = an_endpoint(receiver.url)
    browser = logged_in(User.objects.create_superuser("root"))
    place = f"/admin/deliveries/endpoint/{endpoint.public_id}/"
    assert "is about to be asked" in browser.get(f"{place}change/").content.decode()
    ask(endpoint)
    page = browser.get(f"{place}change/").content.decode()
    assert "Its URL is asked again at" in page
    assert "it sent the request back" in page
    Challenge.objects.update(asked_at=clock.likely_now() - timedelta(minutes=1))
    assert "load this page in a moment" in browser.post(f"{place}verify/", follow=True).content.decode()
    receiver.answer = answer_it
    ask(endpoint)
    assert "answered the challenge at" in browser.get(f"{place}change/").content.decode()
