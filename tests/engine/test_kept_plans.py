"""Plans made while all tables were empty, or counted so: what they look at grows with the work, not with its square.

What lives here: how many rows a statement of the dispatcher or of a job reads when much has become due on a fresh
installation, whose statistics say that there is nothing. Rows are counted by PostgreSQL; no time is measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import connection, transaction

from deliveries import sql
from deliveries.engine import backlogs
from deliveries.engine.backlogs import Leftovers
from deliveries.engine.lane import Lane as LeasedLane
from deliveries.engine.leases import Leases
from deliveries.engine.recorder import GiveBack, record_outcomes
from deliveries.engine.work import Finished
from deliveries.models import Delivery, DueDelivery, Endpoint, Lane
from deliveries.models.base import new_id
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.outcome import Outcome
from deliveries.services.accepting.event_store import FanOutLimits
from deliveries.services.accepting.events import Accepted, EventDraft, accept_events
from deliveries.services.accepting.fan_out import continue_fan_outs
from deliveries.services.housekeeping.leader import Lead
from tests.engine.much import FILL, JOB, LANES, fill, rows_read, rows_so_far, take_statistics
from tests.engine.steps import an_endpoint, emit
from tests.reading import forget_statistics
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

NEVER_ANALYZED = ("hookpost_endpoint", "hookpost_lane", "hookpost_due_delivery")
FILLED = ("due_delivery", "delivery", "event", "lane", "endpoint_secret", "endpoint")
READ_EACH = 40  # rows that a statement may read for each that it is about: look-ups, indexes, partitions
FEW = 3  # how often an event may read each endpoint of somebody else while its plan is of an empty table


@pytest.fixture(params=["new", "emptied"])
def fresh(receiver: Receiver, request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    """An installation with one endpoint and no event, and a connection that never looks at statistics again.

    It is new, or it had much to do, and its tables were counted when all of that was gone: their pages are still there.
    """
    with connection.cursor() as cursor:
        for table in NEVER_ANALYZED:
            cursor.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        cursor.execute(f"TRUNCATE {', '.join(NEVER_ANALYZED)}, hookpost_delivery, hookpost_event CASCADE")
    if request.param == "emptied":
        fill(an_endpoint(receiver.url))
        with connection.cursor() as cursor:
            cursor.execute("; ".join(f"DELETE FROM hookpost_{name}" for name in FILLED))
    forget_statistics()
    take_statistics()
    endpoint = an_endpoint(receiver.url)
    Lead(str(endpoint.id)).take()  # a statement that keeps its plan, and tells the connection so
    yield endpoint
    connection.close()
    with connection.cursor() as cursor:
        for table in NEVER_ANALYZED:
            cursor.execute(f"ALTER TABLE {table} RESET (autovacuum_enabled)")


def test_backlogs_are_released_by_look_ups(fresh: Endpoint) -> None:
    """Given a connection that has released nothing for long, and then 2,000 lanes that drain."""
    parameters = {"rate": 100}
    sql.run("release_backlogs", parameters)
    fill(fresh, held=True)
    Endpoint.objects.update(draining=True)
    released, read = rows_read("release_backlogs", parameters)
    assert released == LANES
    assert read < LANES * READ_EACH


def test_backlogs_are_held_by_look_ups(fresh: Endpoint) -> None:
    parameters = {"limit": 5000}
    sql.run("hold_backlogs", parameters)
    fill(fresh)
    Endpoint.objects.update(state="paused")
    held, read = rows_read("hold_backlogs", parameters)
    assert held == LANES
    assert read < LANES * READ_EACH


def test_rounds_with_something_to_do_are_seen_by_look_ups(fresh: Endpoint) -> None:
    """Given many paused endpoints that have nothing due, beside many that have."""
    sql.run("rounds_due", {})
    fill(fresh, held=True)
    Endpoint.objects.exclude(id=fresh.id).update(state="paused")
    fill(fresh)
    _, read = rows_read("rounds_due", {})
    assert read < 2 * LANES * READ_EACH


@pytest.mark.parametrize("name", ["rounds_due", "hold_backlogs", "release_backlogs"])
def test_a_round_reads_no_endpoint_that_it_is_not_about(fresh: Endpoint, name: str) -> None:
    """Given many endpoints that are enabled and drain nothing, and then one of which something is held or released."""
    parameters = {"hold_backlogs": {"limit": 5000}, "release_backlogs": {"rate": 100}}.get(name, {})
    Leases().find(after=UUID(int=0), probes=1, limit=1, slow=None)  # the dispatcher's connection goes by indexes
    sql.run(name, parameters)
    fill(fresh)
    one = an_endpoint(fresh.url)
    emit(one)
    assert rows_read(name, parameters)[1] < READ_EACH
    is_resumed = name == "release_backlogs"
    if is_resumed:
        DueDelivery.objects.filter(endpoint_id=one.id).update(due_at=None)
        Delivery.objects.filter(endpoint_id=one.id).update(state="held")
    Endpoint.objects.filter(id=one.id).update(state="enabled" if is_resumed else "paused", draining=is_resumed)
    assert sql.run(name, parameters) == 1


def test_what_is_held_by_chance_is_found_by_look_ups_so_many_in_a_round(
    fresh: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlogs, "PROBES", LANES // 2)
    leftovers = Leftovers()
    assert leftovers.find() == 0
    fill(fresh, held=True)
    for found in (LANES // 2, LANES // 2, 0):
        with transaction.atomic():
            before = rows_so_far()
            assert leftovers.find() == found
            assert rows_so_far() - before < LANES // 2 * READ_EACH
    assert Endpoint.objects.filter(draining=True).count() == LANES


def test_figures_of_the_queue_ask_for_what_is_due_where_something_is_queued(fresh: Endpoint) -> None:
    """Given many lanes with nothing queued, then each and its endpoint is read once, to be counted."""
    fill(fresh)
    DueDelivery.objects.all().delete()
    emit(an_endpoint(fresh.url))
    nothing = UUID(int=0)
    _, read = rows_read("queue_stats", {"since": nothing, "limit": 10, "after": nothing, "probes": 10 * LANES})
    assert read < 2 * LANES + READ_EACH


def test_deliveries_are_cancelled_by_look_ups(fresh: Endpoint) -> None:
    sql.run("cancel_deliveries", {"delivery_ids": []})
    ids = fill(fresh)
    _, read = rows_read("cancel_deliveries", {"delivery_ids": ids})
    assert DueDelivery.objects.count() == 0
    assert read < LANES * READ_EACH


def test_lanes_with_something_due_are_found_by_look_ups(fresh: Endpoint) -> None:
    parameters = {
        "after": UUID(int=0),
        "probes": 2 * LANES,
        "limit": 2 * LANES,
        "silent_seconds": 4.0,
        "gap_part": 0.6,
        "slow": None,
        "parts": 1,
        "part": 0,
    }
    sql.run("find_due_lanes", parameters)
    fill(fresh)
    found, read = rows_read("find_due_lanes", parameters)
    assert found == LANES
    assert read < LANES * READ_EACH


def test_what_waits_is_cancelled_by_look_ups(fresh: Endpoint) -> None:
    parameters = {"endpoint_id": None, "job_id": JOB, "backlog_only": False, "why": "", "batch": 1000}
    sql.run("cancel_due", parameters)
    fill(fresh)
    _, read = rows_read("cancel_due", parameters)
    assert read < LANES * READ_EACH


def test_redeliveries_are_queued_by_look_ups(fresh: Endpoint) -> None:
    parameters = {"delivery_ids": [], "actor": "user:alice", "reason": "", "job_id": JOB}
    sql.run("queue_redeliveries", parameters)
    ids = fill(fresh, held=True)
    queued, read = rows_read("queue_redeliveries", parameters | {"delivery_ids": ids})
    assert queued == LANES
    assert read < LANES * READ_EACH


def test_losses_are_noted_by_look_ups(fresh: Endpoint) -> None:
    parameters = {"ids": [], "endpoint_ids": [], "delivery_ids": [], "keys": ["hookpost.delivery.exhausted"]}
    sql.run("note_exhausted", parameters)
    fill(fresh)
    endpoint_ids = list(Lane.objects.values_list("endpoint_id", flat=True))
    given = {
        "ids": [new_id() for _ in endpoint_ids],
        "endpoint_ids": endpoint_ids,
        "delivery_ids": [None] * len(endpoint_ids),
    }
    _, read = rows_read("note_exhausted", parameters | given)
    assert read < LANES * READ_EACH


@pytest.mark.parametrize("counted", ["never", "while_empty", "with_one_endpoint", "with_two_endpoints"])
def test_an_event_is_accepted_by_look_ups_although_its_plan_is_kept(
    fresh: Endpoint, receiver: Receiver, counted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a plan of the first event, then many endpoints of somebody else, then each is read twice, and soon none."""
    if counted == "with_one_endpoint":
        take_statistics()
    draft = EventDraft(type="a.b", data=b"{}", customer_id=an_endpoint(receiver.url).customer_id)
    if counted == "with_two_endpoints":
        take_statistics()
    elif counted == "never":
        forget_statistics()
    accept_events([draft])
    fill(fresh)
    assert rows_read_by_accepting(draft) < LANES * FEW
    monkeypatch.setattr(sql, "PLANS_SECONDS", 0)
    assert rows_read_by_accepting(draft) < READ_EACH


