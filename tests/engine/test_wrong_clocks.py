"""Hosts whose clocks are wrong: nothing is accepted, signed, sent or led by them, and each says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from deliveries.engine import dispatcher
from deliveries.errors import ClockOff, HookpostError, Unavailable
from deliveries.models import Alert, Attempt, Delivery, Event, Lane
from deliveries.models import clock as host_clock
from deliveries.models.base import new_id
from deliveries.protocol.writing.ids import time_of
from deliveries.services.accepting import event_entries
from deliveries.services.accepting.events import Accepted, EventDraft, accept_events
from deliveries.services.common import clock
from deliveries.services.common.seldom import Seldom
from deliveries.services.housekeeping import retention
from tests.engine.steps import an_endpoint, an_engine, emit, run_until_idle, take_turn, the_delivery
from tests.receiver import Receiver
from tests.wrong_clocks import DAY, host_off_by

pytestmark = pytest.mark.django_db(transaction=True)

OLD_ID = UUID("01890000-0000-7000-8000-000000000000")
OFF = [400 * DAY, DAY, 3600.0, 45.0, -45.0, -40 * DAY]


@pytest.fixture(autouse=True)
def nothing_said_yet() -> Iterator[None]:
    """Whoever complained in another test may complain again, and no reading is left behind."""
    clock._seldom = Seldom()
    with host_off_by(0):
        yield


def database_time() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        return float(cursor.fetchone()[0])


def distance(moment: datetime) -> float:
    return abs(moment.timestamp() - database_time())


@pytest.mark.parametrize("seconds", OFF)
@pytest.mark.parametrize("is_known", [False, True], ids=["not yet known", "known"])
def test_a_host_whose_clock_is_off_accepts_nothing(receiver: Receiver, seconds: float, is_known: bool) -> None:
    """Neither into a day that is dropped in a minute nor into one that has not begun."""
    endpoint = an_endpoint(receiver.url)
    partitions = retention.partitions_of("hookpost_event")
    with host_off_by(seconds):
        if is_known:
            clock.database_now()
        with pytest.raises(ClockOff, match="this host's clock is"):
            emit(endpoint)
        draft = EventDraft(type="invoice.paid", data=b"{}", customer_id=endpoint.customer_id)
        assert [type(each) for each in accept_events([draft, draft])] == [ClockOff, ClockOff]
    assert not Event.objects.exists()
    assert retention.partitions_of("hookpost_event") == partitions
    emit(endpoint)
    assert Event.objects.count() == 1


def test_a_host_whose_clock_was_set_right_accepts_at_once(receiver: Receiver) -> None:
    endpoint, off = an_endpoint(receiver.url), [3600.0]
    with host_off_by(0):
        host_clock.host.wall = lambda: time.time() + off[0]
        with pytest.raises(ClockOff):
            emit(endpoint)
        off[0] = 0.0
        emit(endpoint)


@pytest.mark.parametrize("seconds", [20.0, -20.0])
def test_within_the_tolerance_ids_and_timestamps_are_the_databases_all_the_same(
    receiver: Receiver, seconds: float
) -> None:
    endpoint = an_endpoint(receiver.url)
    with host_off_by(seconds):
        clock.database_now()
        emit(endpoint)
        take_turn(endpoint)
    event, attempt = Event.objects.get(), Attempt.objects.get()
    (request,) = receiver.requests
    signed_at = datetime.fromtimestamp(int(request.header("webhook-timestamp") or 0), UTC)
    moments = [time_of(event.id), event.created_at, time_of(attempt.id), attempt.started_at, signed_at]
    assert max(distance(moment) for moment in moments) < abs(seconds) / 2


def test_an_event_costs_no_round_trip_more_for_its_clock(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    with host_off_by(0), CaptureQueriesContext(connection) as asked:
        for _ in range(3):
            draft = EventDraft(type="invoice.paid", data=b"{}", customer_id=endpoint.customer_id)
            assert isinstance(accept_events([draft])[0], Accepted)
    assert [each["sql"] for each in asked if "clock_timestamp" in each["sql"]] == []


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_a_worker_whose_clock_is_off_takes_no_lane_and_tells_log_and_operator(
    receiver: Receiver, seconds: float
) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    with host_off_by(seconds), capture_logs() as lines:
        take_turn(endpoint)
        take_turn(endpoint)
    assert not receiver.requests
    assert (Lane.objects.get().lease_until, Attempt.objects.count()) == (None, 0)
    (line,) = [each for each in lines if each["event"] == "clock_off"]
    assert line["part"] == "worker"
    assert "60.0 minutes" in line["reason"]
    assert "60.0 minutes" in Alert.objects.get(kind=Alert.Kind.CANNOT_SEND, endpoint=None).reason
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"


def test_a_clock_that_is_set_while_a_lane_is_in_hand_signs_nothing_and_costs_no_attempt(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    engine, _ = an_engine(endpoint)
    with host_off_by(3600):
        run_until_idle(engine)
    assert not receiver.requests
    delivery = the_delivery(endpoint)
    assert (delivery.state, delivery.attempts) == ("pending", 0)
    lane = Lane.objects.get()
    assert (lane.lease_until, lane.rest_until) == (None, None)
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"


@pytest.mark.parametrize("seconds", [400 * DAY, -120.0])
def test_a_dispatcher_whose_clock_is_off_does_not_lead(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    led: list[int] = []
    stop = threading.Event()
    monkeypatch.setattr(dispatcher.Lead, "take", lambda self: bool(led.append(1)))
    monkeypatch.setattr(stop, "wait", lambda seconds: stop.set())
    with host_off_by(seconds), capture_logs() as lines:
        dispatcher.Dispatcher(ring=lambda lanes: None, ring_all=lambda *, slow: None).run_forever(stop)
    assert led == []
    assert [(each["event"], each["part"]) for each in lines if each["event"] == "clock_off"] == [
        ("clock_off", "dispatcher")
    ]


def test_a_dispatcher_that_cannot_even_tell_of_its_clock_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[float] = []
    stop = threading.Event()

    def off() -> None:
        raise ClockOff("the database does not answer")

    def away(error: ClockOff, *, part: str) -> None:
        raise OperationalError("the database system is starting up")

    def wait(seconds: float) -> None:
        rounds.append(seconds)
        if len(rounds) == 3:
            stop.set()

    monkeypatch.setattr(dispatcher.clock, "now", off)
    monkeypatch.setattr(dispatcher.alerts, "tell_clock_off", away)
    monkeypatch.setattr(stop, "wait", wait)
    with capture_logs() as lines:
        dispatcher.Dispatcher(ring=lambda lanes: None, ring_all=lambda *, slow: None).run_forever(stop)
    assert [each["event"] for each in lines] == ["dispatcher_without_database"] * 3


def test_ids_rise_strictly_and_follow_a_clock_that_was_far_ahead() -> None:
    with host_off_by(3600):
        ids = [new_id() for _ in range(2000)]
    assert all(one < other for one, other in pairwise(ids))
    later = [new_id() for _ in range(2000)]
    assert all(one < other for one, other in pairwise(later))
    assert abs(time_of(later[0]).timestamp() - time.time()) < 60
    assert {each.version for each in ids} == {7}
    assert {each.variant for each in ids} == {"specified in RFC 4122"}


def test_who_waits_too_long_to_be_stored_is_told_so_and_not_that_a_clock_is_off(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = an_endpoint(receiver.url)
    monkeypatch.setattr(event_entries, "new_id", lambda: OLD_ID)
    draft = EventDraft(type="invoice.paid", data=b"{}", customer_id=endpoint.customer_id)
    result = accept_events([draft])[0]
    assert isinstance(result, Unavailable)
    assert not isinstance(result, ClockOff)
    assert isinstance(result, HookpostError)
    assert not Delivery.objects.exists()
