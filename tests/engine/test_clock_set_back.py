"""The database's clock was an hour ahead and is set back: nobody waits until it is that late again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from deliveries import sql
from deliveries.engine import polls
from deliveries.engine.polls import take_due
from deliveries.models import EndpointHour, FanOut, Job, Lane, PollLease, Watermark
from deliveries.models.base import new_id
from deliveries.protocol.sending.polled import POLLED_URL
from deliveries.protocol.writing.ids import floor_of
from deliveries.services import job_steps
from deliveries.services.accepting import fan_out
from deliveries.services.accepting.event_store import SHARED
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.housekeeping import rollup
from deliveries.services.housekeeping.retention import open_partitions
from deliveries.services.reading.selection import Selection
from deliveries.services.resending import jobs
from deliveries.sql.rows import TakeTokenRow
from tests.api.logs import log_attempt, log_delivery
from tests.engine.steps import an_endpoint, emit, take_turn, the_delivery
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


def test_an_endpoint_with_a_rate_is_sent_to(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, rate_limit=100)
    emit(endpoint)
    Lane.objects.update(tokens=0, tokens_at=Now() + HOUR)
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"


def test_a_key_that_may_call_may_call() -> None:
    asked = {"key_id": new_id(), "limit": 5, "window_seconds": 1}
    sql.fetch(TakeTokenRow, asked)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE hookpost_api_rate SET refilled_at = refilled_at + interval '1 hour'")
    assert sql.fetch(TakeTokenRow, asked)[0].taken


def test_a_job_whose_step_was_begun_then_has_its_turn(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    log_delivery(endpoint, state="exhausted")
    selection = Selection(endpoint_id=endpoint.id, states=("exhausted",))
    job = jobs.start_job(Job.Kind.REDELIVER, selection, customer=endpoint.customer, actor="key:x")
    Job.objects.update(served_at=Now() + HOUR, stepping_until=Now() + HOUR)
    assert jobs.unserved([job.id], seconds=1) == [job.id]
    step = job_steps.run_next_step()
    assert step is not None
    assert step.job_id == job.id


def test_a_fan_out_that_was_leased_then_goes_on(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[bool] = []
    monkeypatch.setattr(fan_out, "begin_fan_outs", lambda wake, *, is_guest: begun.append(is_guest))
    endpoint = an_endpoint(receiver.url)
    for _ in range(SHARED.endpoint_limit):
        copy = type(endpoint)(customer=endpoint.customer, url=endpoint.url)
        copy.save()
        Lane.objects.create(endpoint=copy)
    accept_event(EventDraft(type="invoice.paid", data=b"{}", customer_id=endpoint.customer_id))
    FanOut.objects.update(lease_until=Now() + HOUR, turn_at=Now() + HOUR)
    assert fan_out.take_over_fan_outs(lambda lanes: None)
    assert begun == [True]
    assert fan_out.continue_fan_outs(lambda lanes: None) == 1


def test_what_a_poller_took_then_and_did_not_answer_lapses() -> None:
    endpoint = an_endpoint(POLLED_URL)
    emit(endpoint)
    assert take_due(endpoint, most=1, lease_seconds=600)
    assert polls.end_lapsed() == 0
    PollLease.objects.update(taken_at=Now() + HOUR, until=Now() + HOUR + timedelta(seconds=600))
    assert polls.end_lapsed() == 1


def test_attempts_are_counted(receiver: Receiver) -> None:
    endpoint, now = an_endpoint(receiver.url), datetime.now(UTC)
    open_partitions(days_back=1)
    Watermark.objects.update_or_create(name=rollup.ATTEMPTS, defaults={"through": floor_of(now + HOUR)})
    rollup.roll_up()
    delivery = log_delivery(endpoint, state="exhausted", status_code=401, error="http_4xx")
    log_attempt(delivery, id=floor_of(now + timedelta(seconds=1)), started_at=now, status_code=401, error="http_4xx")
    rollup.roll_up(lag_seconds=-5)
    assert EndpointHour.objects.get(endpoint_id=endpoint.id).attempts == 1
