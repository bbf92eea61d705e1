"""Bulk work: /deliveries/redeliver, /deliveries/cancel, …/recover, …/replay, /jobs/{id}

What lives here: the REST form of jobs. It must not know how they are done: services/job_steps.py does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries import actors
from deliveries.api.auth import caller_of
from deliveries.api.base import LISTS, REDELIVER, ApiView, asked, given
from deliveries.api.describe import PAGE_QUERY, extend_schema, listed
from deliveries.api.failure_groups import group_meant
from deliveries.api.fields import Choice, Flag, JsonObject, Moment, Number, Shape, Text, TypeId
from deliveries.api.lookups import find_endpoint, find_job
from deliveries.api.paging import PARAMETERS, page_of
from deliveries.api.query_filters import DeliveryFilters, TimeFilters, selection_of
from deliveries.api.reasons import ReasonShape, why
from deliveries.errors import InvalidInput
from deliveries.models import Customer, Job, visible
from deliveries.models.base import REASON_LIMIT
from deliveries.models.visible import Viewer, shown_actor
from deliveries.protocol.events.tags import read_tags
from deliveries.protocol.writing import ids
from deliveries.services.job_control import cancel_job, resume_job
from deliveries.services.reading.selection import Selection, read_types
from deliveries.services.resending.failure_groups import selection_of as group_selection
from deliveries.services.resending.jobs import count_matching, problem_of, start_job


class JobShape(Shape):
    """A job. `total` is what it will send, `queued` what it has queued; `done` arrived, `failed` did not.

    While it queues, `total` is what was counted when it was asked for, at most 100,000. Of a job that cancels `queued`
    and `done` both count what was cancelled. Of an erasure `total` and
    `done` count rows; of an import lines, and `failed` those that were refused.
    """

    id = TypeId(ids.JOB)
    kind = Choice(Job.Kind.choices)
    state = Choice(Job.State.choices)
    customer = TypeId(ids.CUSTOMER, source="customer_id", allow_null=True)
    filters = JsonObject()
    actor = Text()
    reason = Text()
    total = Number()
    queued = Number()
    done = Number()
    failed = Number()
    created_at = Moment()
    started_at = Moment(allow_null=True)
    finished_at = Moment(allow_null=True)
    problem = Text(help_text="Why its last step failed, or why not all of it arrived; mostly empty.")


class CountShape(Shape):
    """What a dry run answers."""

    may_be_absent = frozenset({"at_least"})

    count = Number(help_text="How many would be queued now.")
    at_least = Flag(required=False, help_text="There, and true, when counting stopped early: there are more.")


class ManyShape(DeliveryFilters):
    """Which deliveries: the filters of their list."""

    status_code = Number(required=False, min_value=100, max_value=599, help_text="Of the last attempt.")  # type: ignore[assignment]
    dry_run = Flag(required=False, help_text="Only count.")
    reason = Text(required=False, allow_blank=True, max_length=REASON_LIMIT)


class BulkShape(ManyShape):
    """Which deliveries to send again: the filters of their list, or a failure group."""

    group = TypeId(
        ids.FAILURE_GROUP, required=False, help_text="All of a failure group, or with `tag` what of it carries one."
    )


class SpanShape(TimeFilters):
    """Which span of time, which types, and which tags."""

    since = Moment()
    type = Text(required=False, help_text="A name, or a family such as invoice.*; several with commas.")
    tag = Text(required=False, help_text="A tag of the event; any of several with commas.")
    dry_run = Flag(required=False, help_text="Only count.")
    reason = Text(required=False, allow_blank=True, max_length=REASON_LIMIT)


JOB_OR_COUNT = {
    200: CountShape,
    202: JobShape,
}


def show_job(job: Job, viewer: Viewer) -> dict[str, object]:
    """Return a job as answers show it, its filters in the words of the API."""
    shown = JobShape.shown(job) | {"filters": _shown_filters(job)}
    if viewer.is_operator:
        return shown
    return shown | {"actor": shown_actor(viewer, job.actor), "problem": problem_of(job, viewer=viewer)}


class BulkRedeliverView(ApiView):
    """Send many again."""

    scopes = REDELIVER

    @extend_schema(operation_id="redeliver_many", request=BulkShape, responses=JOB_OR_COUNT)
    def post(self, request: Request) -> Response:
        """Send every delivery that matches once more, after all live traffic; `dry_run` answers the count."""
        fields = given(BulkShape, request)
        return _of_group(request, fields) if "group" in fields else _for_many(request, Job.Kind.REDELIVER, fields)


class BulkCancelView(ApiView):
    """Cancel many."""

    scopes = REDELIVER

    @extend_schema(operation_id="cancel_many", request=ManyShape, responses=JOB_OR_COUNT)
    def post(self, request: Request) -> Response:
        """Cancel every delivery that matches and still waits, pending or held; `dry_run` answers the count.

        What is in flight at that moment may still arrive.
        """
        return _for_many(request, Job.Kind.CANCEL, given(ManyShape, request))


class RecoverView(ApiView):
    """Send again what failed."""

    scopes = REDELIVER

    @extend_schema(operation_id="recover_endpoint", request=SpanShape, responses=JOB_OR_COUNT)
    def post(self, request: Request, customer: str, endpoint: str) -> Response:
        """Send once more what was tried in a span of time and has not succeeded."""
        return _for_endpoint(request, Job.Kind.RECOVER, customer, endpoint)


class ReplayView(ApiView):
    """Send what was never sent."""

    scopes = REDELIVER

    @extend_schema(operation_id="replay_endpoint", request=SpanShape, responses=JOB_OR_COUNT)
    def post(self, request: Request, customer: str, endpoint: str) -> Response:
        """Send the events of a span of time that match the endpoint now and were never sent to it."""
        return _for_endpoint(request, Job.Kind.REPLAY, customer, endpoint)


class JobsView(ApiView):
    """All jobs."""

    queried = LISTS

    @extend_schema(operation_id="list_jobs", parameters=PAGE_QUERY, responses=listed(JobShape))
    def get(self, request: Request) -> Response:
        """List jobs, newest first."""
        asked(Shape, request, also=PARAMETERS)
        viewer = caller_of(request).viewer
        return Response(page_of(request, visible.jobs(viewer), lambda job: show_job(job, viewer)))


class JobView(ApiView):
    """One job."""

    @extend_schema(operation_id="get_job", responses=JobShape)
    def get(self, request: Request, job: str) -> Response:
        """Return a job with its progress."""
        viewer = caller_of(request).viewer
        return Response(show_job(find_job(viewer, job), viewer))


class CancelJobView(ApiView):
    """Cancelling a job."""

    scopes = REDELIVER

    @extend_schema(operation_id="cancel_job", request=ReasonShape, responses=JobShape)
    def post(self, request: Request, job: str) -> Response:
        """Stop a job; what is in flight still arrives, all else of it is taken back."""
        caller = caller_of(request)
        row = find_job(caller.viewer, job)
        return Response(show_job(cancel_job(row, actor=caller.actor, **why(request)), caller.viewer))


class ResumeJobView(ApiView):
    """Resuming a job."""

    scopes = REDELIVER

    @extend_schema(operation_id="resume_job", request=ReasonShape, responses=JobShape)
    def post(self, request: Request, job: str) -> Response:
        """Let a job that failed or was cancelled go on where it stopped."""
        caller = caller_of(request)
        row = find_job(caller.viewer, job)
        resumed = resume_job(row, actor=caller.actor, **why(request))
        actors.ring_job(resumed.id)
        return Response(show_job(resumed, caller.viewer))


def _for_many(request: Request, kind: Job.Kind, fields: dict[str, Any]) -> Response:
    viewer = caller_of(request).viewer
    owner = None if viewer.is_operator else visible.customers(viewer).first()
    return _begin(request, kind, selection_of(viewer, fields), fields, owner)


def _for_endpoint(request: Request, kind: Job.Kind, customer: str, ref: str) -> Response:
    endpoint = find_endpoint(caller_of(request).viewer, customer, ref)
    fields = given(SpanShape, request)
    selection = Selection(
        customer_id=endpoint.customer_id,
        endpoint_id=endpoint.id,
        types=read_types(fields["type"]) if "type" in fields else (),
        tags=read_tags(fields["tag"]) if "tag" in fields else (),
        failed=kind == Job.Kind.RECOVER,
        since=fields["since"],
        until=fields.get("until"),
    )
    return _begin(request, kind, selection, fields, endpoint.customer)


def _of_group(request: Request, fields: dict[str, Any]) -> Response:
    if fields.keys() - {"group", "tag", "dry_run", "reason"}:
        raise InvalidInput("a group says by itself which deliveries; leave the other filters out", field="group")
    group = group_meant(caller_of(request).viewer, fields["group"])
    selection = replace(group_selection(group), tags=read_tags(fields["tag"]) if "tag" in fields else ())
    return _begin(request, Job.Kind.REDELIVER, selection, fields, group.endpoint.customer)


def _begin(
    request: Request, kind: Job.Kind, selection: Selection, fields: dict[str, Any], customer: Customer | None
) -> Response:
    if fields.get("dry_run"):
        count = count_matching(kind, selection, viewer=caller_of(request).viewer)
        return Response({"count": count.number} | ({} if count.is_complete else {"at_least": True}))
    job = start_job(
        kind,
        selection,
        customer=customer,
        actor=caller_of(request).actor,
        reason=fields.get("reason", ""),
        by_operator=caller_of(request).viewer.is_operator,
    )
    return job_started(request, job)


def job_started(request: Request, job: Job) -> Response:
    """Let workers know of a job, and return 202 with its address."""
    actors.ring_job(job.id)
    place = request.build_absolute_uri(reverse("hookpost:job", args=[job.public_id]))
    return Response(show_job(job, caller_of(request).viewer), status=202, headers={"Location": place})


def _shown_filters(job: Job) -> dict[str, object]:
    if job.kind == Job.Kind.IMPORT:
        return dict(job.filters)
    prefixes = {"customer_id": ids.CUSTOMER, "endpoint_id": ids.ENDPOINT, "event_id": ids.EVENT}
    selection = Selection.from_json(job.filters)
    shown: dict[str, object] = {}
    for name, value in job.filters.items():
        if name in prefixes:
            shown[name.removesuffix("_id")] = ids.encode_id(prefixes[name], getattr(selection, name))
        elif name in ("types", "states", "tags"):
            shown[name.removesuffix("s")] = ",".join(value)
        elif name != "failed":
            shown[name] = value
    return shown
