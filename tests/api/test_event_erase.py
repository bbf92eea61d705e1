"""Erasing what an event says: gone wherever it was kept, never sent again, and the log stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from deliveries.models import Attempt, AuditEntry, Delivery, DueDelivery, Endpoint, Event, Job
from deliveries.models.log import EVERYONES
from deliveries.protocol.events.event_data import ERASED
from deliveries.protocol.sending.request import with_body
from deliveries.services import event_erasure
from deliveries.services.job_steps import run_job_step
from tests.api.conftest import Caller, Tenant, caller_with, make_tenant
from tests.api.logs import log_attempt, log_due
from tests.engine.steps import Script, let_time_pass, take_turn, the_delivery
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "4111-1111"


@pytest.fixture
def carol(receiver: Receiver) -> Tenant:
    return make_tenant("carol", receiver.url)


def emit(ops: Caller, customer: str = "carol", **more: Any) -> str:
    """An event whose data nobody is to see again."""
    answer = ops.post("/events", {"customer": customer, "type": "card.used", "data": {"card": SECRET}, **more})
    assert answer.status == 202
    event_id: str = answer.json["id"]
    return event_id


def kept_anywhere(text: str) -> list[str]:
    """The tables in which some row still has this text."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s OR t::text LIKE %s',
                           [f"%{text}%", f"%{text.encode().hex()}%"])  # fmt: skip
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def test_whoever_polls_the_feed_by_its_tag_is_told_that_an_event_was_erased(ops: Caller, carol: Tenant) -> None:
    """Given a poller that has the page, when an event of it is erased, then that page is another one."""
    event, feed = emit(ops), "/customers/carol/events"
    tag = ops.get(feed).headers["etag"]
    assert ops.get(feed, **{"If-None-Match": tag}).status == 304
    ops.post(f"/events/{event}/erase", {})
    again = ops.get(feed, **{"If-None-Match": tag})
    assert (again.status, again.json["results"][0]["body"]["data"]) == (200, {})
    assert ops.get(feed, **{"If-None-Match": again.headers["etag"]}).status == 304


