"""The dispatcher's round: what fails in it does not keep the rest from being done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from uuid import UUID, uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import InternalError, NotSupportedError, OperationalError, connection, transaction
from django.utils import timezone
from structlog.testing import capture_logs

from deliveries import sql
from deliveries.engine import dispatcher
from deliveries.engine.backlogs import release_backlogs
from deliveries.engine.dispatcher import Dispatcher
from deliveries.metrics import names
from deliveries.models import (
    Alert,
    Challenge,
    Delivery,
    DueDelivery,
    Endpoint,
    FanOut,
    Invitation,
    Job,
    Member,
    PasswordMail,
    PollLease,
)
from deliveries.services.housekeeping import retention
from deliveries.services.housekeeping.leader import Lead
from deliveries.services.telling import alert_mail, alerts
from deliveries.sql.rows import RoundsDueRow
from tests.engine.steps import an_endpoint, emit
from tests.receiver import Receiver
from tests.services.steps import failing

pytestmark = pytest.mark.django_db(transaction=True)


def refuse(*args: object, **given: object) -> None:
    raise InternalError("cannot execute UPDATE in a read-only transaction")


@pytest.mark.parametrize("step", ["hold_backlogs", "release_backlogs", "housekeeping"])
def test_lanes_are_woken_whatever_else_fails(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    monkeypatch.setattr(dispatcher, step, refuse)
    monkeypatch.setattr(Dispatcher, "_look", lambda self: None)  # then all rounds are taken
    rung: list[tuple[UUID, bool]] = []
    Dispatcher(ring=rung.extend, ring_all=lambda *, slow: None).tick()
    assert rung == [(endpoint.id, False)]


@pytest.mark.parametrize("is_left", [True, False])
def test_what_is_held_although_nothing_drains_is_released_and_else_nothing_is_planned_for_it(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, is_left: bool
) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    if is_left:
        DueDelivery.objects.update(due_at=None)
        Delivery.objects.update(state="held")
    released: list[int] = []
    monkeypatch.setattr(dispatcher, "release_backlogs", lambda: released.append(release_backlogs()))
    Dispatcher(ring=lambda lanes: None, ring_all=lambda *, slow: None).tick()
    assert released == [1] * is_left
    assert Delivery.objects.get().state == "pending"


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[Dispatcher]:
    """Whoever went around, in order."""
    led: list[Dispatcher] = []
    monkeypatch.setattr(Dispatcher, "tick", lambda self: led.append(self))
    return led


def two_dispatchers() -> tuple[Dispatcher, Dispatcher]:
    """One whose rings nobody hears, and one with an engine beside it, for a lead of their own."""
    name = str(uuid4())
    deaf, beside = (
        Dispatcher(ring=list, ring_all=lambda *, slow: None, is_heard=lambda heard=heard: heard, _lead=Lead(name))
        for heard in (False, True)
    )
    return deaf, beside


def test_whose_rings_nobody_hears_leaves_the_lead_to_a_dispatcher_with_an_engine(rounds: list[Dispatcher]) -> None:
    deaf, beside = two_dispatchers()
    for each in (deaf, beside, deaf, beside, deaf, beside):
        each._tick_if_leader()
    assert rounds == [deaf, beside, beside]


def test_whose_rings_nobody_hears_goes_on_where_there_is_no_other(
    rounds: list[Dispatcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "STAND_BACK_SECONDS", 0)
    deaf, _ = two_dispatchers()
    for _ in range(3):
        deaf._tick_if_leader()
    assert rounds == [deaf] * 3


@pytest.mark.parametrize("step", [(alerts, "tell_customers"), (alert_mail, "is_mail_due"), (alerts, "note_failing")])
def test_alerts_that_fail_hinder_nothing_else(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, step: tuple[object, str]
) -> None:
    endpoint = an_endpoint(receiver.url)
    failing(endpoint, hours=9 * 24)
    emit(endpoint)
    monkeypatch.setattr(*step, refuse)
    rung: list[tuple[UUID, bool]] = []
    Dispatcher(ring=rung.extend, ring_all=lambda *, slow: None).tick()
    assert rung == [(endpoint.id, False)]
    endpoint.refresh_from_db()
    assert endpoint.state == "disabled"


def test_one_thread_at_a_time_sends_mail(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a mail server that takes its time, then the next rounds start no second thread, until it is done."""
    runs: list[int] = []
    go_on = threading.Event()

    def send_slowly() -> None:
        runs.append(1)
        go_on.wait(60)

    now = timezone.now()
    Alert.objects.create(
        kind=Alert.Kind.FAILING,
        endpoint=an_endpoint(receiver.url),
        since=now,
        created_at=now,
        told_at=now,
        mail_due_at=now,
    )
    monkeypatch.setattr(alert_mail, "run_mail_thread", send_slowly)
    monkeypatch.setattr(alert_mail, "is_mail_due", lambda: True)
    dispatcher = Dispatcher(ring=lambda lanes: None, ring_all=lambda *, slow: None)
    for _ in range(3):
        dispatcher.tick()
    mail_thread = dispatcher._mail_thread
    go_on.set()
    assert mail_thread is not None
    mail_thread.join(60)
    assert len(runs) == 1
    dispatcher.tick()
    assert dispatcher._mail_thread is not mail_thread
    dispatcher._mail_thread.join(60)  # type: ignore[union-attr]
    assert len(runs) == 2


