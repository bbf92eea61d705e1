"""A customer moves to another cell: all that is its is there, once, and nothing of it stays behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils.timezone import now

from deliveries.cells import copying, stages
from deliveries.cells import move as moving
from deliveries.cells.cell import Cell, Connection, Link, linked
from deliveries.cells.move import MoveStep, Pause, move
from deliveries.cells.moved_tables import ALL, FAR, LEFT_BEHIND, Table
from deliveries.cells.survey import survey
from deliveries.errors import Conflict, HookpostError, Unavailable
from deliveries.models import (
    Alert,
    Attempt,
    AuditEntry,
    Challenge,
    Customer,
    Delivery,
    DueDelivery,
    Endpoint,
    EndpointHour,
    EndpointSecret,
    Event,
    EventType,
    FailureGroup,
    IdempotencyKey,
    Lane,
    Member,
    PollLease,
    Retest,
    SecondFactor,
)
from deliveries.services.accepting.events import Accepted, EventDraft, accept_events
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.customers import create_customer
from deliveries.services.endpoints import create_endpoint, pause_endpoint, rotate_secret
from deliveries.services.people.api_keys import create_api_key
from deliveries.services.people.brands import set_brand
from deliveries.services.people.members import add_member
from deliveries.services.people.portal_links import create_link
from tests.cells.second_cell import cell_of, url_of, working_in
from tests.engine.steps import let_time_pass, take_turn
from tests.protocol.test_pictures import a_png
from tests.receiver import Receiver

ACTOR = "user:root"
OWN = ["sealed", "headers_sealed", "user_id", "session_hashes", "fence", "lease_until", "worker_id"]
OWN += ["credentials_sealed", "moving", "moved_to", "moving_since"]


def emit(customer: Customer, *, key: str | None = None, number: int = 0) -> UUID:
    """An event, stored by this thread's own connection: the cell that it works in."""
    draft = EventDraft(
        type="invoice.paid", data=b'{"number": %d}' % number, customer_id=customer.id, idempotency_key=key,
        owner_id=UUID(int=0) if key else None, fingerprint=b"same",
    )  # fmt: skip
    (accepted,) = accept_events([draft])
    if isinstance(accepted, HookpostError):
        raise accepted
    assert isinstance(accepted, Accepted)
    return accepted.event_id


def a_customer(receiver: Receiver) -> Customer:
    """A customer with one of everything: a log of successes and failures, what waits, what is held."""
    customer = create_customer({"uid": "acme", "name": "Acme Ltd"}, actor=ACTOR)
    member = add_member(customer, "carol", email="carol@acme.example", actor=ACTOR)
    factor = SecondFactor(user=member.user, name="phone")
    factor.seal_seed(b"s" * 20)
    factor.save()
    create_link(customer, actor=ACTOR, email="carol@acme.example")
    create_api_key("own", ["read"], customer=customer, actor=ACTOR)
    create_event_type({"name": "acme.done"}, customer=customer, actor=ACTOR)
    live, _ = create_endpoint(customer, {"url": f"{receiver.url}/live", "headers": {"x-key": "k"}}, actor=ACTOR)
    ordered, _ = create_endpoint(customer, {"url": f"{receiver.url}/ordered", "ordered": True}, actor=ACTOR)
    paused, _ = create_endpoint(customer, {"url": f"{receiver.url}/paused"}, actor=ACTOR)
    set_brand(customer, {"name": "Acme Hooks"}, {"logo": a_png()}, actor=ACTOR)
    rotate_secret(live, actor=ACTOR)
    pause_endpoint(paused, actor=ACTOR)
    for status in (204, 500):
        receiver.answer = lambda _, status=status: (status, {}, b"")  # type: ignore[misc]
        emit(customer, key=f"key-{status}")
        take_turn(live)
        take_turn(ordered)
    receiver.answer = lambda _: (204, {}, b"")
    emit(customer)
    add_figures(customer, live)
    return customer


