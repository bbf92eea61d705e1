"""Health for people: whether deliveries arrive, whatever the answers; and who is told, and disabled, by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from deliveries.engine.dispatcher import disable_failing
from deliveries.models import Alert, Delivery, Endpoint, EndpointHour, Lane, Watermark
from deliveries.models.rollup import ALL_ENDPOINTS
from deliveries.protocol.writing.ids import floor_of
from deliveries.services.endpoints import resume_endpoint
from deliveries.services.housekeeping import rollup
from deliveries.services.housekeeping.retention import open_partitions
from deliveries.services.reading.endpoint_health import Health, health_of, long_failing, resting
from deliveries.services.resending.redelivery import redeliver
from deliveries.services.telling import alerts
from tests.api.logs import log_attempt, log_delivery
from tests.engine.steps import Script, an_endpoint, emit, let_time_pass, take_turn, the_delivery
from tests.receiver import Receiver
from tests.services.steps import count_failures

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


def health(endpoint: Endpoint) -> Health:
    fresh = Endpoint.objects.select_related("lane").get(id=endpoint.id)
    return health_of([fresh])[endpoint.id]


def lane_of(endpoint: Endpoint) -> Lane:
    return Lane.objects.get(endpoint=endpoint)


def count_all() -> None:
    while rollup.roll_up(lag_seconds=-5):
        pass


def begin_counting(*, days: int) -> None:
    """The counting of attempts begins so many days ago."""
    open_partitions(days_back=days)
    Watermark.objects.update_or_create(
        name=rollup.ATTEMPTS, defaults={"through": floor_of(datetime.now(UTC) - days * DAY)}
    )


def log_failure(endpoint: Endpoint, *, age: timedelta, status: int = 401) -> None:
    """A delivery whose only attempt failed so long ago."""
    moment = datetime.now(UTC) - age
    delivery = log_delivery(endpoint, state="exhausted", age=age, status_code=status, error="http_4xx")
    log_attempt(delivery, id=floor_of(moment), started_at=moment, status_code=status, error="http_4xx")


@pytest.mark.parametrize(("status", "error"), [(401, "http_4xx"), (404, "http_4xx"), (301, "http_3xx")])
@pytest.mark.parametrize("counted", [False, True], ids=["fresh", "counted"])
def test_an_endpoint_that_refuses_everything_is_failing_although_it_answers(
    receiver: Receiver, status: int, error: str, counted: bool
) -> None:
    receiver.answer = Script(status)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0, 1000])
    before = datetime.now(UTC) - timedelta(seconds=1)
    for number in range(3):
        emit(endpoint, number=number)
    take_turn(endpoint)
    if counted:
        count_all()
    found = health(endpoint)
    assert (found.state, found.share_24h, found.error, found.status_code) == ("failing", 0.0, error, status)
    assert found.since is not None
    assert before < found.since < datetime.now(UTC) + timedelta(seconds=1)
    assert lane_of(endpoint).opened == 0, "the lane may still be called"


def test_the_first_arrival_ends_a_failure_and_the_next_failure_begins_another(receiver: Receiver) -> None:
    receiver.answer = Script(404, 204, 404)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0], max_in_flight=1)
    emit(endpoint)
    take_turn(endpoint)
    first = health(endpoint).since
    assert first is not None
    emit(endpoint, number=2)
    take_turn(endpoint)
    assert (health(endpoint).state, health(endpoint).since) == ("healthy", None)
    emit(endpoint, number=3)
    take_turn(endpoint)
    second = health(endpoint).since
    assert second is not None
    assert second > first


def test_later_failures_leave_the_beginning_as_it_is(receiver: Receiver) -> None:
    receiver.answer = Script(404)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0, 0, 0])
    Lane.objects.update(failing_since=(since := datetime.now(UTC) - 2 * DAY))
    emit(endpoint)
    take_turn(endpoint)
    assert health(endpoint).since == since


def test_nothing_is_known_of_an_endpoint_that_was_never_sent_to(receiver: Receiver) -> None:
    found = health(an_endpoint(receiver.url))
    assert found == Health(state="unknown", since=None, share_1h=None, share_24h=None, error=None, status_code=None)


def test_a_delivery_that_arrives_late_has_arrived(receiver: Receiver) -> None:
    """Given an endpoint that is not ready twice for each event, when all have arrived, then its share is whole."""
    receiver.answer = Script(404, 404, 204)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0, 1000, 1000])
    emit(endpoint)
    for _ in range(3):
        take_turn(endpoint)
        let_time_pass(endpoint)
    count_all()
    found = health(endpoint)
    assert (found.state, found.share_1h, found.share_24h, found.error) == ("healthy", 1.0, 1.0, "http_4xx")


def test_the_share_tells_how_many_of_many_arrive_and_the_error_is_the_commonest(receiver: Receiver) -> None:
    receiver.answer = Script(500, 404, 404, 204)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0], max_in_flight=1)
    for number in range(8):
        emit(endpoint, number=number)
    take_turn(endpoint)
    count_all()
    found = health(endpoint)
    assert (found.state, found.share_24h, found.error, found.status_code) == ("healthy", 0.625, "http_4xx", 404)


def test_a_quiet_endpoint_is_judged_by_what_it_got_last(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    open_partitions(days_back=4)
    log_delivery(endpoint, age=3 * DAY, status_code=204)
    found = health(endpoint)
    assert (found.state, found.share_24h, found.error) == ("healthy", None, None)


def test_what_fails_by_hand_had_failed_before(receiver: Receiver) -> None:
    receiver.answer = Script(404, 204, 404)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0], max_in_flight=1)
    emit(endpoint)
    take_turn(endpoint)
    refused = the_delivery(endpoint)
    emit(endpoint, number=2)
    take_turn(endpoint)
    redeliver(refused, actor="user:carol")
    take_turn(endpoint)
    assert len(receiver.requests) == 3
    assert health(endpoint).state == "healthy"


def test_what_arrives_by_hand_has_arrived(receiver: Receiver) -> None:
    receiver.answer = Script(404, 204)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0])
    emit(endpoint)
    take_turn(endpoint)
    redeliver(the_delivery(endpoint), actor="user:carol")
    take_turn(endpoint)
    count_all()
    assert (health(endpoint).state, health(endpoint).share_24h) == ("healthy", 1.0)


def test_a_resumed_endpoint_is_unknown_until_something_is_sent(receiver: Receiver) -> None:
    receiver.answer = Script(404)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0])
    emit(endpoint)
    take_turn(endpoint)
    count_all()
    Endpoint.objects.update(state="disabled")
    resume_endpoint(Endpoint.objects.get(), actor="user:carol")
    assert (health(endpoint).state, health(endpoint).error) == ("unknown", "http_4xx")


def test_many_endpoints_cost_one_question(receiver: Receiver) -> None:
    endpoints = [an_endpoint(receiver.url) for _ in range(3)]
    rows = list(Endpoint.objects.select_related("lane"))
    with connection.execute_wrapper(lambda *_: pytest.fail("another question")):
        found = health_of(rows)
    assert found.keys() == {endpoint.id for endpoint in endpoints}
    assert health_of([]) == {}


def test_one_event_a_day_that_always_fails_is_told_of_and_then_disables(receiver: Receiver) -> None:
    """Given an endpoint with one event and one attempt a day, all refused, then five days of it are five days."""
    endpoint = an_endpoint(receiver.url, retry_schedule=[0])
    begin_counting(days=6)
    for day in range(5):
        log_failure(endpoint, age=5 * DAY - day * DAY + timedelta(minutes=5))
    Lane.objects.update(failing_since=datetime.now(UTC) - 5 * DAY - timedelta(minutes=5))
    count_all()
    assert alerts.note_failing() == 1
    assert disable_failing() == 1
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.state_reason) == ("disabled", "no delivery has arrived for 5 days")
    assert set(Alert.objects.values_list("kind", flat=True)) == {Alert.Kind.FAILING, Alert.Kind.DISABLED}


def test_failures_that_are_all_long_ago_disable_nobody(receiver: Receiver) -> None:
    """Given an endpoint that refused one event with all its retries six days ago and got none since."""
    endpoint = an_endpoint(receiver.url)
    long_ago = datetime.now(UTC) - 6 * DAY
    Lane.objects.update(failing_since=long_ago)
    count_failures(endpoint, long_ago, long_ago + DAY, attempts=10)
    assert disable_failing() == 0
    assert not long_failing(5 * DAY).exists()


def test_failures_of_ours_disable_nobody(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    long_ago = datetime.now(UTC) - 6 * DAY
    Lane.objects.update(failing_since=long_ago)
    count_failures(endpoint, *(long_ago + day * DAY for day in range(6)))
    EndpointHour.objects.update(error="not_sent", status_code=0)
    assert disable_failing() == 0


def test_attempts_are_counted_once_whoever_counts(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    begin_counting(days=2)
    for minutes in range(7):
        log_failure(endpoint, age=timedelta(minutes=61 + minutes))
    assert rollup.roll_up(limit=5) is True
    assert rollup.roll_up(limit=5) is False
    assert rollup.roll_up(limit=5) is False
    for summed in (endpoint.id, endpoint.customer_id, ALL_ENDPOINTS):
        rows = EndpointHour.objects.filter(endpoint_id=summed)
        assert sum(row.attempts for row in rows) == 7
        assert sum(row.first_attempts for row in rows) == 7
        assert sum(row.first_durations[1] for row in rows) == 7, "12 ms: more than 10 and up to 25"


def test_what_may_still_be_on_its_way_is_counted_later(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    begin_counting(days=1)
    log_failure(endpoint, age=timedelta(seconds=5))
    rollup.roll_up()
    assert not EndpointHour.objects.exists()
    rollup.roll_up(lag_seconds=1)
    assert EndpointHour.objects.get(endpoint_id=endpoint.id).attempts == 1


def test_two_who_count_do_not_wait_for_each_other(receiver: Receiver) -> None:
    begin_counting(days=1)
    with transaction.atomic():
        Watermark.objects.select_for_update().get()
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT name FROM hookpost_watermark FOR UPDATE SKIP LOCKED")
                assert cursor.fetchall() == []
        finally:
            other.close()


def test_old_hours_are_forgotten(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    now = datetime.now(UTC)
    count_failures(endpoint, now, now - 93 * DAY)
    assert rollup.purge_hours() == 1
    assert EndpointHour.objects.get().hour > now - DAY


def test_a_lane_says_until_when_it_rests_and_why(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    assert resting(endpoint) is None
    until = datetime.now(UTC) + timedelta(minutes=5)
    Lane.objects.update(rest_until=until)
    assert resting(Endpoint.objects.get()) == (until, "asked")
    Lane.objects.update(opened=2)
    assert resting(Endpoint.objects.get()) == (until, "failing")
    Lane.objects.update(rest_reason="no_socket")
    assert resting(Endpoint.objects.get()) == (until, "no_socket")
    assert Delivery.objects.count() == 0