def test_a_chunk_of_a_fan_out_is_made_by_look_ups_although_its_plan_is_kept(
    fresh: Endpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a plan of the first fan-out, then many endpoints of somebody else, then none of those is read."""
    monkeypatch.setattr("deliveries.services.accepting.events.ALONE", FanOutLimits(endpoint_limit=0))
    draft = EventDraft(type="a.b", data=b"{}", customer_id=an_endpoint(receiver.url).customer_id)
    accept_events([draft])
    assert continue_fan_outs(lambda _lanes: None) == 1
    fill(fresh)
    accept_events([draft])
    with transaction.atomic():
        before = rows_so_far()
        assert continue_fan_outs(lambda _lanes: None) == 1
        assert rows_so_far() - before < 3 * READ_EACH


def test_lanes_are_leased_and_recorded_by_look_ups_beside_one_that_is_nearly_all_of_the_queue(fresh: Endpoint) -> None:
    """Given statistics by which whatever is due is one endpoint's, then nobody else's statements read all of it."""
    backlog = {"ids": [new_id() for _ in range(LANES)], "endpoints": [fresh.id] * LANES, "is_held": False, "job": None}
    with connection.cursor() as cursor:
        cursor.execute(FILL, backlog | {"customer": fresh.customer_id})
    take_statistics()
    leases = Leases()
    assert leases.find(after=UUID(int=0), probes=10, limit=10, slow=None), "and a worker's connection knows what it is"
    others = [an_endpoint(fresh.url) for _ in range(4)]
    for endpoint in others:
        emit(endpoint)
    ids, now = [endpoint.id for endpoint in others], time.monotonic()
    reads: list[int] = []
    lanes: list[LeasedLane] = []
    for some in (ids[:1], ids[1:]):
        with transaction.atomic():
            before = rows_so_far()
            lanes += leases.take(some, room=20, now=now)[0]
            reads.append(rows_so_far() - before)
    for lane in lanes:
        finished = Finished(
            claimed=lane.waiting.popleft(),
            started_at=datetime.now(UTC),
            answer=Answer(status=204),
            outcome=Outcome(state="succeeded"),
        )
        lane.finish(finished)
    for part in (lanes[:1], lanes[1:]):
        with transaction.atomic():
            before = rows_so_far()
            given_back = record_outcomes(part, now=now, give_back=dict.fromkeys(ids, GiveBack.IF_NOTHING_IS_DUE))
            reads.append(rows_so_far() - before)
        assert all(each.released for each in given_back.values())
    assert len(lanes) == len(others)
    assert max(reads) < len(others) * READ_EACH


def test_an_endpoint_is_looked_up_by_its_id_and_not_once_for_each_customer(fresh: Endpoint) -> None:
    """Given lanes of several customers, then the index of customers' endpoints has no part in finding and leasing."""
    others = [an_endpoint(fresh.url) for _ in range(4)]
    for endpoint in others:
        emit(endpoint)
    leases, ids, now = Leases(), [endpoint.id for endpoint in others], time.monotonic()
    with transaction.atomic():
        before = scans_of("endpoint_living")
        assert len(leases.find(after=UUID(int=0), probes=10, limit=10, slow=None)) == len(ids)
        lanes = [lane for some in (ids[:1], ids[1:]) for lane in leases.take(some, room=20, now=now)[0]]
        assert len(lanes) == len(ids)
        Leftovers().find()
        assert scans_of("endpoint_living") == before


def scans_of(index: str) -> int:
    """How often this transaction has gone through an index."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_get_xact_numscans(%s::regclass)", [index])
        return int(cursor.fetchone()[0])


def rows_read_by_accepting(draft: EventDraft) -> int:
    with transaction.atomic():
        before = rows_so_far()
        (accepted,) = accept_events([draft])
        assert isinstance(accepted, Accepted)
        assert accepted.deliveries == 1
        return rows_so_far() - before
