"""Jobs: bounded steps, nothing twice, an end that is seen, and a cancel that takes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import DataError

from deliveries.errors import Conflict, InvalidInput, LimitReached
from deliveries.models import AuditEntry, Customer, Delivery, DueDelivery, Endpoint, Event, Job, Lane
from deliveries.models.visible import OPERATOR
from deliveries.services import job_control, job_steps
from deliveries.services.common import clock
from deliveries.services.endpoints import create_endpoint, delete_endpoint, pause_endpoint
from deliveries.services.reading.selection import Selection
from deliveries.services.resending import jobs
from tests.api.logs import log_attempt, log_delivery, log_due, log_event
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db

REDELIVER, REPLAY = Job.Kind.REDELIVER, Job.Kind.REPLAY


@pytest.fixture
def endpoint(receiver_ports: list[int]) -> Endpoint:
    customer = Customer.objects.create(name="Alice")
    return create_endpoint(customer, {"url": f"http://127.0.0.1:{receiver_ports[0]}/"}, actor="system")[0]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_steps, "CHUNK", 2)
    for module in (jobs, job_steps):
        monkeypatch.setattr(module, "WAITING_LIMIT", 4)


def start(endpoint: Endpoint, kind: Job.Kind = REDELIVER, **narrowed: object) -> Job:
    selection = Selection(endpoint_id=endpoint.id, **narrowed)  # type: ignore[arg-type]
    return jobs.start_job(kind, selection, customer=endpoint.customer, actor="key:ops")


def finish(job: Job) -> None:
    """Let all that waits of a job be sent."""
    DueDelivery.objects.filter(job_id=job.id).delete()


def test_steps_are_bounded_and_go_on_where_the_cursor_says(endpoint: Endpoint) -> None:
    deliveries = [log_delivery(endpoint) for _ in range(3)]
    job = start(endpoint)
    assert job_steps.run_job_step(job.id) == (True, [(endpoint.id, False)])
    assert DueDelivery.objects.count() == 2
    more, _ = job_steps.run_job_step(job.id)
    assert not more
    assert set(DueDelivery.objects.values_list("delivery_id", flat=True)) == {each.id for each in deliveries}
    assert job_steps.run_job_step(job.id) == (False, [])


def test_what_a_job_queues_says_who_asked_for_it_and_why(endpoint: Endpoint) -> None:
    log_delivery(endpoint)
    selection = Selection(endpoint_id=endpoint.id)
    job = jobs.start_job(REDELIVER, selection, customer=endpoint.customer, actor="key:ops", reason="they mended it")
    job_steps.run_job_step(job.id)
    assert DueDelivery.objects.values_list("actor", "reason").get() == ("key:ops", "they mended it")


def test_a_step_that_runs_again_queues_nothing_twice(endpoint: Endpoint) -> None:
    """Given a worker that died after its commit, when the same step comes again, then only the rest is queued."""
    for _ in range(4):
        log_delivery(endpoint)
    job = start(endpoint)
    job_steps.run_job_step(job.id)
    finish(job)  # sent meanwhile
    while job_steps.run_job_step(job.id)[0]:
        pass
    job.refresh_from_db()
    assert (job.queued, DueDelivery.objects.count()) == (4, 2)


def test_only_so_much_of_a_job_waits_at_once(endpoint: Endpoint) -> None:
    for _ in range(7):
        log_delivery(endpoint)
    job = start(endpoint)
    steps = 0
    while job_steps.run_job_step(job.id)[0]:
        steps += 1
    assert (steps, DueDelivery.objects.count()) == (2, 4)
    assert jobs.tend_jobs() == [job.id]
    finish(job)
    assert job_steps.run_job_step(job.id)[0]


def test_a_job_ends_when_nothing_of_it_waits(endpoint: Endpoint) -> None:
    log_delivery(endpoint)
    job = start(endpoint)
    assert jobs.tend_jobs() == [job.id]
    job_steps.run_job_step(job.id)
    assert jobs.tend_jobs() == []
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING
    finish(job)
    jobs.tend_jobs()
    job.refresh_from_db()
    assert job.state == Job.State.DONE
    assert job.finished_at is not None


def test_a_job_without_matches_ends(endpoint: Endpoint) -> None:
    job = start(endpoint)
    job_steps.run_job_step(job.id)
    jobs.tend_jobs()
    job.refresh_from_db()
    assert (job.state, job.total) == (Job.State.DONE, 0)


def test_what_is_about_to_be_sent_anyway_is_left_out(endpoint: Endpoint) -> None:
    due, redelivered, retrying = (log_delivery(endpoint, state="pending") for _ in range(3))
    log_due(due)
    log_due(redelivered, manual=True)
    log_due(retrying, rank=2, attempts=1, due_at=datetime.now(UTC) + timedelta(hours=1))
    job = start(endpoint)
    while job_steps.run_job_step(job.id)[0]:
        pass
    queued = DueDelivery.objects.filter(job_id=job.id)
    assert [row.delivery_id for row in queued] == [retrying.id]
    job.refresh_from_db()
    assert (job.queued, job.total) == (1, 1)


def test_what_came_after_the_job_is_not_part_of_it(endpoint: Endpoint) -> None:
    log_delivery(endpoint, age=timedelta(minutes=1))
    job = start(endpoint)
    log_delivery(endpoint)
    while job_steps.run_job_step(job.id)[0]:
        pass
    assert DueDelivery.objects.count() == 1


def break_steps(monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> None:
    """Let every step fail, as a statement that PostgreSQL refuses does; without an error it ends its worker."""

    def refuse(job: Job) -> object:
        raise error or SystemExit

    monkeypatch.setattr(job_steps, "_next_part", refuse)


def step_until_rested(job: Job) -> None:
    """Take a step that fails, and let the rest after it pass."""
    with pytest.raises((DataError, SystemExit)):
        job_steps.run_job_step(job.id)
    Job.objects.filter(rest_until__isnull=False).update(rest_until=datetime.now(UTC))


def test_a_failed_step_makes_the_job_rest_longer_each_time(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    log_delivery(endpoint)
    job = start(endpoint)
    break_steps(monkeypatch, DataError("a value\nthat PostgreSQL refuses"))
    rests = []
    for _ in range(job_steps.FAILURES_LIMIT - 1):
        before = datetime.now(UTC)
        with pytest.raises(DataError):
            job_steps.run_job_step(job.id)
        job.refresh_from_db()
        assert job.rest_until is not None
        rests.append(round((job.rest_until - before).total_seconds()))
        assert jobs.tend_jobs() == []  # the dispatcher does not ring while it rests
        assert job_steps.run_job_step(job.id) == (False, [])
        Job.objects.update(rest_until=datetime.now(UTC))
    assert rests == [2, 10, 50, 250]
    assert (job.state, job.problem) == (Job.State.PENDING, "DataError: a value")


def test_a_job_whose_step_always_fails_fails(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    log_delivery(endpoint)
    job = start(endpoint)
    break_steps(monkeypatch, DataError("refused"))
    for _ in range(job_steps.FAILURES_LIMIT):
        assert jobs.tend_jobs() == [job.id]
        step_until_rested(job)
    job.refresh_from_db()
    assert (job.state, job.problem) == (Job.State.FAILED, "DataError: refused")
    assert job.finished_at is not None
    assert jobs.tend_jobs() == []
    assert job_steps.run_job_step(job.id) == (False, [])


def test_a_step_that_ends_its_worker_each_time_fails_the_job(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_delivery(endpoint)
    job = start(endpoint)
    break_steps(monkeypatch)
    for _ in range(job_steps.FAILURES_LIMIT):
        step_until_rested(job)
    job.refresh_from_db()
    assert job.state == Job.State.PENDING  # nobody lived to say so
    assert jobs.tend_jobs() == [job.id]
    assert job_steps.run_job_step(job.id) == (False, [])
    job.refresh_from_db()
    assert (job.state, job.problem) == (Job.State.FAILED, job_steps.WORKER_LOST)


def test_a_good_step_forgets_the_failures(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    log_delivery(endpoint)
    job = start(endpoint)
    with monkeypatch.context() as broken:
        break_steps(broken, DataError("refused"))
        step_until_rested(job)
    job_steps.run_job_step(job.id)
    job.refresh_from_db()
    assert (job.failures, job.rest_until, job.problem, job.queued) == (0, None, "", 1)


def test_a_failed_job_goes_on_at_its_cursor_when_resumed(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        log_delivery(endpoint)
    job = start(endpoint)
    job_steps.run_job_step(job.id)
    with pytest.raises(Conflict):
        job_control.resume_job(job, actor="key:ops")
    with monkeypatch.context() as broken:
        break_steps(broken, DataError("refused"))
        for _ in range(job_steps.FAILURES_LIMIT):
            step_until_rested(job)
    finish(job)
    resumed = job_control.resume_job(job, actor="key:ops", reason="repaired")
    assert (resumed.state, resumed.finished_at) == (Job.State.RUNNING, None)
    assert jobs.tend_jobs() == [job.id]
    job_steps.run_job_step(job.id)
    job.refresh_from_db()
    assert (job.queued, job.problem, DueDelivery.objects.count()) == (3, "", 1)
    assert AuditEntry.objects.get(action="job.resume").reason == "repaired"


def test_a_failed_job_can_be_cancelled(endpoint: Endpoint) -> None:
    log_delivery(endpoint, state="exhausted")
    job = start(endpoint)
    job_steps.run_job_step(job.id)
    Job.objects.update(state=Job.State.FAILED)
    assert job_control.cancel_job(job, actor="key:ops").state == Job.State.CANCELLED
    assert not DueDelivery.objects.exists()


def test_a_cancelled_job_takes_back_what_waits(endpoint: Endpoint) -> None:
    for _ in range(3):
        log_delivery(endpoint, state="exhausted")
    job = start(endpoint)
    job_steps.run_job_step(job.id)
    job_control.cancel_job(job, actor="key:ops")
    assert not DueDelivery.objects.exists()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"exhausted"}
    assert job_steps.run_job_step(job.id) == (False, [])
    assert jobs.tend_jobs() == []
    with pytest.raises(Conflict):
        job_control.cancel_job(job, actor="key:ops")


def test_a_cancelled_job_that_is_resumed_sends_what_was_taken_back_and_the_rest_once(endpoint: Endpoint) -> None:
    """Given a job of 7 of which 2 were sent and 2 waited, when it is cancelled and resumed, then 5 more are queued."""
    deliveries = [log_delivery(endpoint, age=timedelta(minutes=1)) for _ in range(7)]
    job = start(endpoint)
    job_steps.run_job_step(job.id)
    finish(job)  # two arrived
    job_steps.run_job_step(job.id)
    waited = set(DueDelivery.objects.values_list("delivery_id", flat=True))
    job_control.cancel_job(job, actor="key:ops")
    job.refresh_from_db()
    assert (job.state, set(job.taken_back), job.queued) == (Job.State.CANCELLED, waited, 2)
    assert not job_steps.run_job_step(job.id)[0]
    resumed = job_control.resume_job(job, actor="key:ops", reason="the right filter after all")
    assert (resumed.state, resumed.rest_until) == (Job.State.RUNNING, None)
    assert job_steps.run_job_step(job.id)[0]
    job.refresh_from_db()
    assert (job.taken_back, job.queued) == ([], 4)
    assert set(DueDelivery.objects.values_list("delivery_id", flat=True)) == waited
    sent = set(waited)
    finish(job)
    while job_steps.run_job_step(job.id)[0]:
        sent |= set(DueDelivery.objects.values_list("delivery_id", flat=True))
    sent |= set(DueDelivery.objects.values_list("delivery_id", flat=True))
    assert len(sent) == 5
    assert sent < {each.id for each in deliveries}
    finish(job)
    jobs.tend_jobs()
    job.refresh_from_db()
    assert (job.state, job.total, job.queued) == (Job.State.DONE, 7, 7)


def test_a_job_that_was_wholly_queued_is_resumed_too(endpoint: Endpoint) -> None:
    deliveries = [log_delivery(endpoint, age=timedelta(minutes=1)) for _ in range(2)]
    job = start(endpoint)
    while job_steps.run_job_step(job.id)[0]:
        pass
    job_control.cancel_job(job, actor="key:ops")
    job_control.resume_job(job, actor="key:ops")
    assert jobs.tend_jobs() == [job.id]
    step = job_steps.run_next_step()
    assert step == job_steps.Step(job.id, more=False, lanes=[(endpoint.id, False)])
    assert set(DueDelivery.objects.values_list("delivery_id", flat=True)) == {each.id for each in deliveries}
    assert jobs.tend_jobs() == []
    finish(job)
    jobs.tend_jobs()
    job.refresh_from_db()
    assert job.state == Job.State.DONE


@pytest.mark.parametrize("is_answered", [False, True])
def test_what_was_in_flight_when_its_job_was_cancelled_is_not_sent_again(endpoint: Endpoint, is_answered: bool) -> None:
    """Given one whose answer came before the cancel, and is written down after it, or that came later."""
    arrived, waiting = (log_delivery(endpoint, age=timedelta(minutes=1)) for _ in range(2))
    job = start(endpoint)
    while job_steps.run_job_step(job.id)[0]:
        pass
    if is_answered:
        log_attempt(arrived, number=None)
    job_control.cancel_job(job, actor="key:ops")
    if not is_answered:
        log_attempt(arrived, number=None)
    job_control.resume_job(job, actor="key:ops")
    job_steps.run_job_step(job.id)
    assert DueDelivery.objects.get().delivery_id == waiting.id
    job.refresh_from_db()
    assert (job.queued, job.done, job.failed) == (2, 1, 0)


def test_a_resumed_job_waits_for_what_is_answered_and_not_yet_written_down(endpoint: Endpoint) -> None:
    """Given a lane that an engine has in hand, when its record comes after the resume, then nothing is sent twice."""
    pair = [log_delivery(endpoint, age=timedelta(minutes=1)) for _ in range(2)]
    job = start(endpoint)
    while job_steps.run_job_step(job.id)[0]:
        pass
    Lane.objects.update(lease_until=clock.now() + timedelta(seconds=20))
    job_control.cancel_job(job, actor="key:ops")
    resumed = job_control.resume_job(job, actor="key:ops")
    assert job_steps.run_next_step() is None
    assert (jobs.tend_jobs(), DueDelivery.objects.count()) == ([], 0)
    assert (resumed.state, resumed.problem) == (Job.State.RUNNING, jobs.IN_FLIGHT)
    log_attempt(pair[0], number=None)
    assert resumed.rest_until is not None
    assert timedelta(seconds=30) < resumed.rest_until - clock.now() < timedelta(seconds=60)
    Job.objects.update(rest_until=None)  # that long after
    assert job_steps.run_next_step() is not None
    assert DueDelivery.objects.get().delivery_id == pair[1].id
    job.refresh_from_db()
    assert (job.problem, job.taken_back) == ("", [])


def test_a_job_that_waits_to_go_on_and_is_cancelled_again_keeps_what_was_taken_back(endpoint: Endpoint) -> None:
    deliveries = {log_delivery(endpoint, age=timedelta(minutes=1)).id for _ in range(2)}
    job = start(endpoint)
    while job_steps.run_job_step(job.id)[0]:
        pass
    for _ in range(2):
        job_control.cancel_job(job, actor="key:ops")
        job_control.resume_job(job, actor="key:ops")
    job_steps.run_job_step(job.id)
    assert set(DueDelivery.objects.values_list("delivery_id", flat=True)) == deliveries


def test_a_job_that_is_resumed_while_a_cancel_takes_back_what_waits_sends_that(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given two people of whom one cancels and the other resumes, then what both do leads to all that was asked for."""
    deliveries = {log_delivery(endpoint, age=timedelta(minutes=1)).id for _ in range(2)}
    job = start(endpoint)
    while job_steps.run_job_step(job.id)[0]:
        pass
    take_back = job_control.take_back

    def take_back_and_meet_a_resume(job_id: UUID, *, by_event: bool) -> list[UUID]:
        taken = take_back(job_id, by_event=by_event)
        job_control.resume_job(Job.objects.get(id=job_id), actor="user:bob")
        return taken

    monkeypatch.setattr(job_control, "take_back", take_back_and_meet_a_resume)
    job_control.cancel_job(job, actor="key:ops")
    job_steps.run_job_step(job.id)
    assert set(DueDelivery.objects.values_list("delivery_id", flat=True)) == deliveries
    job.refresh_from_db()
    assert (job.queued, job.taken_back) == (2, [])