def add_figures(customer: Customer, endpoint: Endpoint) -> None:
    """What dispatchers write of an endpoint."""
    Challenge.objects.create(endpoint=endpoint, state="verified")
    Alert.objects.create(
        kind=Alert.Kind.FAILING, endpoint=endpoint, since=now(), created_at=now(), told_at=now(), mailed_at=now()
    )
    for summed in (endpoint.id, customer.id):
        EndpointHour.objects.create(
            endpoint_id=summed, hour=now(), error="", status_code=204, attempts=1, first_attempts=1,
            first_durations=[1], last_at=now(),
        )  # fmt: skip
    delivery = Delivery.objects.filter(endpoint=endpoint).earliest("id")
    Retest.objects.create(endpoint=endpoint, disabled_at=now(), next_at=now() + timedelta(days=1))
    PollLease.objects.create(
        endpoint=endpoint, delivery_id=delivery.id, manual=False, event_id=delivery.event_id, event_type="invoice.paid",
        rank=1, attempts=0, actor="", reason="", taken_at=now(), until=now() + timedelta(days=1),
    )  # fmt: skip
    FailureGroup.objects.create(
        endpoint=endpoint, customer=customer, error="http_5xx", status_code=500, first_at=now(), last_at=now(),
        deliveries=1, attempts=1, oldest_id=delivery.id, example_id=delivery.id,
    )  # fmt: skip


@contextmanager
def a_link(customer: Customer, other: str) -> Iterator[Link]:
    """Both cells, for one run of the mover."""
    with linked(cell_of(other), customer.id) as link:
        yield link


def run(customer: Customer, other: str, switch: Callable[[], None] = lambda: None) -> list[MoveStep]:
    """Move to the end."""
    with a_link(customer, other) as link:
        return list(move(link, log_days=1, switch=switch, actor=ACTOR, pause=Pause()))


def rows_in(connection: Connection, customer: Customer) -> dict[str, set[str]]:
    """All rows of a customer by table, without what each cell has of its own: seals, numbers of people, leases."""
    found = {}
    for table in ALL:
        statement = f"SELECT (to_jsonb(r) - %(own)s::text[])::text FROM {table.name} r WHERE {table.where}"
        rows = connection.execute(psycopg.sql.SQL(statement), {"customer": customer.id, "own": OWN}).fetchall()
        found[table.name] = {str(row) for (row,) in rows}
    return found


def snapshot(name: str, customer: Customer) -> dict[str, set[str]]:
    with psycopg.connect(url_of(name)) as server:
        return rows_in(server, customer)


def own() -> str:
    return str(connection.settings_dict["NAME"])


def due_events(endpoint_id: UUID) -> list[UUID]:
    """What waits for an endpoint, in the order in which it is claimed."""
    rows = DueDelivery.objects.filter(endpoint_id=endpoint_id, manual=False).order_by("due_at", "event_id")
    return list(rows.values_list("event_id", flat=True))


@pytest.mark.django_db
def test_every_table_is_moved_or_said_to_stay() -> None:
    """Given a new table, then it is decided here first whether a customer takes its rows along."""
    with connection.cursor() as cursor:
        names = {name for name in connection.introspection.table_names(cursor) if name.startswith("hookpost_")}
    parents = {name for name in names if not name.rpartition("_p")[2].isdigit()}
    assert parents == {table.name for table in ALL} | set(LEFT_BEHIND)


@pytest.mark.django_db
def test_every_sealed_column_is_sealed_anew() -> None:
    """Given a new column under the keyring, then the other cell's keys open it too."""
    with connection.cursor() as cursor:
        for table in ALL:
            names = {column.name for column in connection.introspection.get_table_description(cursor, table.name)}
            assert {name for name in names if name.endswith("sealed")} == set(table.sealed), table.name


