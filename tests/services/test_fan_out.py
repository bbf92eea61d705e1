"""Large fan-outs, and dear filters: after the event is stored, chunk by chunk, whoever is killed meanwhile."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from deliveries import sql
from deliveries.engine.leases import Leases
from deliveries.models import Customer, Delivery, DueDelivery, Endpoint, Event, FanOut, Lane
from deliveries.services.accepting import event_columns, event_store, fan_out, filter_judge, shared_commits, wide_events
from deliveries.services.accepting.event_store import FanOutLimits
from deliveries.services.accepting.events import Accepted, EventDraft, accept_event, accept_events
from deliveries.services.accepting.fan_out import continue_fan_outs
from deliveries.services.process.group_commit import Ending, GroupCommit
from deliveries.services.process.interpreter import QUICK_SECONDS
from deliveries.sql.days import day_of
from deliveries.sql.rows import ClaimFanOutsRow, FanOutChunkRow
from tests.own_time import give_own_time

pytestmark = pytest.mark.django_db(transaction=True)

HEAVY = "exists($.data.n[*] ? (@ == 0 || @ == 1 || @ == 2 || @ == 3 || @ == 4 || @ == 5 || @ == 6))"


def a_customer(endpoints: int = 0, **fields: Any) -> Customer:
    """A customer with that many endpoints, made without the round trips of the service."""
    customer = Customer.objects.create(name="Alice & Co")
    add_endpoints(customer, endpoints, **fields)
    return customer


def add_endpoints(customer: Customer, count: int, **fields: Any) -> list[Endpoint]:
    made = Endpoint.objects.bulk_create(
        Endpoint(customer=customer, url="https://example.com/hook", **fields) for _ in range(count)
    )
    Lane.objects.bulk_create(Lane(endpoint=each) for each in made)
    return made


def draft(customer: Customer, data: bytes = b"{}", **fields: Any) -> EventDraft:
    return EventDraft(type="invoice.paid", data=data, customer_id=customer.id, **fields)


def woken() -> tuple[list[tuple[UUID, bool]], Any]:
    lanes: list[tuple[UUID, bool]] = []
    return lanes, lanes.extend


def deliveries_of(customer: Customer) -> int:
    return Delivery.objects.filter(customer=customer).count()


def test_an_event_for_many_endpoints_is_accepted_first_and_fanned_out_then() -> None:
    customer = a_customer(fan_out.CHUNK + 7)
    accepted = accept_event(draft(customer))
    assert (accepted.pending, accepted.deliveries, accepted.wake) == (True, None, ())
    assert (Event.objects.count(), FanOut.objects.count(), Delivery.objects.count()) == (1, 1, 0)
    lanes, wake = woken()
    assert continue_fan_outs(wake) == 2
    assert len(set(lanes)) == len(lanes) == deliveries_of(customer) == DueDelivery.objects.count() == fan_out.CHUNK + 7
    assert not FanOut.objects.exists()


def test_a_chunk_hands_the_interpreter_over_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    accept_event(draft(a_customer(event_store.SHARED.endpoint_limit + 1)))
    make, seen = fan_out.fan_out_chunk, []

    def noting(row: Any) -> Any:
        seen.append(sys.getswitchinterval())
        return make(row)

    monkeypatch.setattr(fan_out, "fan_out_chunk", noting)
    continue_fan_outs(woken()[1])
    assert seen == [pytest.approx(QUICK_SECONDS)]


def test_a_chunk_names_the_partitions_of_its_events_day(monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = accept_event(draft(a_customer(event_store.SHARED.endpoint_limit + 1)))
    asked: list[tuple[object, sql.Days]] = []
    fetch = sql.fetch

    def fetch_and_note(row: Any, parameters: sql.Parameters, *, days: sql.Days = ()) -> list[Any]:
        asked.append((row, days))
        return fetch(row, parameters, days=days)

    monkeypatch.setattr(sql, "fetch", fetch_and_note)
    continue_fan_outs(woken()[1])
    day = day_of([accepted.event_id])
    assert (FanOutChunkRow, (("hookpost_event", day), ("hookpost_delivery", day))) in asked


def test_an_event_for_few_endpoints_is_fanned_out_at_once() -> None:
    customer = a_customer(3)
    accepted = accept_event(draft(customer))
    assert (accepted.pending, accepted.deliveries, len(accepted.wake)) == (False, 3, 3)
    assert not FanOut.objects.exists()


def test_a_customers_deleted_endpoints_count_for_nothing() -> None:
    customer = a_customer(2)
    add_endpoints(customer, event_store.SHARED.endpoint_limit + 1, deleted_at="2020-01-01T00:00:00Z")
    assert accept_event(draft(customer)).deliveries == 2


def test_types_and_states_are_judged_as_in_a_small_fan_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_store, "SHARED", FanOutLimits(endpoint_limit=0))
    monkeypatch.setattr("deliveries.services.accepting.shared_commits.SHARED", FanOutLimits(endpoint_limit=0))
    customer = a_customer(1, event_types=["invoice.*"])
    add_endpoints(customer, 1, event_types=["user.created"])
    (paused,) = add_endpoints(customer, 1, state="paused")
    add_endpoints(customer, 1, filter="$.data.n > 5")
    add_endpoints(customer, 1, filter="$.data.n > 5", event_types=["user.created"])
    (wanting,) = add_endpoints(customer, 1, filter="$.data.n < 5")
    accept_event(draft(customer, b'{"n": 1}'))
    lanes, wake = woken()
    continue_fan_outs(wake)
    assert deliveries_of(customer) == 3
    assert Delivery.objects.get(endpoint=paused).state == "held"
    assert Delivery.objects.get(endpoint=wanting).state == "pending"
    assert len(lanes) == 2


def test_killed_at_any_moment_nothing_is_lost_or_doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fan_out, "CHUNK", 10)
    customer = a_customer(event_store.SHARED.endpoint_limit + 5)
    accept_event(draft(customer))
    fetch = fan_out.sql.fetch
    killed_before, killed_after = iter([True, False, True] * 100), iter([False, True, False] * 100)

    def die(row: type[Any], parameters: dict[str, Any], *, days: sql.Days = ()) -> list[Any]:
        if row is not FanOutChunkRow:
            return fetch(row, parameters, days=days)
        if next(killed_before):
            raise KeyboardInterrupt
        rows = fetch(row, parameters, days=days)
        if next(killed_after):
            raise KeyboardInterrupt
        return rows

    monkeypatch.setattr(fan_out.sql, "fetch", die)
    deaths = 0
    while FanOut.objects.exists():
        FanOut.objects.update(lease_until=None)  # time passes
        try:
            continue_fan_outs(lambda lanes: None)
        except KeyboardInterrupt:
            deaths += 1
    assert deaths > 10
    assert deliveries_of(customer) == DueDelivery.objects.count() == event_store.SHARED.endpoint_limit + 5


def test_a_leased_fan_out_is_taken_over_when_its_lease_is_over() -> None:
    accept_event(draft(a_customer(event_store.SHARED.endpoint_limit + 1)))
    (row,) = sql.fetch(ClaimFanOutsRow, {"limit": 4, "lease_seconds": 2 * fan_out.LEASE_SECONDS - 1})
    assert continue_fan_outs(lambda lanes: None) == 0
    FanOut.objects.update(lease_until="2020-01-01T00:00:00Z")
    assert continue_fan_outs(lambda lanes: None) == 1
    assert fan_out.fan_out_chunk(row) == []  # the first one wakes up again: its place is gone
    assert Delivery.objects.count() == event_store.SHARED.endpoint_limit + 1


def test_many_at_once_make_each_delivery_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fan_out, "CHUNK", 20)
    customers = [a_customer(event_store.SHARED.endpoint_limit + 1) for _ in range(3)]
    for customer in customers:
        accept_event(draft(customer))
        accept_event(draft(customer))

    def work() -> None:
        try:
            while FanOut.objects.exists():
                continue_fan_outs(lambda lanes: None)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [deliveries_of(each) for each in customers] == [2 * (event_store.SHARED.endpoint_limit + 1)] * 3
    assert DueDelivery.objects.count() == Delivery.objects.count()


def test_customers_take_turns_however_much_one_of_them_has_open() -> None:
    large, small = a_customer(event_store.SHARED.endpoint_limit + 1), a_customer(event_store.SHARED.endpoint_limit + 1)
    for _ in range(5):
        accept_event(draft(large))
    accept_event(draft(small))
    taken = sql.fetch(ClaimFanOutsRow, {"limit": 4, "lease_seconds": 60.0})
    assert {row.customer_id for row in taken} == {large.id, small.id}
    assert len(taken) == 2


def test_events_of_a_customer_with_ordered_endpoints_stay_in_order() -> None:
    customer = a_customer(event_store.SHARED.endpoint_limit + 1, ordered=True)
    first, second = accept_event(draft(customer)), accept_event(draft(customer))
    Endpoint.objects.filter(id__in=Endpoint.objects.values("id")[:200]).update(deleted_at="2020-01-01T00:00:00Z")
    third = accept_event(draft(customer))  # for one endpoint, and yet not before the first two
    assert third.pending
    continue_fan_outs(lambda lanes: None)
    due = DueDelivery.objects.filter(endpoint_id=Endpoint.objects.get(deleted_at=None).id).order_by("due_at")
    assert [row.event_id for row in due] == [first.event_id, second.event_id, third.event_id]


@pytest.mark.parametrize("number", [b"1e-200000", b"1e-99999", b"0." + b"1" * 20_000])
def test_a_number_that_no_filter_can_evaluate_harms_that_endpoint_only(number: bytes) -> None:
    customer, other = a_customer(2), a_customer(1)
    (filtered,) = add_endpoints(customer, 1, filter="$.data.n > 5")
    accepted, beside = accept_events([draft(customer, b'{"n": %b}' % number), draft(other)])
    assert isinstance(accepted, Accepted)
    assert isinstance(beside, Accepted)
    assert beside.deliveries == 1
    continue_fan_outs(lambda lanes: None)
    told = Delivery.objects.get(endpoint=filtered)
    assert (told.state, told.error, told.attempts) == ("cancelled", "filter_failed", 0)
    assert not DueDelivery.objects.filter(delivery_id=told.id).exists()
    assert Delivery.objects.filter(customer=customer, state="pending").count() == 2


def test_numbers_that_only_look_alike_in_texts_hinder_no_filter() -> None:
    customer = a_customer(1, filter='$.data.hash starts with "3e1"')
    assert accept_event(draft(customer, b'{"hash": "3e12345678", "n": 1e-300}')).deliveries == 1


def test_a_long_number_is_looked_for_where_it_begins() -> None:
    """Given digits that are all but too many, again and again, then not each of them is taken for the first."""
    digits = b"1" * 9000
    assert event_columns._UNFIT.search(b'"' + digits) is not None
    assert event_columns._UNFIT.search(digits[:7999] + b"x" + digits[:7999]) is None
    assert event_columns._UNFIT.match(digits, 1) is None


def test_what_python_lets_through_and_postgresql_does_not_is_judged_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing:
        def search(self, body: bytes) -> None: ...

    monkeypatch.setattr(event_columns, "_UNFIT", Nothing())
    customer, other = a_customer(1, filter="$.data.n > 5"), a_customer(1)
    results = accept_events([draft(customer, b'{"n": 1e-200000}'), draft(other)])
    assert all(isinstance(each, Accepted) for each in results)
    continue_fan_outs(lambda lanes: None)
    assert Delivery.objects.get(customer=customer).error == "filter_failed"
    assert deliveries_of(other) == 1


def test_dear_filters_are_not_evaluated_in_the_statement_that_others_share() -> None:
    customer = a_customer(1)
    add_endpoints(customer, 40, filter=HEAVY)
    data = b'{"n": [%b]}' % b",".join(b"%d" % (number % 7) for number in range(20_000))
    accepted = accept_event(draft(customer, data))
    assert accepted.pending
    assert not Delivery.objects.exists()
    lanes, wake = woken()
    while FanOut.objects.exists():
        FanOut.objects.update(lease_until=None)  # it rests after a dear chunk
        continue_fan_outs(wake)
    assert len(lanes) == deliveries_of(customer) == 41


def test_filters_that_use_up_their_time_do_not_match_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filter_judge, "EVENT_MS", -1)
    monkeypatch.setattr("deliveries.services.accepting.shared_commits.SHARED", FanOutLimits(filter_limit=0))
    customer = a_customer(1)
    add_endpoints(customer, 3, filter="$.data.n == 1")
    accept_event(draft(customer, b'{"n": 1}'))
    continue_fan_outs(lambda lanes: None)
    assert sorted(Delivery.objects.values_list("state", "error")) == [("cancelled", "filter_failed")] * 3 + [
        ("pending", "")
    ]


def test_a_turn_ends_where_its_time_for_filters_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filter_judge, "TURN_SECONDS", -1.0)
    monkeypatch.setattr("deliveries.services.accepting.shared_commits.SHARED", FanOutLimits(filter_limit=0))
    customer = a_customer(2)
    add_endpoints(customer, 2, filter="$.data.n == 1")
    accept_event(draft(customer, b'{"n": 1}'))
    continue_fan_outs(lambda lanes: None, seconds=0.3)
    assert deliveries_of(customer) == 2  # those before the first filter
    monkeypatch.setattr(filter_judge, "TURN_SECONDS", 10.0)
    FanOut.objects.update(lease_until=None)
    continue_fan_outs(lambda lanes: None)
    assert deliveries_of(customer) == 4


def test_a_filter_that_alone_takes_too_long_does_not_match(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate = filter_judge._evaluate
    customer = a_customer(1, filter="$.data.n == 1")
    (slow,) = add_endpoints(customer, 1, filter="$.data.n == 2")
    monkeypatch.setattr("deliveries.services.accepting.shared_commits.SHARED", FanOutLimits(filter_limit=0))

    def take_long(event_id: UUID, part: filter_judge._Part) -> list[UUID]:
        if slow.id in part.endpoint_ids:
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = 1")
                try:
                    cursor.execute("SELECT pg_sleep(10)")
                finally:
                    connection.close()
        return evaluate(event_id, part)

    monkeypatch.setattr(filter_judge, "_evaluate", take_long)
    accept_event(draft(customer, b'{"n": 1}'))
    continue_fan_outs(lambda lanes: None)
    assert Delivery.objects.get(endpoint=slow).error == "filter_failed"
    assert Delivery.objects.exclude(endpoint=slow).get().state == "pending"


def test_the_events_of_one_customer_in_a_shared_statement_are_bounded_together() -> None:
    customer = a_customer(3)
    group = [event_store.Entry(draft(customer), new_event_id(), b"{}") for _ in range(3)]
    event_store.store_events(group, limits=FanOutLimits(row_limit=7))
    assert [each.result.pending for each in group if isinstance(each.result, Accepted)] == [False, False, True]


def new_event_id() -> UUID:
    from deliveries.models.base import new_id

    return new_id()


def test_a_large_fan_out_in_a_transaction_goes_with_it() -> None:
    customer = a_customer(event_store.ALONE.endpoint_limit + 1)
    with transaction.atomic():
        assert accept_event(draft(customer)).pending
        transaction.set_rollback(True)
    assert not FanOut.objects.exists()


def test_a_key_that_comes_again_while_the_fan_out_goes_on_is_one_event() -> None:
    customer = a_customer(event_store.SHARED.endpoint_limit + 1)
    keyed = draft(customer, idempotency_key="k", owner_id=customer.id, fingerprint=b"f")
    first, again = accept_event(keyed), accept_event(keyed)
    assert (first.event_id, first.deliveries) == (again.event_id, again.deliveries)
    assert FanOut.objects.count() == 1


def test_the_dispatcher_goes_on_with_what_a_dead_process_left_open() -> None:
    from deliveries.engine.dispatcher import Dispatcher

    customer = a_customer(event_store.SHARED.endpoint_limit + 1)
    accept_event(draft(customer))
    FanOut.objects.update(turn_at="2020-01-01T00:00:00Z")  # time passes, and whoever accepted it does nothing
    Dispatcher(ring=lambda lanes: None, ring_all=lambda *, slow: None).tick()
    give_up = time.monotonic() + 60
    while FanOut.objects.exists():
        assert time.monotonic() < give_up
    assert deliveries_of(customer) == event_store.SHARED.endpoint_limit + 1


def test_a_fan_out_whose_day_was_dropped_ends() -> None:
    accept_event(draft(a_customer(event_store.SHARED.endpoint_limit + 1)))
    Event.objects.all().delete()
    continue_fan_outs(lambda lanes: None)
    assert not FanOut.objects.exists()


def test_the_dispatcher_leaves_it_to_whoever_accepted_and_is_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Any] = []
    monkeypatch.setattr(fan_out, "begin_fan_outs", lambda wake, *, is_guest: begun.append(wake))
    assert not fan_out.take_over_fan_outs(begun.append)
    accept_event(draft(a_customer(event_store.SHARED.endpoint_limit + 1)))
    monkeypatch.setattr(fan_out, "LEFT_SECONDS", 600)  # however slow this machine is
    assert not fan_out.take_over_fan_outs(begun.append)
    assert not begun
    FanOut.objects.update(turn_at="2020-01-01T00:00:00Z")
    assert fan_out.take_over_fan_outs(begun.append)
    assert begun == [begun.append]


@pytest.mark.parametrize(("is_alone", "is_guest", "pauses"), [(True, False, 0), (False, False, 3), (True, True, 3)])
def test_a_fan_out_rests_after_each_chunk_while_events_of_others_come_or_a_worker_took_it_over(
    monkeypatch: pytest.MonkeyPatch, is_alone: bool, is_guest: bool, pauses: int
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(fan_out, "CHUNK", 90)
    accept_event(draft(a_customer(event_store.SHARED.endpoint_limit + 1)))
    monkeypatch.setattr(fan_out.accepting, "is_one", lambda now: is_alone)
    monkeypatch.setattr(fan_out._continuation, "is_guest", is_guest)
    give_own_time(monkeypatch, fan_out, sleep=slept.append)
    assert continue_fan_outs(lambda lanes: None) == 3
    assert len(slept) == pauses
    assert all(0 < each <= fan_out.LONGEST_PAUSE_SECONDS for each in slept)


def test_whose_filters_took_long_rests_also_with_its_next_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deliveries.services.accepting.shared_commits.SHARED", FanOutLimits(filter_limit=0))
    monkeypatch.setattr(filter_judge, "DEAR_SECONDS", -1.0)
    monkeypatch.setattr(fan_out, "WAIT_FOR", 1e9)
    monkeypatch.setattr(fan_out, "LEASE_SECONDS", 3600.0)
    monkeypatch.setattr(fan_out, "_waits_until", {})
    dear, other = a_customer(1, filter="$.data.n == 1"), a_customer(event_store.SHARED.endpoint_limit + 1)
    for customer in (dear, dear, other):
        accept_event(draft(customer, b'{"n": 1}'))
    assert continue_fan_outs(lambda lanes: None) == 3, "it rests by a lease that counts"
    assert (deliveries_of(dear), deliveries_of(other)) == (1, event_store.SHARED.endpoint_limit + 1)
    (left,) = FanOut.objects.all()
    assert left.customer_id == dear.id
    monkeypatch.setattr(fan_out, "_waits_until", {})
    FanOut.objects.update(lease_until=None)
    continue_fan_outs(lambda lanes: None)
    assert deliveries_of(dear) == 2


def test_what_is_fanned_out_is_drawn_on_the_account_of_whoever_posted_it(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[UUID, int]] = []
    monkeypatch.setattr(fan_out, "_posters", {})
    monkeypatch.setattr(fan_out, "charge", lambda by, *, deliveries, seconds: drawn.append((by, deliveries)))
    monkeypatch.setattr(fan_out._continuation, "begin", lambda wake: None)
    number = event_store.SHARED.endpoint_limit + 1
    by_itself, by_the_operator = a_customer(number), a_customer(number)
    for customer, by in ((by_itself, by_itself.id), (by_the_operator, None)):
        fan_out.begin_fan_outs(lambda lanes: None, posted=[accept_event(draft(customer)).event_id], by=by)
    continue_fan_outs(lambda lanes: None)
    assert {by for by, _ in drawn} == {by_itself.id}
    assert sum(deliveries for _, deliveries in drawn) == number


def test_whose_events_make_many_deliveries_shares_no_statement_with_others(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, list[UUID | None]] = {"small": [], "large": []}

    def noting(name: str, commits: GroupCommit[event_store.Entry]) -> SimpleNamespace:
        def submit(entry: event_store.Entry) -> Ending:
            taken[name].append(entry.draft.customer_id)
            return commits.submit(entry)

        return SimpleNamespace(submit=submit)

    monkeypatch.setattr(wide_events, "_wide", {})
    monkeypatch.setattr(shared_commits, "_commits", noting("small", shared_commits._commits))
    monkeypatch.setattr(shared_commits, "_large_commits", noting("large", shared_commits._large_commits))
    few, many = a_customer(wide_events.MANY_DELIVERIES), a_customer(wide_events.MANY_DELIVERIES + 1)
    very_many = a_customer(event_store.SHARED.endpoint_limit + 1)
    everyone = (few, many, very_many)
    for _ in range(2):
        for customer in everyone:
            accept_event(draft(customer))
    assert taken == {"small": [*(each.id for each in everyone), few.id], "large": [many.id, very_many.id]}
    Endpoint.objects.filter(customer=many).update(deleted_at="2020-01-01T00:00:00Z")
    for _ in range(2):
        accept_event(draft(many))
    assert (taken["large"][-1], taken["small"][-1]) == (many.id, many.id)  # the first shows that it has few by now


def test_a_fan_out_does_not_wait_for_the_disk_that_accepted_events_wait_for() -> None:
    accept_event(draft(a_customer(event_store.SHARED.endpoint_limit + 1)))

    def waits(act: Callable[[], object]) -> bool:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = on")
            act()
            cursor.execute("SHOW synchronous_commit")
            return bool(cursor.fetchone() == ("on",))

    taken: list[ClaimFanOutsRow] = []
    assert not waits(lambda: taken.extend(sql.fetch(ClaimFanOutsRow, {"limit": 4, "lease_seconds": 60.0})))
    assert not waits(lambda: fan_out.fan_out_chunk(taken[0]))
    assert Delivery.objects.count() == event_store.SHARED.endpoint_limit + 1
    assert not waits(Leases().beat)
    assert waits(lambda: accept_event(draft(a_customer(1))))