def test_what_the_end_of_a_worker_cut_off_before_the_cancel_is_sent_by_a_resume(endpoint: Endpoint) -> None:
    delivery = log_delivery(endpoint, age=timedelta(minutes=1))
    job = start(endpoint)
    while job_steps.run_job_step(job.id)[0]:
        pass
    log_attempt(delivery, number=None, status_code=None, error="worker_lost")
    job_control.cancel_job(job, actor="key:ops")
    job_control.resume_job(job, actor="key:ops")
    job_steps.run_job_step(job.id)
    assert DueDelivery.objects.get().delivery_id == delivery.id
    job.refresh_from_db()
    assert (job.queued, job.failed) == (1, 0)


def test_an_erasure_that_was_cancelled_is_not_resumed(endpoint: Endpoint) -> None:
    job = Job.objects.create(kind="erase", state="cancelled", customer=endpoint.customer, actor="key:ops")
    with pytest.raises(Conflict, match="only one that failed or was cancelled is resumed"):
        job_control.resume_job(job, actor="key:ops")


def test_a_cancelled_replay_cancels_its_deliveries(endpoint: Endpoint) -> None:
    event = log_event(endpoint, age=timedelta(minutes=1))
    job = start(endpoint, REPLAY)
    job_steps.run_job_step(job.id)
    assert Delivery.objects.get(event=event).state == "pending"
    job_control.cancel_job(job, actor="key:ops")
    assert Delivery.objects.get(event=event).state == "cancelled"


