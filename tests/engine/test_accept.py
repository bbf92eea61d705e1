"""Accept: one statement stores an event with its deliveries, or nothing at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
import pytest
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError, connection, transaction

from deliveries import errors, sql
from deliveries.database.failures import mark_never_sent
from deliveries.models import ApiKey, Customer, Delivery, DueDelivery, Event, EventType, IdempotencyKey
from deliveries.protocol.writing.ids import delivery_id
from deliveries.services.accepting import event_store, events
from deliveries.services.accepting.events import (
    Accepted,
    EventDraft,
    accept_batch,
    accept_event,
    accept_events,
    send_test_event,
)
from deliveries.services.catalogue.validation import Rules
from deliveries.services.endpoints import create_endpoint, delete_endpoint
from deliveries.services.housekeeping.retention import partitions_of
from deliveries.services.people.api_keys import create_api_key, revoke_api_key
from deliveries.services.process import readiness
from deliveries.sql.rows import AcceptEventsRow
from tests.engine.steps import an_endpoint, emit, take_turn
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def draft(customer: Customer, **fields: object) -> EventDraft:
    given = {"type": "invoice.paid", "data": b"{}", "customer_id": customer.id} | fields
    return EventDraft(**given)  # type: ignore[arg-type]


def in_threads(count: int, act: Callable[[], object]) -> list[object]:
    results: list[object] = []
    ready = threading.Barrier(count)

    def run() -> None:
        ready.wait()
        try:
            results.append(act())
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize(
    ("event_types", "name", "matches"),
    [
        ([], "invoice.paid", True),
        (["invoice.paid"], "invoice.paid", True),
        (["invoice.paid"], "invoice.sent", False),
        (["invoice.*"], "invoice.paid.eu", True),
        (["invoice.*"], "invoices.paid", False),
        (["user.created", "invoice.*"], "invoice.paid", True),
    ],
)
def test_an_event_goes_to_the_endpoints_that_want_its_type(
    receiver: Receiver, event_types: list[str], name: str, matches: bool
) -> None:
    endpoint = an_endpoint(receiver.url, event_types=event_types)
    assert emit(endpoint, name=name).deliveries == int(matches)


@pytest.mark.parametrize(
    ("predicate", "number", "matches"),
    [("$.data.number > 5", 6, True), ("$.data.number > 5", 5, False), ("$.data.missing == 1", 5, False)],
)
def test_a_filter_decides_by_the_payload(receiver: Receiver, predicate: str, number: int, matches: bool) -> None:
    endpoint = an_endpoint(receiver.url, filter=predicate)
    assert emit(endpoint, number=number).deliveries == int(matches)


def test_only_the_customers_own_endpoints_get_an_event(receiver: Receiver) -> None:
    alice, bob = an_endpoint(receiver.url), an_endpoint(receiver.url)
    emit(alice)
    assert Delivery.objects.filter(endpoint=bob).count() == 0
    assert Delivery.objects.get().id == delivery_id(Event.objects.get().id, alice.id)


def test_a_deleted_endpoint_gets_nothing(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    delete_endpoint(endpoint, actor="user:alice")
    assert emit(endpoint).deliveries == 0


def test_the_body_is_kept_byte_for_byte(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    data = b'{"b": 1e2,  "a":1.0, "b": "\\u00e9\xc3\xa9"}'
    accept_event(draft(endpoint.customer, data=data))
    assert bytes(Event.objects.get().body).endswith(b'"data":' + data + b"}")


def test_the_same_key_a_hundred_times_at_once_is_one_event_and_one_answer(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    customer = endpoint.customer
    one = draft(customer, idempotency_key="k", owner_id=customer.id, fingerprint=b"f")
    results = in_threads(20, lambda: [accept_event(one) for _ in range(5)])
    answers = {(each.event_id, each.deliveries) for group in results for each in group}  # type: ignore[attr-defined]
    assert len(answers) == 1
    assert (Event.objects.count(), Delivery.objects.count(), IdempotencyKey.objects.count()) == (1, 1, 1)


def test_a_key_that_comes_back_with_another_body_is_refused(receiver: Receiver) -> None:
    customer = an_endpoint(receiver.url).customer
    accept_event(draft(customer, idempotency_key="k", owner_id=customer.id, fingerprint=b"f"))
    with pytest.raises(errors.KeyReused):
        accept_event(draft(customer, idempotency_key="k", owner_id=customer.id, fingerprint=b"g"))
    assert Event.objects.count() == 1


def test_of_two_batches_with_one_key_at_once_nothing_of_one_is_stored_beside_the_other(receiver: Receiver) -> None:
    customer = an_endpoint(receiver.url).customer
    keys = ["k0", "k1"]

    def post(body: bytes, *places: str) -> object:
        drafts = [draft(customer, idempotency_key=k, owner_id=customer.id, fingerprint=body) for k in places]
        given = [*[errors.InvalidInput("refused", field="type")] * (places == ("k1",)), *drafts]
        return accept_batch(given, atomic=False, idempotency_key="k", keys=keys)

    results: dict[str, list[object]] = {}
    with transaction.atomic():  # whoever takes k1 waits for this
        accept_event(draft(customer, idempotency_key="k1", owner_id=customer.id))
        one = threading.Thread(target=lambda: results.update(one=in_threads(1, lambda: post(b"one", "k1"))))
        one.start()
        waiting_for_locks(1)
        two = threading.Thread(target=lambda: results.update(two=in_threads(1, lambda: post(b"two", "k0"))))
        two.start()
        waiting_for_locks(2)
        transaction.set_rollback(True)
    one.join()
    two.join()
    assert {bytes(each.fingerprint) for each in IdempotencyKey.objects.all()} == {b"one"}
    assert Event.objects.count() == 1
    assert [[type(each) for each in results[name]] for name in ("one", "two")] == [[list], [errors.KeyReused]]


def test_a_batch_with_a_key_asks_for_the_rules_before_it_holds_a_connection(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given that whoever reads the rules may wait for a connection, then no batch that holds one waits for the rules.

    Equal batches at once wait for each other with a connection each, and would leave none.
    """
    customer, held = an_endpoint(receiver.url).customer, []
    rules_for = events.rules_for

    def noted(names: Collection[str]) -> Rules:
        held.append(connection.in_atomic_block)
        return rules_for(names)

    monkeypatch.setattr(events, "rules_for", noted)
    for atomic in (False, True):
        one = draft(customer, idempotency_key="k0", owner_id=customer.id, fingerprint=b"f")
        accept_batch([one], atomic=atomic, idempotency_key="k", keys=["k0"])
    assert held == [False, False]
    assert Event.objects.count() == 1