def test_the_content_is_gone_from_every_table_and_the_log_stays(
    ops: Caller, carol: Tenant, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given an event that failed and was answered with what it says, when it is erased, then only the log is left."""
    monkeypatch.setattr(event_erasure, "BATCH", 1)
    receiver.answer = Script((500, {"x-echo": SECRET}, SECRET.encode()))
    event = emit(ops)
    take_turn(carol.endpoint)
    delivery = the_delivery(carol.endpoint)
    attempt = log_attempt(delivery, request_headers=with_body("content-type: a/b", SECRET.encode()), detail=SECRET)
    assert {"hookpost_event", "hookpost_attempt"} <= set(kept_anywhere(SECRET))
    answer = ops.post(f"/events/{event}/erase", {"reason": "asked for by its owner"})
    assert (answer.status, answer.json["id"], answer.json["cancelled"]) == (200, event, 1)
    assert kept_anywhere(SECRET) == []
    delivery.refresh_from_db()
    attempt.refresh_from_db()
    assert (delivery.state, delivery.error, delivery.attempts) == ("cancelled", "event_erased", 1)
    assert (attempt.request_headers, attempt.status_code) == ("content-type: a/b", 204)
    assert Attempt.objects.filter(status_code=500).count() == 1
    assert not DueDelivery.objects.exists()
    shown = ops.get(f"/events/{event}").json
    assert (shown["body"]["data"], shown["erased_at"]) == ({}, answer.json["erased_at"])
    entry = AuditEntry.objects.get(action="event.erase")
    assert (entry.object_id, entry.reason, entry.customer) == (event, "asked for by its owner", carol.customer)


def test_nothing_of_it_is_sent_again(ops: Caller, carol: Tenant, receiver: Receiver) -> None:
    receiver.answer = Script((500, {}, b""))
    event = emit(ops)
    take_turn(carol.endpoint)
    delivery = the_delivery(carol.endpoint)
    job = ops.post("/deliveries/redeliver", {"customer": "carol"}).json["id"]
    run_job_step(Job.objects.get().id)
    ops.post(f"/events/{event}/erase")
    assert not DueDelivery.objects.exists()
    assert (ops.get(f"/jobs/{job}").json["failed"], ops.get(f"/jobs/{job}").json["problem"]) == (
        1, event_erasure.CONTENT_ERASED
    )  # fmt: skip
    refused = ops.post(f"/deliveries/{delivery.public_id}/redeliver")
    assert (refused.status, refused.json["detail"]) == (409, "the content of the event was erased")
    assert ops.post("/deliveries/redeliver", {"customer": "carol", "dry_run": True}).json == {"count": 0}
    since = {"since": (datetime.now(UTC) - timedelta(hours=1)).isoformat(), "dry_run": True}
    assert ops.post("/customers/carol/endpoints/main/replay", since).json == {"count": 0}
    checked = ops.post(f"/deliveries/{delivery.public_id}/signature-check", {})
    assert checked.status == 409
    assert ops.post("/customers/carol/endpoints/main/payload-preview", {"event": event}).status == 422


def test_what_is_queued_at_the_very_moment_is_not_sent(ops: Caller, carol: Tenant, receiver: Receiver) -> None:
    """Given a redelivery that slipped in while the content was erased, then no request is made of it."""
    event = emit(ops)
    delivery = the_delivery(carol.endpoint)
    row = Event.objects.get(id=delivery.event_id)
    row.body = ERASED
    row.save(update_fields=["body"])
    log_due(delivery, manual=True, rank=0)
    let_time_pass(carol.endpoint)
    take_turn(carol.endpoint)
    assert receiver.requests == []
    shown = ops.get(f"/deliveries?event={event}").json["results"][0]
    assert (shown["state"], shown["error"]) == ("cancelled", "event_erased")
    assert not DueDelivery.objects.exists()


def test_who_may_erase_what(ops: Caller, carol: Tenant, receiver: Receiver) -> None:
    dave = make_tenant("dave", receiver.url)
    event, everyones = emit(ops), emit(ops, "*")
    assert caller_with("read", "events:write").post(f"/events/{event}/erase").status == 403
    assert dave.caller.post(f"/events/{event}/erase").status == 404
    assert carol.caller.post(f"/events/{everyones}/erase").status == 403
    assert ops.post("/events/evt_01m7xrh3m4f64af0n940sfkm51/erase").status == 404
    assert not Event.objects.exclude(erased_at=None).exists()
    assert carol.caller.post(f"/events/{event}/erase").status == 200
    assert ops.post(f"/events/{everyones}/erase").status == 200
    assert set(Delivery.objects.values_list("state", flat=True)) == {"cancelled"}
    assert bytes(Event.objects.get(customer_id=EVERYONES).body) == ERASED


def test_erasing_again_changes_no_moment(ops: Caller, carol: Tenant) -> None:
    event = emit(ops)
    first = ops.post(f"/events/{event}/erase").json
    again = ops.post(f"/events/{event}/erase").json
    assert (again["erased_at"], again["cancelled"]) == (first["erased_at"], 0)
    assert Delivery.objects.get().state == "cancelled"


def test_the_answer_to_a_request_of_several_events_goes_with_each(
    ops: Caller, carol: Tenant, receiver: Receiver
) -> None:
    """Given a receiver that repeats what it gets, then what it said of one event is not left beside the others."""
    Endpoint.objects.filter(id=carol.endpoint.id).update(batch_size=10)
    receiver.answer = lambda request: (500, {"x-echo": SECRET}, request.body)
    sent = ops.post("/events/batch", {"events": [
        {"customer": "carol", "type": "a.b", "data": {"n": n} | ({"card": SECRET} if n == 1 else {})} for n in range(3)
    ]})  # fmt: skip
    take_turn(carol.endpoint)
    assert (len(receiver.requests), Attempt.objects.count()) == (1, 3)
    ops.post(f"/events/{sent.json['results'][1]['id']}/erase")
    assert kept_anywhere(SECRET) == []
    assert set(Attempt.objects.values_list("status_code", "response_headers")) == {(500, "")}
