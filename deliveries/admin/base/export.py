"""The list of deliveries as CSV, to take along.

What lives here: from what the filter shows to lines of text, a bounded part at a time, so that neither memory nor the
database feels a long log. Cells hold what others chose and answered: a spreadsheet must not take any for a formula.
It must not know the filters, nor who may see which rows.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import structlog
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.translation import gettext

from deliveries.admin.base.pages import PageAdmin
from deliveries.admin.lists.asked import PLACE
from deliveries.admin.parts.paging import Page, Place, Source, read_page, read_place
from deliveries.admin.parts.viewer import customer_of
from deliveries.models import Customer, Delivery, Endpoint, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.writing import ids, timestamps
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import clock
from deliveries.services.common.audit import record_act
from deliveries.services.common.languages import speaking, spoken, tell
from deliveries.services.common.statement_timeout import TooSlow
from deliveries.services.process.shares import paced
from deliveries.services.reading.export_places import ExportPlace, export_places

log = structlog.get_logger(__name__)

ROWS_LIMIT = 100_000
PART = 1000
EXPORT_SECONDS = 300.0
KEPT_CHARACTERS = 200
COLUMNS = (
    "delivery",
    "customer",
    "endpoint_url",
    "event",
    "event_type",
    "state",
    "attempts",
    "last_status",
    "last_error",
    "created_at",
    "finished_at",
    "tags",
)
# Where a cell may begin, and the sign that makes a formula of it (four are the wide forms): where the machine's list
# separator is a semicolon, as in much of Europe, a spreadsheet begins one behind each, and takes no heed of our quotes.
_BEGINNING = re.compile(r'(\A[\s";|]*+|[\s";|]++)([=+\-@\uff1d\uff0b\uff0d\uff20]?)')
_SEPARATORS = ";|\t\r\n"


class ExportPages(PageAdmin[Delivery]):
    """Mixed into the pages of deliveries: an address that answers with what the list is narrowed to."""

    def get_urls(self) -> list[URLPattern]:
        """Add the address; exporting is a POST, for it leaves an entry in the audit trail."""
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name="deliveries_delivery_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the deliveries that the query string narrows to, newest first."""
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":  # a log-in leads here that ended between the list and its button
            return HttpResponseRedirect(f"{self.url('changelist')}?{request.GET.urlencode()}")
        asked, viewer = self.asked(request), self.viewer(request)
        found = self.sources(request, asked)
        if (place := export_places.take(viewer.customer_id)) is None:
            messages.warning(request, gettext("Other exports are under way. Try again in a minute."))
            return HttpResponseRedirect(f"{self.url('changelist')}?{request.GET.urlencode()}")
        self.note_export(request)
        return answer_with(_Export(found, viewer=viewer, place=place, language=spoken()))

    def note_export(self, request: HttpRequest) -> None:
        """Write down who took what along."""
        is_everything = self.viewer(request).is_operator
        record_act(
            self.actor(request),
            "delivery.export",
            customer=None if is_everything else customer_of(request),
            object_id="deliveries",
            detail={"filter": filter_of(request)},
        )


class _Export:
    """An export under way, as the server asks for it: an iterator that is closed, also when nobody reads on."""

    def __init__(self, found: Sequence[Source], *, viewer: Viewer, place: ExportPlace, language: str) -> None:
        self._lines = paced(viewer.customer_id, export_lines(found, viewer=viewer, language=language))
        self._place = place

    def __iter__(self) -> Iterator[bytes]:
        return self._lines

    def close(self) -> None:
        self._lines.close()
        export_places.give_back(self._place)


def answer_with(export: _Export) -> StreamingHttpResponse:
    """Return a download that is written while it is read."""
    name = f"deliveries-{clock.likely_now():%Y-%m-%d-%H%M%S}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(export, content_type="text/csv; charset=utf-8", headers=headers)