def test_all_of_a_customer_is_in_the_other_cell_and_nothing_in_this_one(other: str, receiver: Receiver) -> None:
    customer = a_customer(receiver)
    keys = [secret.open_key() for secret in EndpointSecret.objects.order_by("id")]
    before = snapshot(own(), customer)
    steps = run(customer, other)
    after = snapshot(other, customer)
    assert {name: len(rows) for name, rows in after.items()} == {name: len(rows) for name, rows in before.items()}
    assert after == before
    assert all(before.values()), "a table without a row shows nothing"
    left = {name for name, rows in snapshot(own(), customer).items() if rows}
    assert left == {"hookpost_customer"}
    assert not get_user_model().objects.filter(username="carol").exists()
    assert AuditEntry.objects.filter(action="customer.move", object_id=customer.public_id).count() == 1
    assert steps[-1].name == "done"
    with working_in(other):
        assert [secret.open_key() for secret in EndpointSecret.objects.order_by("id")] == keys
        assert Endpoint.objects.get(url__endswith="/live").headers == {"x-key": "k"}
        assert SecondFactor.objects.get(user__username="carol").open_seed() == b"s" * 20
        assert Member.objects.get(customer=customer.id).user.email == "carol@acme.example"
    delivers_there(customer, other)


def delivers_there(customer: Customer, other: str) -> None:
    """The other cell delivers what waited and what comes; this one takes nothing."""
    with working_in(other):
        emit(customer)
        for endpoint in Endpoint.objects.filter(state="enabled"):
            let_time_pass(endpoint)
            take_turn(endpoint)
        states = set(Delivery.objects.exclude(endpoint__state="paused").values_list("state", flat=True))
        assert states == {"succeeded"}
    with pytest.raises(Unavailable, match="not in this cell"):
        emit(customer)


def test_the_customers_settings_cannot_be_changed_on_the_way(other: str, receiver: Receiver) -> None:
    customer = a_customer(receiver)
    endpoint = Endpoint.objects.get(url__endswith="/live")
    refused: list[str] = []

    def switch() -> None:
        with pytest.raises(Unavailable, match="is moving"):
            pause_endpoint(endpoint, actor=ACTOR)
        with working_in(other), pytest.raises(Unavailable, match="is moving"):
            create_api_key("late", ["read"], customer=Customer.objects.get(), actor=ACTOR)
        refused.append("both")

    run(customer, other, switch)
    assert refused == ["both"]
    with working_in(other):
        create_api_key("later", ["read"], customer=Customer.objects.get(), actor=ACTOR)


def stop_after(customer: Customer, other: str, count: int, at_step: Callable[[str], None]) -> bool:
    """Run the mover for so many steps and end it there; whether it had more to do."""
    with a_link(customer, other) as link:
        steps = move(link, log_days=1, switch=lambda: at_step("switch"), actor=ACTOR, pause=Pause())
        with closing(steps):
            for number, step in enumerate(steps, start=1):
                at_step(step.name)
                if number == count:
                    return True
    return False


def test_a_mover_that_is_ended_after_any_step_goes_on_and_moves_each_event_once(other: str, receiver: Receiver) -> None:
    """Given events that come all the while where the router sends them, then each waits once, in order."""
    customer = a_customer(receiver)
    ordered = Endpoint.objects.get(url__endswith="/ordered").id
    expected = due_events(ordered)
    where = {"switched": False}

    def at_step(name: str) -> None:
        where["switched"] = where["switched"] or name == "switch"
        if name == "switch" or not where["switched"]:
            expected.append(emit(customer))
        if where["switched"]:
            with working_in(other):
                expected.append(emit(customer))

    count = 1
    while stop_after(customer, other, count, at_step):
        count += 1
    with working_in(other):
        assert due_events(ordered) == expected
        assert Event.objects.filter(id__in=expected).count() == len(expected)
        assert not Lane.objects.exclude(lease_until=None).exists()
    assert not DueDelivery.objects.exists()
    assert not Event.objects.exists()


