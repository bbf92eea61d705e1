"""Whose job is next: places and turns by who asked, so that one customer's many jobs delay nobody else's."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from deliveries.engine.dispatcher import JOB_QUIET_SECONDS, Dispatcher
from deliveries.errors import LimitReached
from deliveries.models import Customer, DueDelivery, Endpoint, Job
from deliveries.services import job_control, job_steps
from deliveries.services.common import limits
from deliveries.services.endpoints import create_endpoint, pause_endpoint, resume_endpoint
from deliveries.services.reading.selection import Selection
from deliveries.services.resending import jobs
from tests.api.logs import log_delivery, log_event
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db

URL = "https://93.184.216.34/in"


def an_endpoint(name: str) -> Endpoint:
    return create_endpoint(Customer.objects.create(name=name, uid=name), {"url": URL}, actor="system")[0]


@pytest.fixture
def alice() -> Endpoint:
    return an_endpoint("alice")


@pytest.fixture
def bob() -> Endpoint:
    return an_endpoint("bob")


@pytest.fixture(autouse=True)
def few_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_steps, "CHUNK", 1)
    monkeypatch.setattr(SETTINGS, "jobs_per_customer", 3)


def start(endpoint: Endpoint, *, number: int = 3, by_operator: bool = False) -> Job:
    for _ in range(number):
        log_delivery(endpoint, state="exhausted")
    selection = Selection(endpoint_id=endpoint.id, states=("exhausted",))
    return jobs.start_job(
        Job.Kind.REDELIVER, selection, customer=endpoint.customer, actor="key:x", by_operator=by_operator
    )


def next_turn() -> UUID:
    step = job_steps.run_next_step()
    assert step is not None
    return step.job_id


def test_turns_go_round_by_customer_and_not_by_job(alice: Endpoint, bob: Endpoint) -> None:
    """Given a customer with three jobs and then another with one, then every second turn is the other's."""
    many = {start(alice).id for _ in range(3)}
    one = start(bob).id
    turns = [next_turn() for _ in range(6)]
    assert [turn == one for turn in turns] == [False, True, False, True, False, True]
    assert {turn for turn in turns if turn != one} == many  # and among a customer's own jobs too


def test_what_staff_ask_for_has_a_turn_of_its_own(alice: Endpoint) -> None:
    for _ in range(3):
        start(alice)
    support = start(alice, by_operator=True).id
    assert support in {next_turn(), next_turn()}


def test_a_customer_has_one_step_at_a_time(alice: Endpoint, bob: Endpoint) -> None:
    """Given a step of a customer under way in another worker, then only another customer's job gets a turn."""
    under_way = start(alice)
    start(alice)
    Job.objects.filter(id=under_way.id).update(stepping_until=timezone.now() + timedelta(seconds=15))
    assert job_steps.run_next_step() is None
    waiting = start(bob).id
    assert next_turn() == waiting


def test_a_step_whose_worker_died_keeps_nobody_waiting_for_long(alice: Endpoint) -> None:
    job = start(alice)
    Job.objects.update(stepping_until=timezone.now() - timedelta(minutes=1))
    assert next_turn() == job.id


def test_a_full_job_lets_the_next_one_have_its_turn(
    alice: Endpoint, bob: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (jobs, job_steps):
        monkeypatch.setattr(module, "WAITING_LIMIT", 1)
    full = start(alice)
    assert next_turn() == full.id
    other = start(bob)
    step = job_steps.run_next_step()
    assert step == job_steps.Step(full.id, False, [])
    assert job_steps.run_next_step(skipped={full.id}) == job_steps.Step(other.id, True, [(bob.id, False)])


def test_one_customers_jobs_take_no_place_of_anothers_nor_of_staff(alice: Endpoint, bob: Endpoint) -> None:
    for _ in range(3):
        start(alice, number=1)
    with pytest.raises(LimitReached, match=r"the customer cus_\w+ may have at most 3 jobs under way, and has 3"):
        start(alice)
    start(alice, by_operator=True)
    start(bob)
    jobs.start_job(Job.Kind.REDELIVER, Selection(states=("exhausted",)), customer=None, actor="user:root")


def test_a_job_that_only_waits_for_a_paused_endpoint_is_held_and_takes_no_place(alice: Endpoint) -> None:
    pause_endpoint(alice, actor="key:x")
    held = [start(alice, number=1) for _ in range(3)]
    while job_steps.run_next_step() is not None:
        pass
    assert jobs.tend_jobs() == []
    assert set(Job.objects.values_list("state", flat=True)) == {"held"}
    assert {start(alice, number=1).state for _ in range(3)} == {"pending"}
    assert DueDelivery.objects.filter(job_id__in=[job.id for job in held]).count() == 3


def test_a_held_job_goes_on_with_its_endpoint_and_ends(alice: Endpoint) -> None:
    pause_endpoint(alice, actor="key:x")
    log_event(alice, age=timedelta(minutes=1))
    selection = Selection(customer_id=alice.customer_id, endpoint_id=alice.id)
    job = jobs.start_job(Job.Kind.REPLAY, selection, customer=alice.customer, actor="key:x")
    while job_steps.run_next_step() is not None:
        pass
    jobs.tend_jobs()
    job.refresh_from_db()
    assert job.state == "held"
    resume_endpoint(alice, actor="key:x")
    jobs.tend_jobs()
    job.refresh_from_db()
    assert job.state == "running"
    DueDelivery.objects.all().delete()
    jobs.tend_jobs()
    job.refresh_from_db()
    assert job.state == "done"


def test_a_job_with_one_endpoint_that_works_is_not_held(alice: Endpoint) -> None:
    other = create_endpoint(alice.customer, {"url": URL}, actor="system")[0]
    pause_endpoint(alice, actor="key:x")
    for endpoint in (alice, other):
        log_delivery(endpoint, state="exhausted")
    selection = Selection(customer_id=alice.customer_id)
    jobs.start_job(Job.Kind.REDELIVER, selection, customer=alice.customer, actor="key:x")
    while job_steps.run_next_step() is not None:
        pass
    jobs.tend_jobs()
    assert Job.objects.get().state == "running"


def test_a_held_job_can_be_cancelled(alice: Endpoint) -> None:
    pause_endpoint(alice, actor="key:x")
    job = start(alice)
    while job_steps.run_next_step() is not None:
        pass
    jobs.tend_jobs()
    assert job_control.cancel_job(job, actor="key:x").state == "cancelled"
    job.refresh_from_db()
    assert (job.failed, DueDelivery.objects.count()) == (0, 0)


def test_held_jobs_have_an_end_too(alice: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HELD_JOBS", 1)
    start(alice, number=1)
    Job.objects.update(state="held")
    with pytest.raises(LimitReached, match="wait for a paused endpoint"):
        start(alice)


def test_the_dispatcher_rings_for_jobs_that_nobody_serves_and_few_times(alice: Endpoint) -> None:
    rung: list[UUID] = []
    dispatcher = Dispatcher(ring=lambda lanes: None, ring_all=lambda *, slow: None, ring_job=rung.append)
    served = [start(alice) for _ in range(3)]
    dispatcher._ring_jobs()
    dispatcher._ring_jobs()
    assert rung == [job.id for job in served[:2]]
    next_turn()
    Job.objects.filter(served_at__isnull=False).update(served_at=timezone.now() + timedelta(minutes=1))
    dispatcher._jobs_rung_at -= JOB_QUIET_SECONDS
    dispatcher._ring_jobs()
    assert len(rung) == 2  # a step was begun a moment ago: the bell goes on by itself
