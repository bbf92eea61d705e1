"""Endpoints that are polled: leases, answers and lapses are attempts like all others."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import orjson
import psycopg
import pytest
from django.db import connection
from django.db.models.functions import Now
from standardwebhooks import Webhook

from deliveries.engine import poll_messages, polls
from deliveries.engine.agenda import ZERO
from deliveries.engine.leases import Leases
from deliveries.engine.poll_messages import PollMessage, poll
from deliveries.errors import Conflict, InvalidInput, Unavailable
from deliveries.models import Alert, Attempt, Customer, Delivery, Endpoint, EndpointSecret, Event, Lane, PollLease
from deliveries.models.keyring import unseal
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.events.event_data import ERASED
from deliveries.protocol.sending.polled import POLLED_URL, acknowledged, refused
from deliveries.services.endpoints import delete_endpoint, pause_endpoint, update_endpoint
from deliveries.services.resending.redelivery import redeliver
from tests.engine.steps import (
    an_endpoint,
    attempts_of,
    by_hand,
    due_seconds,
    emit,
    let_time_pass,
    rest_seconds,
    take_turn,
    the_delivery,
)

pytestmark = pytest.mark.django_db(transaction=True)


def a_polled(**fields: Any) -> Endpoint:
    return an_endpoint(POLLED_URL, **fields)


def take(endpoint: Endpoint, most: int = 100) -> list[PollMessage]:
    return poll(endpoint, most=most, lease_seconds=600)


def answer(endpoint: Endpoint, *messages: PollMessage, with_: Answer | None = None) -> int:
    """How many of these were over."""
    return len(polls.answer_leases(endpoint.id, {each.lease.id: with_ or acknowledged() for each in messages}))


def end_leases() -> int:
    """The time of all leases is over, and the dispatcher looks."""
    PollLease.objects.update(until=Now() - timedelta(seconds=1))
    return polls.end_lapsed()


def numbers(messages: list[PollMessage]) -> list[int]:
    return [orjson.loads(each.body)["data"]["number"] for each in messages]


def shown(delivery: Delivery) -> list[tuple[int | None, int | None, str]]:
    return [(each.number, each.status_code, each.error) for each in attempts_of(delivery)]


def test_what_is_due_comes_signed_as_it_would_have_been_posted_and_an_acknowledgement_ends_it() -> None:
    """Given a delivery, then engines leave it alone, a poller gets it once, and the log has what it was given."""
    endpoint = a_polled(headers={"X-Own": "very secret value"})
    emit(endpoint)
    take_turn(endpoint)
    assert Leases().find(after=ZERO, probes=10, limit=10, slow=None) == []
    (message,) = take(endpoint)
    assert take(endpoint) == [], "a delivery that is out is nobody else's"
    headers, secret = dict(message.headers), EndpointSecret.objects.get()
    key = unseal(bytes(secret.sealed), row_id=secret.id).decode()
    assert Webhook(key).verify(message.body.encode(), headers) == orjson.loads(message.body)
    assert headers["x-own"] == "very secret value"
    assert answer(endpoint, message) == 0
    delivery = the_delivery(endpoint)
    (attempt,) = attempts_of(delivery)
    assert (delivery.state, delivery.attempts, attempt.status_code, attempt.number) == ("succeeded", 1, 204, 1)
    assert f"webhook-signature: {headers['webhook-signature']}" in attempt.request_headers
    assert "very secret" not in attempt.request_headers
    assert answer(endpoint, message) == 1, "an answer that comes twice changes nothing"
    assert len(attempts_of(delivery)) == 1


def test_what_is_queued_at_the_very_moment_of_an_erase_is_given_to_nobody() -> None:
    endpoint = a_polled()
    emit(endpoint)
    Event.objects.update(body=ERASED)
    assert take(endpoint) == []
    delivery = the_delivery(endpoint)
    assert (delivery.state, delivery.error) == ("cancelled", "event_erased")


def test_a_refusal_is_tried_again_by_the_schedule_and_a_lapse_too_until_it_is_given_up() -> None:
    endpoint = a_polled(retry_schedule=[0, 100, 200, 300])
    emit(endpoint)
    answer(endpoint, *take(endpoint), with_=refused("no such order"))
    delivery = the_delivery(endpoint)
    (attempt,) = attempts_of(delivery)
    assert (bytes(attempt.response_body), delivery.state) == (b"no such order", "pending")
    assert 50 < due_seconds(delivery) <= 120
    assert take(endpoint) == []
    let_time_pass(endpoint)
    answer(endpoint, *take(endpoint), with_=refused("", retry_after=5000))
    assert 4000 < due_seconds(delivery) <= 5000
    let_time_pass(endpoint)
    late = take(endpoint)
    assert end_leases() == 1
    assert answer(endpoint, *late) == 1, "too late: it is another's by now"
    let_time_pass(endpoint)
    again = take(endpoint)
    assert [dict(each.headers)["webhook-id"] for each in again] == [dict(each.headers)["webhook-id"] for each in late]
    end_leases()
    delivery.refresh_from_db()
    assert shown(delivery) == [
        (1, 422, "http_4xx"),
        (2, 422, "http_4xx"),
        (3, None, "poll_lapsed"),
        (4, None, "poll_lapsed"),
    ]
    assert (delivery.state, Lane.objects.get(endpoint=endpoint).failing_since is None) == ("exhausted", False)
    assert not PollLease.objects.exists()
    redeliver(delivery, actor="user:carol", reason="it is there again")
    (by_hand,) = take(endpoint)
    assert (by_hand.number, answer(endpoint, by_hand)) == (None, 0)
    delivery.refresh_from_db()
    assert delivery.state == "succeeded"
    emit(endpoint)
    answer(endpoint, *take(endpoint), with_=refused("", give_up=True))
    assert Delivery.objects.filter(state="cancelled").count() == 1


def test_an_ordered_endpoint_gives_one_at_a_time_in_order_and_goes_on_when_one_is_given_up() -> None:
    endpoint = a_polled(ordered=True, retry_schedule=[0, 50])
    for number in range(3):
        emit(endpoint, number=number)
    first = take(endpoint)
    assert (numbers(first), numbers(take(endpoint))) == ([0], [])
    answer(endpoint, *first, with_=refused("not now"))
    assert take(endpoint) == [], "nothing overtakes the one that is to be tried again"
    assert rest_seconds(endpoint) > 20
    let_time_pass(endpoint)
    assert numbers(take(endpoint)) == [0]
    end_leases()
    for number in (1, 2):
        messages = take(endpoint)
        assert numbers(messages) == [number]
        answer(endpoint, *messages)


def test_what_an_ordered_endpoint_set_aside_has_its_turn_among_the_others() -> None:
    """Given a delivery that is set aside, then the next goes at once, and it is tried again though more come."""
    endpoint = a_polled(ordered=True, set_aside_after=1, retry_schedule=[0, 50])
    for number in range(12):
        emit(endpoint, number=number)
    answer(endpoint, *take(endpoint), with_=refused("a poison"))
    let_time_pass(endpoint)
    seen: list[int] = []
    while messages := take(endpoint):
        seen += numbers(messages)
        answer(endpoint, *messages)
    assert seen.index(0) < 8
    assert [number for number in seen if number] == list(range(1, 12))


def test_no_more_is_out_than_may_be_in_flight_and_no_faster_than_the_rate() -> None:
    endpoint = a_polled(max_in_flight=3)
    for number in range(6):
        emit(endpoint, number=number)
    first = take(endpoint, 2)
    assert numbers(first + take(endpoint)) == [0, 1, 2]
    assert take(endpoint) == []
    answer(endpoint, *first)
    assert numbers(take(endpoint)) == [3, 4]
    slow = a_polled(rate_limit=1)
    for number in range(3):
        emit(slow, number=number)
    assert numbers(take(slow)) == [0]


def test_two_pollers_side_by_side_get_each_delivery_once() -> None:
    """Given pollers at the same moment, of which one goes away without an answer, then nothing is out twice or lost."""
    endpoint = a_polled(max_in_flight=100)
    for number in range(40):
        emit(endpoint, number=number)
    taken: list[int] = []
    start = threading.Barrier(4)

    def drain() -> None:
        start.wait()
        try:
            while messages := take(endpoint, 3):
                taken.extend(numbers(messages))
                if len(messages) > 1:
                    answer(endpoint, *messages[1:])  # the first of them never
        finally:
            connection.close()

    threads = [threading.Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(taken) == dict.fromkeys(range(40), 1)
    left = PollLease.objects.count()
    assert Delivery.objects.filter(state="succeeded").count() == 40 - left > 0
    assert (end_leases(), Attempt.objects.count()) == (left, 40)


def test_a_poller_that_dies_amid_its_poll_leaves_everything_due_or_leased(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a process that ends before its leases are stored, or after, then the next one gets it now, or by time."""
    endpoint = a_polled(retry_schedule=[0, 0])
    emit(endpoint)

    class Killed(BaseException):
        pass

    def die(*args: object, **kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(polls, "record_outcomes", die)
        with pytest.raises(Killed):
            take(endpoint)
    assert not PollLease.objects.exists()
    with monkeypatch.context() as patched:
        patched.setattr(poll_messages, "keep_headers", die)
        with pytest.raises(Killed):
            take(endpoint)
    assert take(endpoint) == []
    end_leases()
    (message,) = take(endpoint)
    answer(endpoint, message)
    assert shown(the_delivery(endpoint)) == [(1, None, "poll_lapsed"), (2, 204, "")]


def test_a_paused_endpoint_gives_nothing_but_redeliveries_and_a_deleted_one_has_nothing_out() -> None:
    endpoint = a_polled()
    emit(endpoint)
    emit(endpoint)
    (out,) = take(endpoint, 1)
    pause_endpoint(endpoint, actor="user:alice")
    assert take(endpoint) == []
    assert answer(endpoint, out) == 0
    delivery = Delivery.objects.get(state="succeeded")
    redeliver(delivery, actor="user:carol")
    assert len(take(endpoint)) == 1
    delete_endpoint(endpoint, actor="user:alice")
    assert not PollLease.objects.exists()


def test_what_cannot_be_made_ends_as_an_attempt_and_what_cannot_be_signed_is_told() -> None:
    endpoint = a_polled(transformation="data.nothing", retry_schedule=[0])
    emit(endpoint)
    assert take(endpoint) == []
    assert (the_delivery(endpoint).state, the_delivery(endpoint).error) == ("exhausted", "transformation_failed")
    update_endpoint(endpoint, {"transformation": "{n: data.number}"}, actor="user:alice")
    emit(endpoint, number=7)
    (message,) = take(endpoint)
    assert message.body == '{"n":7}'
    EndpointSecret.objects.all().delete()
    with pytest.raises(Conflict, match="no secret"):
        take(endpoint)


def test_what_cannot_be_made_for_want_of_anything_here_stays_due_without_an_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given an evaluator that nobody can ask after the first event, then the others come with the next poll."""
    endpoint = a_polled(transformation="{n: data.number}", retry_schedule=[0])
    for number in range(3):
        emit(endpoint, number=number)
    asked, make = itertools.count(1), poll_messages.made_of

    def busy_after_the_first(*given: Any) -> bytes | None:
        if next(asked) > 1:
            raise Unavailable("too many transformations are evaluated at this moment; try again")
        return make(*given)

    with monkeypatch.context() as patch:
        patch.setattr(poll_messages, "made_of", busy_after_the_first)
        first = take(endpoint)
    assert [orjson.loads(each.body) for each in first] == [{"n": 0}]
    assert next(asked) == 3, "the third was asked for although nobody could be"
    assert (PollLease.objects.count(), Attempt.objects.count()) == (1, 0)
    others = take(endpoint)
    assert [orjson.loads(each.body) for each in others] == [{"n": 1}, {"n": 2}]
    assert {each.number for each in others} == {1}
    assert answer(endpoint, *first, *others) == 0
    assert set(Delivery.objects.values_list("state", "attempts")) == {("succeeded", 1)}


def test_a_poll_that_nothing_can_be_signed_for_tells_of_it_with_its_lane_in_nobodys_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given somebody who resumes the endpoint just then, and locks its lane after it, then nobody waits for ever."""
    endpoint = a_polled()
    EndpointSecret.objects.all().delete()
    hold_living = polls.hold_living

    def hold_and_meet_a_resume(endpoint: Endpoint) -> None:
        hand.execute("SELECT FROM hookpost_lane WHERE endpoint_id = %s FOR UPDATE NOWAIT", [endpoint.id])
        hand.rollback()
        hold_living(endpoint)

    monkeypatch.setattr(polls, "hold_living", hold_and_meet_a_resume)
    with by_hand() as hand, pytest.raises(Conflict, match="nothing can be signed"):
        take(endpoint)
    assert Alert.objects.get().endpoint_id == endpoint.id


def test_an_endpoint_is_polled_or_sent_to_and_shows_a_poller_no_credentials() -> None:
    polled, sent_to = a_polled(), an_endpoint("https://93.184.216.34/")
    with pytest.raises(InvalidInput, match="polled or sent to"):
        update_endpoint(polled, {"url": "https://93.184.216.34/"}, actor="user:alice")
    with pytest.raises(InvalidInput, match="polled or sent to"):
        update_endpoint(sent_to, {"url": POLLED_URL}, actor="user:alice")
    with pytest.raises(InvalidInput, match="no request that could show this"):
        update_endpoint(polled, {"auth": {"type": "bearer", "token": "t0ken-of-mine"}}, actor="user:alice")
    with pytest.raises(Conflict, match="is sent its deliveries"):
        take(sent_to)


def test_lanes_that_are_held_or_locked_keep_the_lapses_of_others_waiting_for_nothing() -> None:
    """Given one lane in another's hands and one whose row is locked, then the round ends the third's lease."""
    held, locked, free = (a_polled() for _ in range(3))
    for endpoint in (held, locked, free):
        emit(endpoint)
        take(endpoint)
    Lane.objects.filter(endpoint=held).update(lease_until="9999-01-01T00:00:00Z")
    with psycopg.connect(**{**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}) as hand:
        hand.execute("SELECT FROM hookpost_lane WHERE endpoint_id = %s FOR UPDATE", [locked.id])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '10s'")
        try:
            assert end_leases() == 1
        finally:
            connection.close()
    assert end_leases() == 1
    assert [each.endpoint_id for each in PollLease.objects.all()] == [held.id]


def test_while_a_customer_moves_nothing_is_taken_and_leases_are_left_to_the_other_cell() -> None:
    endpoint = a_polled()
    emit(endpoint)
    (out,) = take(endpoint)
    Lane.objects.update(lease_until="9999-01-01T00:00:00Z")
    assert take(endpoint) == []
    Customer.objects.update(moving="frozen")
    with pytest.raises(Unavailable, match="another cell"):
        answer(endpoint, out)
    assert (end_leases(), PollLease.objects.count(), Attempt.objects.count()) == (0, 1, 0)
