"""POST /import, GET /jobs/{id}/report

What lives here: the REST form of imports. It must not know what a file holds, nor how an item is stored.
"""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api.auth import caller_of, refuse_customer_keys
from deliveries.api.base import LISTS, ApiView, asked, given
from deliveries.api.describe import PAGE_QUERY, extend_schema, listed
from deliveries.api.fields import Choice, Flag, JsonValue, Shape, Text
from deliveries.api.jobs import JobShape, job_started
from deliveries.api.lookups import find_job
from deliveries.api.paging import PARAMETERS, page_of
from deliveries.api.parsers import StrictJsonParser
from deliveries.models import ImportLine, visible
from deliveries.protocol.imports import READERS, read_items
from deliveries.services.import_jobs import start_import
from deliveries.services.imports import Way

IMPORT_LIMIT_BYTES = 8 * 1024 * 1024


class LargeJsonParser(StrictJsonParser):
    """As strict, for a file."""

    limit_bytes = IMPORT_LIMIT_BYTES


class Document(JsonValue):
    """What another system told of itself: as large as the body may be."""

    limit_bytes = IMPORT_LIMIT_BYTES


class ImportShape(Shape):
    """A file to import."""

    format = Choice(list(READERS), required=False, help_text="hookpost when absent.")
    data = Document(help_text="A document of that system, or a table as one text; see the guide to moving over.")  # type: ignore[assignment]
    dry_run = Flag(required=False, help_text="Say what would come of it, and store nothing.")
    paused = Flag(required=False, help_text="Endpoints that would be enabled hold what they get until resumed.")
    verified = Flag(required=False, help_text="Their URLs want deliveries, you know it: they are asked no challenge.")


class ImportLineShape(Shape):
    """What came of one line. `place` says where the file has it."""

    place = Text()
    kind = Choice(["customer", "event_type", "endpoint"])
    uid = Text(help_text="The name, of an event type.")
    customer = Text(help_text="Whose it is, by uid; empty: the operator's.")
    result = Choice(ImportLine.Result.choices)
    detail = Text(help_text="Why it was refused, what was changed, or what was left behind.")


class ReportFilters(Shape):
    """What a report can be narrowed by."""

    result = Choice(ImportLine.Result.choices, required=False)


class ImportView(ApiView):
    """One import with its lines."""

    parser_classes = (LargeJsonParser,)

    @extend_schema(operation_id="import_endpoints", request=ImportShape, responses={202: JobShape})
    def post(self, request: Request) -> Response:
        """Import customers, event types and endpoints from elsewhere; ids and secrets stay as they are.

        What is there already is changed where it differs, so that a file may be imported again. The report says of
        each line what came of it; one that is refused keeps none of the others.
        """
        refuse_customer_keys(request)
        fields = given(ImportShape, request)
        kind = fields.get("format", "hookpost")
        items = read_items(fields["data"], format=kind)
        chosen = {name: fields.get(name, False) for name in ("paused", "verified", "dry_run")}
        way = Way(actor=caller_of(request).actor, **chosen)
        return job_started(request, start_import(items, way, format=kind))


class ReportView(ApiView):
    """What came of an import."""

    queried = LISTS

    @extend_schema(
        operation_id="get_report", parameters=[ReportFilters, *PAGE_QUERY], responses=listed(ImportLineShape)
    )
    def get(self, request: Request, job: str) -> Response:
        """List what came of each line of an import, the last line first."""
        narrowed = asked(ReportFilters, request, also=PARAMETERS)
        lines = visible.import_lines(find_job(caller_of(request).viewer, job)).filter(**narrowed)
        return Response(page_of(request, lines, lambda line: ImportLineShape.shown(line)))