def export_lines(found: Sequence[Source], *, viewer: Viewer, language: str = "") -> Generator[bytes, None, None]:
    """Yield the lines of an export, many at a time; the last one says so when it ended early.

    It is read after the request is over, so what is said names its language.
    It begins with a byte-order mark: without one Excel takes UTF-8 for the code page of its machine.
    """
    yield codecs.BOM_UTF8 + as_csv([COLUMNS])
    place = Place()
    written, give_up_at = 0, time.monotonic() + EXPORT_SECONDS
    while True:
        try:
            page = _part(found, place)
            lines = as_csv(_cells(page.rows, viewer=viewer))
        except TooSlow:
            yield _last(say("this search takes too long; narrow it by time, customer or endpoint"), language)
            return
        except DatabaseError as error:
            log.warning("export_ended", error=type(error).__name__)
            yield _last(say("the database did not answer"), language)
            return
        yield lines
        written += len(page.rows)
        if not page.older:
            return
        place = read_place(page.older)
        if written >= ROWS_LIMIT:
            yield _last(
                say("these are the newest {number}; narrow the filter to get the others", number=written), language
            )
            return
        if time.monotonic() > give_up_at:
            yield _last(say("it took too long; narrow the filter"), language)
            return


def as_csv(rows: Sequence[Sequence[object]]) -> bytes:
    """Return rows as lines after RFC 4180; no cell can be taken for a formula."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[cell(value) for value in row] for row in rows])
    return text.getvalue().encode(errors="replace")


def cell(value: object) -> str:
    """Return a value as a cell; what a spreadsheet would calculate gets an apostrophe in front, wherever it begins."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return timestamps.write(value)
    return _BEGINNING.sub(_harmless, str(value).replace("\0", ""))


def _harmless(found: re.Match[str]) -> str:
    gap, sign = found.groups()
    is_first = found.start() == 0
    place = 1 + max(gap.rfind(each) for each in _SEPARATORS)
    if sign and (is_first or place):
        gap = f"{gap[:place]}'{gap[place:]}"
    return f"'{gap}{sign}" if is_first and gap[:1] in {"\t", "\r"} else gap + sign


def filter_of(request: HttpRequest) -> dict[str, str]:
    """Return what a list is narrowed by, as the audit trail can keep it."""
    kept = {name: str(value) for name, value in request.GET.items() if value and name != PLACE}
    return {_storable(name): _storable(value) for name, value in list(kept.items())[:20]}


def _storable(text: str) -> str:
    return text[:KEPT_CHARACTERS].replace("\0", "").encode(errors="replace").decode()


def _part(found: Sequence[Source], place: Place) -> Page:
    """Read the next rows as the list does, of a stretch without any none; no transaction stays open."""
    lean = [replace(source, rows=source.rows.prefetch_related(None)) for source in found]
    return read_page(lean, place, size=PART)


def _cells(rows: Sequence[Delivery], *, viewer: Viewer) -> list[tuple[object, ...]]:
    customers: Mapping[UUID, Customer] = visible.customers(viewer).in_bulk({row.customer_id for row in rows})
    endpoints: Mapping[UUID, Endpoint] = visible.endpoints_ever(viewer).in_bulk({row.endpoint_id for row in rows})
    events = visible.events(viewer).filter(id__in={row.event_id for row in rows}, tags__isnull=False)
    tags = {event_id: words or () for event_id, words in events.order_by().values_list("id", "tags")}
    return [
        (
            *_cells_of(row, customers.get(row.customer_id), endpoints.get(row.endpoint_id)),
            " ".join(tags.get(row.event_id, ())),
        )
        for row in rows
    ]


def _cells_of(row: Delivery, customer: Customer | None, endpoint: Endpoint | None) -> tuple[object, ...]:
    """One line; of a customer that was deleted, with its endpoints, the log knows only the ids."""
    return (
        row.public_id,
        customer.name if customer else ids.encode_id(ids.CUSTOMER, row.customer_id),
        endpoint.url if endpoint else ids.encode_id(ids.ENDPOINT, row.endpoint_id),
        ids.encode_id(ids.EVENT, row.event_id),
        row.event_type,
        row.state,
        row.attempts,
        row.status_code,
        row.error,
        row.made_at,
        row.finished_at,
    )


def _last(reason: str, language: str) -> bytes:
    with speaking(language):
        return as_csv([(tell("Not all deliveries are here: {reason}.", reason=reason),)])