def waiting_for_locks(count: int) -> None:
    """Return when so many others wait for a lock of this database."""
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # which is of this transaction
            cursor.execute(
                "SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                " WHERE NOT l.granted AND a.datname = current_database()"
            )
            if cursor.fetchone()[0] >= count:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_a_key_stores_nothing_from_the_moment_on_at_which_it_expires(receiver: Receiver) -> None:
    """Given other keys that are valid, then theirs are stored."""
    customer = an_endpoint(receiver.url).customer
    key, other = (create_api_key(name, ["events:write"], actor="user:alice")[0] for name in ("billing", "shop"))
    ApiKey.objects.filter(id=key.id).update(expires_at=datetime.now(UTC) + timedelta(hours=1))
    accept_event(draft(customer, api_key_id=key.id))
    ApiKey.objects.filter(id=key.id).update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(errors.KeyRevoked):
        accept_event(draft(customer, api_key_id=key.id))
    accept_event(draft(customer, api_key_id=other.id))
    assert Event.objects.count() == 2


def test_a_revoked_key_stores_nothing_from_the_next_event_on(receiver: Receiver) -> None:
    customer = an_endpoint(receiver.url).customer
    create_api_key("another", ["events:write"], actor="user:alice")
    key, _ = create_api_key("billing", ["events:write"], actor="user:alice")
    accept_event(draft(customer, api_key_id=key.id))
    revoke_api_key(key, actor="user:alice")
    with pytest.raises(errors.KeyRevoked):
        accept_event(draft(customer, api_key_id=key.id))
    assert Event.objects.count() == 1


def test_an_unknown_customer_is_told_so() -> None:
    with pytest.raises(errors.NotFound):
        accept_event(EventDraft(type="a", data=b"{}", customer_uid="nobody"))
    assert Event.objects.count() == 0


def test_a_customer_is_found_by_its_own_uid(receiver: Receiver) -> None:
    customer = Customer.objects.create(name="Bob", uid="bob-1")
    accept_event(EventDraft(type="a", data=b"{}", customer_uid="bob-1"))
    assert Event.objects.get().customer_id == customer.id


def test_an_archived_type_is_refused(receiver: Receiver) -> None:
    customer = an_endpoint(receiver.url).customer
    EventType.objects.create(name="invoice.paid", archived=True)
    with pytest.raises(errors.InvalidEventType, match="archived"):
        accept_event(draft(customer))


def test_in_a_batch_one_that_is_refused_does_not_hinder_the_others(receiver: Receiver) -> None:
    customer = an_endpoint(receiver.url, filter="$.data.n > 1").customer
    bad = draft(customer, customer_id=None, customer_uid="nobody")
    results = accept_events([draft(customer, data=b'{"n": 2}'), bad, errors.NotFound(), draft(customer)])
    assert [type(each).__name__ for each in results] == ["Accepted", "NotFound", "NotFound", "Accepted"]
    assert Event.objects.count() == 2


def test_an_atomic_batch_is_stored_whole_or_not_at_all(receiver: Receiver) -> None:
    customer = an_endpoint(receiver.url).customer
    with pytest.raises(errors.BatchRefused) as caught:
        accept_events([draft(customer), draft(customer, customer_id=None, customer_uid="nobody")], atomic=True)
    assert caught.value.place == 1
    assert (Event.objects.count(), DueDelivery.objects.count()) == (0, 0)
    results = accept_events([draft(customer), draft(customer)], atomic=True)
    assert all(isinstance(each, Accepted) for each in results)
    assert Event.objects.count() == 2


