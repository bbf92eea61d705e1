"""Rounds over endpoints of many customers: one that is on its way to another cell keeps no other waiting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from deliveries.engine import dispatcher
from deliveries.engine.dispatcher import disable_failing
from deliveries.models import Alert, Customer, Delivery, Endpoint, Event, Retest
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.services import delivery_windows, holding, imports, retests
from deliveries.services.accepting.events import send_test_event
from deliveries.services.delivery_windows import OUTSIDE, end_windows, keep_windows
from deliveries.services.endpoints import disable_endpoint, pause_endpoint, resume_endpoint
from deliveries.services.holding import hold_all, release_all
from deliveries.services.housekeeping import rounds
from deliveries.services.reading import early_warnings
from deliveries.services.telling import alerts
from deliveries.services.telling.alerts import note_warnings, tell_customers
from tests.engine.steps import an_endpoint, by_hand, emit, take_turn, the_delivery, waiting_for_no_lock
from tests.receiver import Receiver, Request
from tests.services.steps import failing
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db(transaction=True)

Act = Callable[[], object]
MONDAYS = {"days": ["mon"], "from": "08:00", "to": "18:00", "timezone": "UTC"}
TUESDAY = datetime(2026, 3, 31, 9, tzinfo=UTC)


def close_windows(endpoints: list[Endpoint]) -> Act:
    Endpoint.objects.update(delivery_window=MONDAYS)
    return lambda: keep_windows(now=TUESDAY)


def take_windows_away(endpoints: list[Endpoint]) -> Act:
    for endpoint in endpoints:
        pause_endpoint(endpoint, actor="system", reason=OUTSIDE)
    return end_windows


def let_retests_arrive(endpoints: list[Endpoint]) -> Act:
    for endpoint in endpoints:
        delivery = Delivery.objects.get(event_id=send_test_event(endpoint).event_id)
        Delivery.objects.filter(id=delivery.id).update(state=DeliveryState.SUCCEEDED)
        now = datetime.now(UTC)
        Endpoint.objects.filter(id=endpoint.id).update(state="disabled", state_changed_at=now)
        later = now + timedelta(hours=1)
        Retest.objects.create(endpoint=endpoint, disabled_at=now, delivery_id=delivery.id, next_at=later)
    return retests.retest_disabled


def let_fail_for_long(endpoints: list[Endpoint]) -> Act:
    for endpoint in endpoints:
        failing(endpoint, hours=24 * SETTINGS.disable_after_days)
    return disable_failing


def let_alerts_wait(endpoints: list[Endpoint]) -> Act:
    Endpoint.objects.update(event_types=["hookpost.*"])
    for endpoint in endpoints:
        failing(endpoint, hours=25)
    alerts.note_failing()
    return tell_customers


def pull_the_brake(endpoints: list[Endpoint]) -> Act:
    return lambda: hold_all(actor="user:alice")


def let_go_of_the_brake(endpoints: list[Endpoint]) -> Act:
    hold_all(actor="user:alice")
    return lambda: release_all(actor="user:alice")


def state(endpoint: Endpoint) -> tuple[str, str, bool]:
    endpoint.refresh_from_db()
    told = Event.objects.filter(customer_id=endpoint.customer_id, type="hookpost.endpoint.failing").exists()
    return endpoint.state, endpoint.state_reason, told


Round = tuple[list[Endpoint], Act]  # over three endpoints
ON_ENDPOINTS = (
    *(close_windows, take_windows_away, let_retests_arrive, let_fail_for_long),
    *(pull_the_brake, let_go_of_the_brake),
)


@pytest.fixture
def round_of_three(request: pytest.FixtureRequest, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Round:
    """Three customers' endpoints for which there is something to do, and what does it."""
    monkeypatch.setattr(SETTINGS, "retest_days", 7)
    endpoints = [an_endpoint(receiver.url) for _ in range(3)]
    return endpoints, request.param(endpoints)


@pytest.mark.parametrize("round_of_three", [*ON_ENDPOINTS, let_alerts_wait], indirect=True)
def test_a_customer_that_moves_keeps_no_others_endpoints_waiting(round_of_three: Round) -> None:
    """Given three customers of which one is closed here, then the round does for the others what it does for them."""
    endpoints, act = round_of_three
    before = [state(each) for each in endpoints]
    Customer.objects.filter(id=endpoints[1].customer_id).update(moving=Customer.Moving.CLOSED)
    act()
    after = [state(each) for each in endpoints]
    assert [old != new for old, new in zip(before, after, strict=True)] == [True, False, True]