def test_old_keys_are_forgotten_although_a_partition_cannot_be_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(retention, "drop_partitions", refuse)
    monkeypatch.setattr(retention, "purge_idempotency_keys", lambda: done.append("keys"))
    monkeypatch.setattr(dispatcher, "disable_failing", lambda: done.append("endpoints"))
    dispatcher.housekeeping()
    assert done == ["keys", "endpoints"]


def test_a_round_ends_when_the_connection_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a lock that went with its connection, then nothing more is done as if this process still led."""
    done: list[str] = []

    connection.ensure_connection()

    def lose_the_connection() -> None:
        connection.connection.close()
        raise OperationalError("the connection is lost")

    with pytest.raises(OperationalError):
        dispatcher.do_each([lose_the_connection, lambda: done.append("more")])
    connection.close()
    assert done == []


def rounds_of(looks: Mapping[str, Callable[[], object]]) -> dict[str, list[str]]:
    """Do one thing after the other, each in a transaction that is taken back; returns the rounds due after each."""
    found = {}
    for name, act in looks.items():
        with transaction.atomic():
            act()
            found[name] = [key for key, due in sql.fetch(RoundsDueRow, {})[0]._asdict().items() if due]
            transaction.set_rollback(True)
    return found


def test_a_round_is_taken_when_there_is_something_for_it_and_else_not(receiver: Receiver) -> None:
    endpoint, now, some = an_endpoint(receiver.url), timezone.now(), uuid4()
    user = get_user_model().objects.create(username="alice")
    noted = partial(Alert.objects.create, kind=Alert.Kind.FAILING, endpoint=endpoint, since=now, created_at=now)
    mail, out = {"created_at": now, "mail_due_at": now}, {"event_id": some, "taken_at": now, "until": now}

    def pause() -> None:
        emit(endpoint)
        Endpoint.objects.update(state="paused")

    found = rounds_of(
        {
            "nothing": lambda: emit(endpoint),
            "holding": pause,
            "releasing": lambda: Endpoint.objects.update(draining=True),
            "jobs": lambda: Job.objects.create(kind=Job.Kind.CANCEL, actor="user:bob"),
            "fan_outs": lambda: FanOut.objects.create(event_id=some, turn_at=now),
            "untold": noted,
            "mail": lambda: noted(told_at=now, mail_due_at=now),
            "mail: invitation": lambda: Invitation.objects.create(
                customer=endpoint.customer, email="c@example.com", role="viewer", actor="x", expires_at=now, **mail
            ),
            "mail: password": lambda: PasswordMail.objects.create(user=user, kind="invited", **mail),
            "mail: digest": lambda: Member.objects.create(
                customer=endpoint.customer, user=user, role="viewer", digest_due_at=now
            ),
            "polls": lambda: PollLease.objects.create(
                endpoint=endpoint, delivery_id=some, manual=False, rank=1, attempts=0, **out
            ),
            "challenges": lambda: Challenge.objects.create(endpoint=endpoint),
        }
    )
    assert found == {name: [] if name == "nothing" else [name.partition(":")[0]] for name in found}


def test_all_rounds_are_taken_where_nobody_can_see_which_are_due(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    connection.ensure_connection()
    monkeypatch.setattr(Dispatcher, "_look", refuse)
    monkeypatch.setattr(dispatcher, "hold_backlogs", lambda: done.append("hold"))
    monkeypatch.setattr(alerts, "tell_customers", lambda: done.append("tell"))
    Dispatcher(ring=lambda lanes: None, ring_all=lambda *, slow: None).tick()
    assert done == ["hold", "tell"]


def test_a_dispatcher_at_a_standby_waits_for_a_primary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a server that recovers, or a standby, which has no unlogged tables, then that is no round that failed."""
    stop = threading.Event()

    def take(lead: object) -> bool:
        stop.set()
        raise NotSupportedError("cannot access temporary or unlogged relations during recovery")

    monkeypatch.setattr(dispatcher.Lead, "take", take)
    before = list(names.ROUND_FAILURES.samples())
    with capture_logs() as lines:
        dispatcher.Dispatcher(ring=lambda lanes: None, ring_all=lambda *, slow: None).run_forever(stop)
    assert [each["event"] for each in lines] == ["dispatcher_without_database"]
    assert list(names.ROUND_FAILURES.samples()) == before