def test_events_of_many_threads_are_all_stored(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    customer = endpoint.customer
    results = in_threads(16, lambda: [accept_event(draft(customer)) for _ in range(10)])
    assert all(isinstance(each, list) for each in results)
    assert (Event.objects.count(), DueDelivery.objects.count()) == (160, 160)


def test_an_event_in_the_callers_transaction_goes_with_it(receiver: Receiver) -> None:
    customer = an_endpoint(receiver.url).customer
    with transaction.atomic():
        accept_event(draft(customer))
        transaction.set_rollback(True)
    assert (Event.objects.count(), Delivery.objects.count(), DueDelivery.objects.count()) == (0, 0, 0)


def test_an_event_that_is_too_large_is_refused(receiver: Receiver) -> None:
    customer = an_endpoint(receiver.url).customer
    with pytest.raises(errors.InvalidInput, match="larger"):
        accept_event(draft(customer, data=b'"' + b"x" * 300_000 + b'"'))


def test_a_missing_partition_is_opened_rather_than_an_event_refused(receiver: Receiver) -> None:
    customer = an_endpoint(receiver.url).customer
    names = partitions_of("hookpost_event")
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f'DROP TABLE "{name}"')
    accept_event(draft(customer))
    assert Event.objects.count() == 1
    today = f"hookpost_event_p{datetime.now(UTC):%Y%m%d}"
    assert set(partitions_of("hookpost_event")) >= {name for name in names if name >= today}


def test_a_test_event_goes_to_its_endpoint_only_whatever_that_subscribed_to(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, event_types=["invoice.paid"])
    create_endpoint(endpoint.customer, {"url": receiver.url}, actor="user:alice")
    assert send_test_event(endpoint).deliveries == 1
    assert Delivery.objects.get().endpoint_id == endpoint.id


def test_a_test_event_never_shows_another_customers_example(receiver: Receiver) -> None:
    endpoint, other = an_endpoint(receiver.url), an_endpoint(receiver.url)
    EventType.objects.create(name="order.made", customer=other.customer, example={"secret": "of Bob"})
    send_test_event(endpoint, event_type="order.made")
    assert b"of Bob" not in bytes(Event.objects.get().body)


def caused(error: Exception, cause: Exception) -> Exception:
    """An error of Django's, with the driver's own behind it."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (InternalError("cannot execute INSERT in a read-only transaction"), errors.Unavailable),
        (ProgrammingError("relation does not exist"), errors.Unavailable),
        (caused(OperationalError("No space left on device"), psycopg.errors.DiskFull()), errors.Unavailable),
        (caused(OperationalError("lock timeout"), psycopg.errors.LockNotAvailable()), errors.Unavailable),
        (caused(OperationalError("refused"), mark_never_sent(psycopg.OperationalError())), errors.Unavailable),
        (caused(OperationalError("ended"), psycopg.errors.AdminShutdown()), errors.Unconfirmed),
        (caused(OperationalError("lost amid the statement"), psycopg.OperationalError()), errors.Unconfirmed),
        (InterfaceError("the connection is closed"), errors.Unconfirmed),
    ],
)
def test_a_caller_is_told_whether_a_database_that_fails_may_have_stored_the_event(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, error: Exception, told: type[Exception]
) -> None:
    customer = an_endpoint(receiver.url).customer
    monkeypatch.setattr(readiness, "REFUSED_SECONDS", 0.0)

    fetch = sql.fetch

    def refuse(row: type[Any], parameters: dict[str, object], **given: object) -> list[object]:
        if issubclass(row, AcceptEventsRow):
            raise error
        return fetch(row, parameters, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(sql, "fetch", refuse)
    with pytest.raises(told):
        accept_event(draft(customer))
    assert [type(each) for each in accept_events([draft(customer), draft(customer)])] == [told] * 2
    with pytest.raises(told):
        accept_events([draft(customer), draft(customer)], atomic=True)
    assert not Event.objects.exists()


def test_a_missing_partition_is_opened_inside_a_callers_transaction_too(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    with connection.cursor() as cursor:
        for name in partitions_of("hookpost_event"):
            cursor.execute(f"DROP TABLE {name}")
    with transaction.atomic():
        emit(endpoint)
    assert Event.objects.count() == 1


def test_an_event_that_is_stored_is_not_refused_because_another_cannot_be_looked_up(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = an_endpoint(receiver.url).customer
    repeated = draft(customer, owner_id=customer.id, idempotency_key="k", fingerprint=b"f")
    accept_event(repeated)

    def fail(entry: object) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(event_store, "_repeated", fail)
    results = accept_events([repeated, draft(customer)])
    assert [type(each) for each in results] == [errors.Unconfirmed, Accepted]
    assert Event.objects.count() == 2


def test_the_events_of_one_batch_reach_an_ordered_endpoint_in_their_order(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, ordered=True)
    accept_events([draft(endpoint.customer, data=b"%d" % number) for number in range(300)])
    take_turn(endpoint)
    sent = [orjson.loads(request.body)["data"] for request in receiver.requests]
    assert sent == list(range(len(sent)))
    assert len(sent) > 20
