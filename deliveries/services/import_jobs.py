"""Importing as a job: the items are kept sealed until each is done, then only what came of it.

What lives here: the job's beginning, one step of it, and its end. It must not know how an item is stored. A step
that is killed right behind an item takes that item again, which then is unchanged.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import cast
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F
from django.db.models.functions import Coalesce

from deliveries.models import ImportLine, Job
from deliveries.models.keyring import seal, unseal
from deliveries.protocol.imports.item import ImportItem, Kind
from deliveries.services.common import clock, limits
from deliveries.services.common.audit import record_act
from deliveries.services.imports import ItemResult, Rehearsed, Way, import_item

PART = 100
OPEN = (Job.State.PENDING, Job.State.RUNNING)
Result = ImportLine.Result


def start_import(items: Sequence[ImportItem], way: Way, *, format: str) -> Job:  # noqa: A002
    """Return the job that imports these; raises LimitReached."""
    filters = {"format": format, "dry_run": way.dry_run, "paused": way.paused, "verified": way.verified}
    with transaction.atomic():
        limits.lock(None)
        limits.refuse_more_jobs(None, by_operator=True)
        job = Job.objects.create(
            kind=Job.Kind.IMPORT, by_operator=True, filters=filters, actor=way.actor, total=len(items)
        )
        ImportLine.objects.bulk_create([_line(job, item) for item in items], batch_size=PART)
        record_act(way.actor, "job.import", object_id=job.public_id, detail={**filters, "total": job.total})
    return job


def take_import_step(job_id: UUID, *, seconds: float) -> bool:
    """Import for so long; returns whether there is more. Cancelled, it stops where it is."""
    job, give_up_at = Job.objects.get(id=job_id), time.monotonic() + seconds
    chosen = {name: job.filters.get(name, False) for name in ("paused", "verified", "dry_run")}
    way = Way(actor=job.actor, **chosen, before=_rehearsed(job) if chosen["dry_run"] else Rehearsed())
    waiting = ImportLine.objects.filter(job_id=job_id, result=Result.WAITING).order_by("id")
    while part := list(waiting[:PART]):
        for line in part:
            item = _item(line)
            if not _note(line, import_item(item, way), keep=way.dry_run and item.kind == "customer"):
                return False
            if time.monotonic() > give_up_at:
                return True
    ImportLine.objects.filter(job_id=job_id).exclude(sealed=None).update(sealed=None)
    Job.objects.filter(id=job_id, state__in=OPEN).update(state=Job.State.DONE, finished_at=clock.likely_now())
    return False


def forget_lines(job_id: UUID) -> None:
    """Keep nothing of what a cancelled job has not imported, but where it stood."""
    ImportLine.objects.filter(job_id=job_id).exclude(sealed=None).update(sealed=None)


def _rehearsed(job: Job) -> Rehearsed:
    """Return what a rehearsal would have stored by now; customers stay sealed until its end for that."""
    before = Rehearsed()
    for line in ImportLine.objects.filter(job=job, result__in=(Result.IMPORTED, Result.CHANGED)).order_by("id"):
        kind = cast(Kind, line.kind)
        item = ImportItem(place=line.place, kind=kind, uid=line.uid, customer=line.customer)
        before.note(_item(line) if line.sealed else item, Result(line.result))
    return before


def results_of(job: Job) -> dict[str, Counter[str]]:
    """Return how many lines of an import came to what, by the kind of what they bring."""
    found = defaultdict[str, Counter[str]](Counter)
    counted = ImportLine.objects.filter(job=job).order_by().values_list("kind", "result").annotate(Count("id"))
    for kind, result, number in counted:
        found[kind][result] = number
    return dict(found)


def refused_lines(job: Job, *, limit: int) -> list[ImportLine]:
    """Return the first lines of an import that were refused."""
    lines = ImportLine.objects.filter(job=job, result=Result.REFUSED).defer("sealed")
    return list(lines.order_by("id")[:limit])


def _line(job: Job, item: ImportItem) -> ImportLine:
    line = ImportLine(job=job, place=item.place, kind=item.kind, uid=item.uid[:200], customer=item.customer[:200])
    line.sealed = seal(item.to_json(), row_id=line.id)
    if item.kind == "customer":
        line.customer = line.uid
    return line


def _item(line: ImportLine) -> ImportItem:
    return ImportItem.from_json(unseal(bytes(line.sealed or b""), row_id=line.id))


def _note(line: ImportLine, came: ItemResult, *, keep: bool) -> bool:
    """Write down what came of a line, and keep it sealed or not; false when the job was cancelled meanwhile."""
    refused = int(came.result == Result.REFUSED)
    with transaction.atomic():
        rows = Job.objects.filter(id=line.job_id, state__in=OPEN).update(
            state=Job.State.RUNNING,
            started_at=Coalesce(F("started_at"), clock.likely_now()),
            done=F("done") + 1 - refused,
            failed=F("failed") + refused,
            failures=0,
            rest_until=None,
            problem="",
        )
        line.sealed, line.result, line.detail = line.sealed if keep else None, came.result, came.detail
        line.save(update_fields=["sealed", "result", "detail"])
    return bool(rows)
