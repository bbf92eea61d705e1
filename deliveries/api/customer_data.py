"""/customers/{customer}/erase and /export: all of a customer, away or taken along.

What lives here: the REST form of both. It must not know what there is to erase, nor what a line of an export holds.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api.auth import caller_of, refuse_customer_keys
from deliveries.api.base import ApiView, refuse_body
from deliveries.api.describe import extend_schema
from deliveries.api.export_lines import export_lines
from deliveries.api.jobs import JobShape, job_started
from deliveries.api.lookups import find_customer, find_customer_ever
from deliveries.errors import TooManyAtOnce
from deliveries.models.visible import Viewer
from deliveries.protocol.writing import ids
from deliveries.services.common.audit import record_act
from deliveries.services.common.limits import EXPORTS, OPERATOR
from deliveries.services.erasures import start_erasure
from deliveries.services.process.shares import paced
from deliveries.services.reading.export_places import STAFF_AT_ONCE, ExportPlace, export_places

JSON_LINES = "application/jsonl"
TEXT = "text/plain"  # for clients that know no lines


class EraseView(ApiView):
    """Away with it."""

    @extend_schema(operation_id="erase_customer", request=None, responses={202: JobShape})
    def post(self, request: Request, customer: str) -> Response:
        """Erase a customer with all that was written of it; also one that was deleted, by its id.

        Endpoints, people and keys end with the job's first step, the log follows. The job and one audit entry stay,
        with the id only. It cannot be taken back; cancelled, it leaves what is not erased yet.
        """
        caller = caller_of(request)
        customer_id = find_customer_ever(caller.viewer, customer)
        refuse_customer_keys(request)
        refuse_body(request)
        return job_started(request, start_erasure(customer_id, actor=caller.actor))


class ExportView(ApiView):
    """Taking it along."""

    @extend_schema(
        operation_id="export_customer", responses={(200, each): OpenApiTypes.STR for each in (JSON_LINES, TEXT)}
    )
    def get(self, request: Request, customer: str) -> StreamingHttpResponse:
        """Export all of a customer as JSON lines; `object` says what each is, the last is an `end` that counts them.

        Without secrets. An `error` as the last line says that it ended early. Also as `text/plain`.
        """
        caller = caller_of(request)
        row = find_customer(caller.viewer, customer)
        place = _place_of(caller.viewer)
        record_act(caller.actor, "customer.export", customer=row, object_id=row.public_id)
        headers = {"Cache-Control": "no-store"}
        lines = _Lines(paced(caller.viewer.customer_id, export_lines(row, viewer=caller.viewer)), place)
        called = f"{TEXT}; charset=utf-8" if request.headers.get("Accept", "").startswith(TEXT) else JSON_LINES
        return StreamingHttpResponse(lines, content_type=called, headers=headers)


class _Lines:
    """An export under way, as the server asks for it: an iterator that is closed, also when nobody reads on."""

    def __init__(self, lines: Iterator[bytes], place: ExportPlace) -> None:
        self._lines, self._place = lines, place

    def __iter__(self) -> Iterator[bytes]:
        return self._lines

    def close(self) -> None:
        """Give the place back."""
        export_places.give_back(self._place)


def _place_of(viewer: Viewer) -> ExportPlace:
    place = export_places.take(viewer.customer_id)
    if place is not None:
        return place
    owner = OPERATOR if viewer.customer_id is None else ids.encode_id(ids.CUSTOMER, viewer.customer_id)
    figure = STAFF_AT_ONCE if viewer.is_operator else EXPORTS
    detail = "other exports are under way; try again when one has ended"
    raise TooManyAtOnce(detail, limit="exports", figure=figure, owner=owner)