def test_a_replay_runs_twice_without_a_second_delivery(endpoint: Endpoint) -> None:
    for minute in (1, 2, 3):
        log_event(endpoint, age=timedelta(minutes=minute))
    for _ in range(2):
        job = start(endpoint, REPLAY)
        while job_steps.run_job_step(job.id)[0]:
            pass
    assert Delivery.objects.count() == 3
    assert DueDelivery.objects.count() == 3
    job.refresh_from_db()
    assert job.queued == 0


def test_a_replay_obeys_the_filter(endpoint: Endpoint) -> None:
    Endpoint.objects.update(filter="$.data.amount > 10")
    for amount, minute in ((5, 1), (50, 2)):
        event = log_event(endpoint, age=timedelta(minutes=minute))
        Event.objects.filter(id=event.id).update(body=b'{"data":{"amount":%d}}' % amount)
    job = start(endpoint, REPLAY)
    job_steps.run_job_step(job.id)
    assert Delivery.objects.count() == 1


def test_a_replay_to_a_paused_endpoint_is_held(endpoint: Endpoint) -> None:
    log_event(endpoint, age=timedelta(minutes=1))
    pause_endpoint(endpoint, actor="key:ops")
    job_steps.run_job_step(start(endpoint, REPLAY).id)
    assert Delivery.objects.get().state == "held"
    assert DueDelivery.objects.get().due_at is None


