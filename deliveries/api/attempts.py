"""/deliveries/{id}/attempts

What lives here: the REST form of an attempt: the request as it was sent, its answer, how long each phase took.
It must not know how anything is sent.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api.auth import caller_of
from deliveries.api.base import LISTS, ApiView, asked
from deliveries.api.describe import PAGE_QUERY, extend_schema, listed
from deliveries.api.fields import Choice, Flag, Moment, Number, Shape, Text, TypeId, shown_moment
from deliveries.api.lookups import find_delivery
from deliveries.api.paging import PARAMETERS, page_of
from deliveries.models import Attempt, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.answers.advice import advice_for
from deliveries.protocol.answers.outcome import EXPLANATIONS
from deliveries.protocol.answers.shown_body import shown_body
from deliveries.protocol.sending.batching import read_place
from deliveries.protocol.sending.request import read_headers, read_method
from deliveries.protocol.writing import ids

PHASES = ("dns_ms", "connect_ms", "tls_ms", "first_byte_ms")
CLOCKS_APART = timedelta(hours=1)


class BatchPlaceShape(Shape):
    """Where an event stood in a request with several."""

    id = Text(help_text="The webhook-id of the request.")
    place = Number(help_text="From 1 on.")
    size = Number(help_text="How many events were in it.")


class SentRequestShape(Shape):
    """A request as it was sent."""

    method = Text()
    url = Text(help_text="As it was then.")
    headers = serializers.DictField(
        child=Text(), help_text="As sent; instead of the values of an endpoint's own headers stands [hidden]."
    )
    signed_with = serializers.ListField(child=Text(), help_text="Hints of the secrets that signed it.")
    batch = BatchPlaceShape(allow_null=True, help_text="Null for an endpoint without batches.")


class PhasesShape(Shape):
    """How long each phase of a request took; null for one that did not take place, as over a kept connection."""

    dns_ms = Number(allow_null=True, help_text="Looking the name up.")
    connect_ms = Number(allow_null=True, help_text="Connecting.")
    tls_ms = Number(allow_null=True, help_text="Agreeing on encryption.")
    first_byte_ms = Number(allow_null=True, help_text="From the sent request to the first byte of the answer.")


class AttemptShape(Shape):
    """One HTTP request of a delivery."""

    id = TypeId(ids.ATTEMPT)
    delivery = TypeId(ids.DELIVERY, source="delivery_id")
    number = Number(allow_null=True, help_text="Its place in the schedule; null for a redelivery.")
    redelivery = Flag()
    actor = Text(help_text="Who asked for a redelivery, else empty; “the operator” to a customer's key.")
    reason = Text(help_text="Why a redelivery was asked for, else empty.")
    started_at = Moment()
    duration_ms = Number()
    phases = PhasesShape()
    status_code = Number(allow_null=True)
    error = Text()
    explanation = Text(help_text="The error as a sentence.")
    advice = Text(help_text="What to do about it; empty for a success.")
    detail = Text()
    address = Text(help_text="The address that was dialled.")
    request = SentRequestShape(allow_null=True, help_text="Null where nothing was sent, or none was kept yet.")
    response_headers = Text()
    response_body = Text(help_text="Inflated, and decoded by its charset; hex digits where that cannot be.")
    response_body_format = Choice(["text", "hex"])
    truncated = Flag()


def show_attempt(attempt: Attempt, viewer: Viewer) -> dict[str, object]:
    """Return an attempt as answers show it."""
    shown = shown_body(bytes(attempt.response_body), attempt.response_headers)
    return {
        "id": attempt.public_id,
        "delivery": ids.encode_id(ids.DELIVERY, attempt.delivery_id),
        "number": attempt.number,
        "redelivery": attempt.number is None,
        "actor": visible.shown_actor(viewer, attempt.actor),
        "reason": attempt.reason,
        "started_at": shown_moment(attempt.started_at),
        "duration_ms": attempt.duration_ms,
        "phases": {name: getattr(attempt, name) for name in PHASES},
        "status_code": attempt.status_code,
        "error": attempt.error,
        "explanation": EXPLANATIONS.get(attempt.error, ""),
        "advice": advice_for(attempt.error, attempt.status_code).do if attempt.error else "",
        "detail": attempt.detail,
        "address": attempt.address,
        "request": _request_of(attempt),
        "response_headers": attempt.response_headers,
        "response_body": shown.text,
        "response_body_format": shown.format,
        "truncated": attempt.truncated,
    }


def _request_of(attempt: Attempt) -> dict[str, object] | None:
    if not attempt.request_url:
        return None
    headers, place = read_headers(attempt.request_headers), read_place(attempt.request_headers)
    return {
        "method": read_method(attempt.request_headers),
        "url": attempt.request_url,
        "headers": headers,
        "signed_with": attempt.signed_with.splitlines(),
        "batch": place and {"id": headers.get("webhook-id", ""), "place": place.place, "size": place.size},
    }


def oldest_attempt(delivery_id: UUID) -> UUID:
    """Return an id before any attempt of a delivery, by which earlier partitions are not looked into.

    No attempt is older than its delivery, give or take the clocks.
    """
    return ids.floor_of(ids.time_of(delivery_id) - CLOCKS_APART)


class AttemptsView(ApiView):
    """The attempts of a delivery."""

    queried = LISTS

    @extend_schema(operation_id="list_attempts", parameters=PAGE_QUERY, responses=listed(AttemptShape))
    def get(self, request: Request, delivery: str) -> Response:
        """List the attempts of a delivery, newest first."""
        viewer = caller_of(request).viewer
        row = find_delivery(viewer, delivery)
        asked(Shape, request, also=PARAMETERS)
        rows = visible.attempts(viewer).filter(delivery_id=row.id, id__gte=oldest_attempt(row.id))
        return Response(page_of(request, rows, lambda attempt: show_attempt(attempt, viewer)))