@pytest.mark.parametrize("round_of_three", ON_ENDPOINTS, indirect=True)
def test_an_endpoint_whose_row_somebody_keeps_locked_keeps_no_others_waiting(round_of_three: Round) -> None:
    """Given a session that locked one of three endpoints and never ends, then the round is made for the others."""
    endpoints, act = round_of_three
    before = [state(each) for each in endpoints]
    with by_hand() as hand:
        hand.execute("SELECT FROM hookpost_endpoint WHERE id = %s FOR UPDATE", [endpoints[1].id])
        with waiting_for_no_lock():
            act()
    after = [state(each) for each in endpoints]
    assert [old != new for old, new in zip(before, after, strict=True)] == [True, False, True]


def by_a_person(endpoint: Endpoint) -> None:
    """Somebody resumes an endpoint, where it is not enabled, and disables it."""
    seen = Endpoint.objects.get(id=endpoint.id)
    resume_endpoint(seen, actor="user:bob")
    disable_endpoint(seen, actor="user:bob", reason="by hand")


def let_go_of_what_was_imported(endpoints: list[Endpoint]) -> Act:
    for endpoint in endpoints:
        pause_endpoint(endpoint, actor="user:alice", reason=imports.HELD)
    return lambda: imports.release_imported(actor="user:alice")


def open_windows(endpoints: list[Endpoint]) -> Act:
    close_windows(endpoints)()
    return lambda: keep_windows(now=TUESDAY - timedelta(days=1))


ON_STATES = (*ON_ENDPOINTS, open_windows, let_go_of_what_was_imported)


@pytest.mark.parametrize("round_of_three", ON_STATES, indirect=True)
def test_who_disables_an_endpoint_that_a_round_has_read_already_is_not_overruled(
    round_of_three: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given one of three endpoints that is disabled between its reading and what a round does to it, it stays so."""
    endpoints, act = round_of_three
    told = rounds.act_alone

    def later(act: Act, endpoint: Endpoint, *, event: str) -> bool:
        if endpoint == endpoints[1]:
            by_a_person(endpoint)
        return told(act, endpoint, event=event)

    for module in (delivery_windows, retests, holding, dispatcher):
        monkeypatch.setattr(module, "act_alone", later)
    act()
    assert state(endpoints[1])[:2] == ("disabled", "by hand")
    assert "by hand" not in {state(each)[1] for each in (endpoints[0], endpoints[2])}


def test_an_answer_that_disables_an_endpoint_on_its_way_harms_nobody_else(receiver: Receiver) -> None:
    """Given a 410 at the moment when settings are frozen, then it is recorded, and the engine goes on."""
    moving = an_endpoint(receiver.url)

    def freeze(request: Request) -> tuple[int, dict[str, str], bytes]:
        Customer.objects.filter(id=moving.customer_id).update(moving=Customer.Moving.FROZEN)
        connection.close()
        return 410, {}, b""

    emit(moving)
    receiver.answer = freeze
    take_turn(moving)  # which raises what would end the engine, with what is in flight of others
    moving.refresh_from_db()
    assert (the_delivery(moving).state, moving.state) == ("exhausted", "enabled")


def test_those_who_were_warned_are_no_reason_to_warn_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more endpoints that are on their way to an end than are looked at at once, then each is told of."""
    monkeypatch.setattr(alerts, "NOTE_LIMIT", 2)
    monkeypatch.setattr(early_warnings, "CHUNK", 2)
    soon = {"expires_at": "2026-01-01T00:00:00.000Z", "authorities_expire_at": None}
    endpoints = [an_endpoint("https://93.184.216.34/in") for _ in range(5)]
    Endpoint.objects.update(tls_shown=soon)
    for endpoint in endpoints:
        failing(endpoint, hours=24 * SETTINGS.disable_after_days * 0.6)
    now = datetime(2025, 12, 30, tzinfo=UTC)
    assert (note_warnings(now=now), note_warnings(now=now)) == (10, 0)
    assert set(Alert.objects.values_list("endpoint_id", flat=True)) == {each.id for each in endpoints}