def test_a_mover_that_dies_inside_any_step_goes_on(
    other: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a mover that dies sooner and sooner after it began, then the last one brings what was there, once."""
    customer = a_customer(receiver)
    before = snapshot(own(), customer)
    calls = {"left": 0}

    def dying(link: Link, table: Table) -> int:
        calls["left"] -= 1
        if calls["left"] < 0:
            raise psycopg.OperationalError("killed")
        return copying.merge(link, table)

    for module in ("belongings", "history", "move"):
        monkeypatch.setattr(f"deliveries.cells.{module}.merge", dying)
    deaths, is_over = 0, False
    while not is_over:
        calls["left"] = deaths * 5
        try:
            run(customer, other)
            is_over = True
        except psycopg.OperationalError:
            deaths += 1
    assert deaths > 5
    assert snapshot(other, customer) == before


def test_a_mover_is_followed_at_once_by_another_though_its_lock_outlives_it(
    other: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a mover whose connection is only just ending, then the next one waits that long, and goes on."""
    customer, waited = a_customer(receiver), list[float]()
    with a_link(customer, other) as link, a_link(customer, other) as dying:
        stages.claim(dying)

        def connection_ends(seconds: float) -> None:
            waited.append(seconds)
            dying.source.execute("SELECT pg_advisory_unlock_all()")

        monkeypatch.setattr(stages, "sleep", connection_ends)
        stages.claim(link)
    assert len(waited) == 1


def test_a_mover_that_was_frozen_writes_over_nothing_that_was_sent_since(
    other: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a second mover that finished while the first one hung, then the first one ends and changes nothing."""
    monkeypatch.setattr(stages, "GONE_SECONDS", 0.0)
    customer = a_customer(receiver)
    with a_link(customer, other) as link:
        steps = move(link, log_days=1, switch=lambda: None, actor=ACTOR, pause=Pause())
        while next(steps).name != "sending stopped":
            pass
        with pytest.raises(Conflict, match="another process"):
            run(customer, other)
        link.source.execute("SELECT pg_advisory_unlock_all()")
        run(customer, other)
        with working_in(other):
            DueDelivery.objects.all().delete()
        with pytest.raises(Conflict):
            list(steps)
    with working_in(other):
        assert not DueDelivery.objects.exists()


def test_a_lane_is_waited_for_until_its_worker_gives_it_back(
    other: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = a_customer(receiver)
    lane = Lane.objects.get(endpoint__url__endswith="/live")
    Lane.objects.filter(pk=lane.pk).update(lease_until=now() + timedelta(hours=1))
    looks: list[float] = []

    def worker_ends(seconds: float) -> None:
        looks.append(seconds)
        Lane.objects.filter(pk=lane.pk).update(lease_until=None)

    monkeypatch.setattr(stages, "sleep", worker_ends)
    with a_link(customer, other) as link:
        stages.freeze_lanes(link)
    assert len(looks) == 1
    assert str(Lane.objects.values_list("lease_until", flat=True).distinct().get()).startswith("9999")


def test_a_request_that_was_repeated_in_the_other_cell_is_delivered_once(other: str, receiver: Receiver) -> None:
    """Given a caller that heard no answer here and asked again there, with the same key, then one event is kept."""
    customer = a_customer(receiver)
    first: list[UUID] = []

    def switch() -> None:
        first.append(emit(customer, key="again"))
        with working_in(other):
            emit(customer, key="again")

    run(customer, other, switch)
    with working_in(other):
        key = IdempotencyKey.objects.get(key="again")
        assert key.event_id == first[0]
        assert emit(customer, key="again") == first[0]
        live = Endpoint.objects.get(url__endswith="/live").id
        newer = Event.objects.filter(id__gte=first[0]).values_list("id", flat=True)
        assert list(newer) == first
        assert due_events(live).count(first[0]) == 1


def test_what_was_held_goes_before_what_came_later_of_an_ordered_endpoint(other: str, receiver: Receiver) -> None:
    customer = a_customer(receiver)
    ordered = Endpoint.objects.get(url__endswith="/ordered")
    DueDelivery.objects.filter(endpoint_id=ordered.id).update(due_at=None)
    Endpoint.objects.filter(id=ordered.id).update(draining=True)

    def switch() -> None:
        with working_in(other):
            Endpoint.objects.filter(id=ordered.id).update(draining=False)  # its dispatcher saw nothing held
            emit(customer)

    run(customer, other, switch)
    with working_in(other):
        assert Endpoint.objects.get(id=ordered.id).draining
        assert not DueDelivery.objects.filter(endpoint_id=ordered.id).exclude(due_at=None).exists()


def test_it_may_move_back_with_all_that_happened_meanwhile(other: str, receiver: Receiver) -> None:
    customer, home = a_customer(receiver), Cell(name="a", database_url=url_of(own()), keys=settings.ENCRYPTION_KEYS)
    run(customer, other)
    with working_in(other):
        emit(customer)
        live = Endpoint.objects.get(url__endswith="/live")
        let_time_pass(live)
        take_turn(live)
    before = snapshot(other, customer)
    with working_in(other), linked(home, customer.id) as link:
        list(move(link, log_days=1, switch=lambda: None, actor=ACTOR, pause=Pause()))
    assert snapshot(own(), customer) == before
    emit(customer)


@pytest.mark.parametrize(
    ("hinder", "words"),
    [
        (lambda: Customer.objects.create(name="Other", uid="acme"), "uid acme"),
        (lambda: get_user_model().objects.create_user("carol"), "user carol"),
    ],
    ids=["uid", "member"],
)
def test_what_the_other_cell_has_already_stops_the_move_before_it_begins(
    hinder: Callable[[], object], words: str, other: str, receiver: Receiver
) -> None:
    customer = a_customer(receiver)
    with working_in(other):
        hinder()
    with pytest.raises(Conflict, match=words):
        run(customer, other)
    with a_link(customer, other) as link:
        lines = list(survey(link, log_days=1))
    assert words in lines[-1]
    assert "delivery: 9" in lines
    emit(customer)


def test_a_member_whom_the_other_cell_knows_is_the_same_person_there(other: str, receiver: Receiver) -> None:
    customer = a_customer(receiver)
    with working_in(other):
        known = add_member(
            create_customer({"name": "Else"}, actor=ACTOR), "carol", email="carol@acme.example", actor=ACTOR
        )
        get_user_model().objects.update(password="of there")
    run(customer, other)
    with working_in(other):
        carol = get_user_model().objects.get(username="carol")
        assert (carol.pk, carol.password) == (known.user_id, "of there")
        assert Member.objects.filter(user=carol).count() == 2
        assert not SecondFactor.objects.exists()


def test_it_is_cancelled_as_long_as_the_other_cell_accepts_nothing(other: str, receiver: Receiver) -> None:
    customer = a_customer(receiver)
    assert stop_after_named(customer, other, "sending stopped")
    with a_link(customer, other) as link:
        stages.take_back(link)
    assert not Lane.objects.filter(lease_until=FAR).exists()
    emit(customer)
    assert stop_after_named(customer, other, "destination accepts")
    with a_link(customer, other) as link, pytest.raises(Conflict, match="accepts its events already"):
        stages.take_back(link)
    run(customer, other)


def stop_after_named(customer: Customer, other: str, name: str) -> bool:
    with a_link(customer, other) as link:
        steps = move(link, log_days=1, switch=lambda: None, actor=ACTOR, pause=Pause())
        with closing(steps):
            return any(step.name == name for step in steps)


def test_who_is_frozen_already_is_not_prepared_again(other: str, receiver: Receiver) -> None:
    """Given a mover that was killed when nothing was sent any more, then the next one loses no time with the log."""
    customer = a_customer(receiver)
    assert stop_after_named(customer, other, "sending stopped")
    late = emit(customer, key="late")
    names = [step.name for step in run(customer, other)]
    assert names[:2] == ["settings frozen", "sending stopped"]
    with working_in(other):
        assert Event.objects.filter(id=late).exists()
        assert emit(customer, key="late") == late


def test_only_so_many_days_of_the_log_come_along_and_all_that_waits(
    other: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = a_customer(receiver)
    with a_link(customer, other) as link:
        monkeypatch.setattr(moving, "floor_of", lambda moment: UUID(int=2**127))  # all of the log is older
        list(move(link, log_days=1, switch=lambda: None, actor=ACTOR, pause=Pause()))
    with working_in(other):
        waiting = set(DueDelivery.objects.values_list("delivery_id", flat=True))
        assert set(Delivery.objects.values_list("id", flat=True)) >= waiting
        assert waiting
        assert EventType.objects.count() == 1
        assert Attempt.objects.exists()
