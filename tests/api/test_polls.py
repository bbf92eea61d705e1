"""Polling over REST: what comes, what is refused, who may, and that those who wait take nobody's place."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from deliveries.api import polls
from deliveries.metrics import names
from deliveries.models import Attempt, PollLease
from deliveries.protocol.sending.polled import POLLED_URL
from deliveries.services.endpoint.poll_waits import poll_waits
from deliveries.services.process import drain
from deliveries.services.process.shares import requests_and_pages
from tests.api.conftest import Answer, Caller, Tenant, caller_with
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db(transaction=True)

POLL = "/customers/alice/endpoints/line/poll"
NO_WAIT = {"wait_seconds": 0}


@pytest.fixture
def poller(ops: Caller, alice: Tenant) -> Caller:
    """A key that may poll and nothing else; Alice has an endpoint to be polled."""
    made = ops.post("/customers/alice/endpoints", {"url": POLLED_URL, "uid": "line", "event_types": ["order.*"]})
    assert made.status == 201, made.raw
    return caller_with("deliveries:poll", customer=alice.customer, name="poller")


def emit(ops: Caller, number: int = 1) -> str:
    return str(ops.post("/events", {"customer": "alice", "type": "order.paid", "data": {"n": number}}).json["id"])


def test_a_poller_takes_and_answers_with_a_key_for_that_alone(ops: Caller, alice: Tenant, poller: Caller) -> None:
    event = emit(ops)
    answer = poller.post(POLL, {"max": 5, "lease_seconds": 30, **NO_WAIT})
    assert (answer.status, answer.json["endpoint_state"], answer.json["again_in_seconds"]) == (200, "enabled", 0)
    (message,) = answer.json["messages"]
    assert (message["event"], message["headers"]["webhook-id"], message["attempt"]) == (event, event, 1)
    assert (message["method"], '"data":{"n":1}' in message["body"].replace(" ", "")) == ("POST", True)
    emit(ops, 2)
    (second,) = poller.post(POLL, NO_WAIT).json["messages"]
    told = {"acknowledged": [message["lease"]], "refused": [{"lease": second["lease"], "reason": "no such order"}]}
    assert poller.post(f"{POLL}/answers", told).json == {"recorded": 2, "over": []}
    assert poller.post(f"{POLL}/answers", told).json["over"] == sorted([message["lease"], second["lease"]])
    attempts = ops.get(f"/deliveries/{second['delivery']}/attempts").json["results"]
    assert [(each["status_code"], each["response_body"]) for each in attempts] == [(422, "no such order")]
    assert poller.get("/customers/alice/endpoints/line").status == 403
    reader = caller_with("read", "manage", customer=alice.customer, name="reader")
    assert reader.post(POLL, NO_WAIT).status == 403


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        (POLL, {"max": 0}, "/max"),
        (POLL, {"max": 101}, "/max"),
        (POLL, {"wait_seconds": 21}, "/wait_seconds"),
        (POLL, {"lease_seconds": 0}, "/lease_seconds"),
        (POLL, {"lease": 5}, "/lease"),
        (f"{POLL}/answers", {}, "/acknowledged"),
        (f"{POLL}/answers", {"acknowledged": ["att_01m7xrh3m4f64af0n940sfkm51"]}, "/acknowledged/0"),
        (f"{POLL}/answers", {"acknowledged": ["lse_01m7xrh3m4f64af0n940sfkm51"] * 2}, "/acknowledged"),
        (f"{POLL}/answers", {"refused": [{"lease": "lse_01m7xrh3m4f64af0n940sfkm51", "reason": "a\0b"}]}, "/refused"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_member(
    poller: Caller, path: str, body: dict[str, object], pointer: str
) -> None:
    answer = poller.post(path, body)
    assert answer.status in (400, 422), answer.raw
    assert any(each.startswith(pointer) for each in answer.pointers()), answer.raw


def test_an_endpoint_that_is_sent_to_is_not_polled_and_anothers_lease_is_over(
    ops: Caller, alice: Tenant, bob: Tenant, poller: Caller
) -> None:
    sent_to = poller.post("/customers/alice/endpoints/main/poll", NO_WAIT)
    assert (sent_to.status, POLLED_URL in sent_to.json["detail"]) == (409, True)
    emit(ops)
    (message,) = poller.post(POLL, NO_WAIT).json["messages"]
    ops.post("/customers/bob/endpoints", {"url": POLLED_URL, "uid": "line"})
    bobs = bob.caller.post("/customers/bob/endpoints/line/poll/answers", {"acknowledged": [message["lease"]]})
    assert bobs.json == {"recorded": 0, "over": [message["lease"]]}
    assert (PollLease.objects.count(), Attempt.objects.count()) == (1, 0)


@contextmanager
def polling(poller: Caller, *, number: int = 1) -> Iterator[list[Answer]]:
    """Polls that wait for as long as they may, and their answers at the end."""
    answers: list[Answer] = []

    def poll() -> None:
        try:
            answers.append(poller.post(POLL))
        finally:
            connection.close()

    threads = [threading.Thread(target=poll) for _ in range(number)]
    for thread in threads:
        thread.start()
    wait_until(lambda: poll_waits.waiting() == number)
    yield answers
    for thread in threads:
        thread.join()


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_a_poll_waits_for_an_event_without_holding_a_place_and_one_too_many_is_answered_at_once(
    ops: Caller, alice: Tenant, poller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given as many waiting as may, then a further one has its answer at once, and an event ends one wait early."""
    monkeypatch.setattr(SETTINGS, "web_threads", 32)
    monkeypatch.setattr(polls, "WAIT_SECONDS", 600)
    with polling(poller, number=2) as answers:
        wait_until(lambda: not requests_and_pages.under_way())
        further = poller.post(POLL)
        assert (further.json["messages"], further.json["again_in_seconds"]) == ([], 1)
        assert list(names.POLLS_WAITING.samples()) == [("", 2)]
        emit(ops)
        wait_until(lambda: bool(answers))
        assert len(answers[0].json["messages"]) == 1
        emit(ops)
    assert sorted(len(each.json["messages"]) for each in answers) == [1, 1]
    assert (poll_waits.waiting(), list(names.POLLS_WAITING.samples())) == (0, [("", 0)])


def test_a_process_that_is_about_to_end_lets_nobody_wait(poller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polls, "WAIT_SECONDS", 600)
    try:
        with polling(poller) as answers:
            drain.begin()
    finally:
        drain.forget()
    assert [(each.json["messages"], each.json["again_in_seconds"]) for each in answers] == [([], 1)]