def test_a_deleted_endpoint_ends_its_jobs(endpoint: Endpoint) -> None:
    log_event(endpoint, age=timedelta(minutes=1))
    log_delivery(endpoint, state="exhausted")
    pair = [start(endpoint), start(endpoint, REPLAY)]
    delete_endpoint(endpoint, actor="key:ops")
    for job in pair:
        job_steps.run_job_step(job.id)
    jobs.tend_jobs()
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}
    assert not DueDelivery.objects.exists()


def test_everything_is_refused_and_so_are_too_many_jobs(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a customer with as many jobs as it may have, when it asks for another, then it is told the figure."""
    with pytest.raises(InvalidInput):
        jobs.start_job(REDELIVER, Selection(), customer=None, actor="key:ops")
    with pytest.raises(InvalidInput):
        jobs.count_matching(REDELIVER, Selection(), viewer=OPERATOR)
    monkeypatch.setattr(SETTINGS, "jobs_per_customer", 1)
    failed = start(endpoint)
    Job.objects.update(state=Job.State.FAILED)
    start(endpoint)
    with pytest.raises(LimitReached, match="at most 1 jobs under way") as refused:
        start(endpoint)
    assert (refused.value.limit, refused.value.owner) == ("open_jobs", endpoint.customer.public_id)
    with pytest.raises(Conflict, match="under way"):
        job_control.resume_job(failed, actor="key:ops")


def test_a_selection_survives_its_row(endpoint: Endpoint) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    selection = Selection(
        customer_id=endpoint.customer_id, types=("a.*", "b"), states=("exhausted",), status_code=503, since=now
    )
    job = jobs.start_job(REDELIVER, selection, customer=None, actor="key:ops")
    job.refresh_from_db()
    assert Selection.from_json(job.filters) == selection
