"""/customers/{customer}/endpoints/{endpoint}/poll, and the answers to what it gave

What lives here: the REST form of polling. It must not know what is taken how: engine/polls.py does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api.auth import Scope, caller_of
from deliveries.api.base import ApiView, given
from deliveries.api.describe import extend_schema
from deliveries.api.fields import Choice, Flag, Moment, Number, Shape, Text, TypeId, shown_moment
from deliveries.api.lookups import find_endpoint
from deliveries.engine import polls
from deliveries.engine.poll_messages import PollMessage, poll
from deliveries.errors import InvalidInput
from deliveries.models import Endpoint
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.sending.polled import REASON_LIMIT, acknowledged, refused
from deliveries.protocol.when.backoff import RETRY_AFTER_LIMIT_SECONDS
from deliveries.protocol.writing import ids
from deliveries.services.endpoint.poll_waits import poll_waits
from deliveries.services.process import drain
from deliveries.services.process.shares import requests_and_pages

MAX, WAIT_SECONDS, LEASE_SECONDS = 10, 20, 60
LEASE_LIMIT_SECONDS = 3600
AGAIN_SECONDS = 1  # for who found nothing, and no place to wait in


class PollShape(Shape):
    """What is asked for."""

    max = Number(required=False, min_value=1, max_value=polls.MOST, help_text=f"Deliveries at most; {MAX}.")
    wait_seconds = Number(
        required=False, min_value=0, max_value=WAIT_SECONDS, help_text=f"For something to be due; {WAIT_SECONDS}."
    )
    lease_seconds = Number(
        required=False,
        min_value=1,
        max_value=LEASE_LIMIT_SECONDS,
        help_text=f"How long there is to answer; {LEASE_SECONDS}.",
    )


class PollMessageShape(Shape):
    """A delivery as the request that would have been sent."""

    lease = TypeId(ids.POLL_LEASE, help_text="Names it in the answer.")
    leased_until = Moment(help_text="What is not answered by then is tried again by the schedule.")
    delivery = TypeId(ids.DELIVERY)
    event = TypeId(ids.EVENT)
    attempt = Number(allow_null=True, help_text="Its place in the schedule; null for a redelivery.")
    method = Text()
    headers = serializers.DictField(child=Text(), help_text="With the signature of the body.")
    body = Text(help_text="UTF-8 text; its bytes are signed.")


class PolledShape(Shape):
    """What was due."""

    endpoint_state = Choice(Endpoint.State.choices, help_text="Unless enabled, all is held back.")
    messages = PollMessageShape(many=True)
    again_in_seconds = Number(help_text="When to poll again.")


class RefusalShape(Shape):
    """A delivery that was not taken."""

    lease = TypeId(ids.POLL_LEASE)
    reason = Text(required=False, allow_blank=True, max_length=REASON_LIMIT, help_text="For the log.")
    retry_after_seconds = Number(
        required=False,
        min_value=0,
        max_value=RETRY_AFTER_LIMIT_SECONDS,
        help_text="Not before, if the schedule has more.",
    )
    give_up = Flag(required=False, help_text="Do not try it again.")


class PollAnswersShape(Shape):
    """What became of deliveries that were taken; each lease is named once."""

    acknowledged = serializers.ListField(child=TypeId(ids.POLL_LEASE), required=False, max_length=polls.MOST)
    refused = RefusalShape(many=True, required=False)


class PollRecordedShape(Shape):
    """What of it was recorded."""

    recorded = Number(help_text="How many leases were answered.")
    over = serializers.ListField(
        child=TypeId(ids.POLL_LEASE), help_text="Leases that were over: answered before, or lapsed and tried again."
    )


class _PollView(ApiView):
    scopes: ClassVar[Mapping[str, str]] = {"POST": Scope.POLL}


class PollView(_PollView):
    """Taking what is due."""

    @extend_schema(operation_id="poll_endpoint", request=PollShape, responses=PolledShape)
    def post(self, request: Request, customer: str, endpoint: str) -> Response:
        """Take what is due of an endpoint that is polled, or wait for it; each is leased until it is answered."""
        row = find_endpoint(caller_of(request).viewer, customer, endpoint)
        fields = given(PollShape, request)
        messages, has_waited = self._poll(row, fields, request)
        row.refresh_from_db(fields=["state"])
        again = 0 if messages or has_waited else AGAIN_SECONDS
        body = {"endpoint_state": row.state, "messages": [_shown(each) for each in messages], "again_in_seconds": again}
        return Response(body)

    def _poll(self, row: Endpoint, fields: Mapping[str, Any], request: Request) -> tuple[Sequence[PollMessage], bool]:
        """Return what was taken, and whether it was waited for."""
        most, seconds = fields.get("max", MAX), fields.get("lease_seconds", LEASE_SECONDS)
        until = time.monotonic() + fields.get("wait_seconds", WAIT_SECONDS)
        with poll_waits.place(row.id, row.customer_id) as place:
            while not (messages := poll(row, most=most, lease_seconds=seconds)):
                if place is None or drain.is_draining() or (left := until - time.monotonic()) <= 0:
                    break
                self.share.close()
                poll_waits.wait(row.id, seconds=left)
                self.share.enter_context(requests_and_pages.place(caller_of(request).viewer.customer_id))
        return messages, place is not None and not drain.is_draining()


class PollAnswersView(_PollView):
    """Answering what was taken."""

    @extend_schema(operation_id="answer_poll", request=PollAnswersShape, responses=PollRecordedShape)
    def post(self, request: Request, customer: str, endpoint: str) -> Response:
        """Acknowledge or refuse deliveries that were taken; each answer is an attempt in the log."""
        row = find_endpoint(caller_of(request).viewer, customer, endpoint)
        answers = _answers(given(PollAnswersShape, request))
        over = polls.answer_leases(row.id, answers)
        shown = [ids.encode_id(ids.POLL_LEASE, each) for each in sorted(over)]
        return Response({"recorded": len(answers) - len(over), "over": shown})


def _answers(fields: Mapping[str, Any]) -> dict[UUID, Answer]:
    refusals = fields.get("refused", [])
    pairs: list[tuple[UUID, Answer]] = [(lease, acknowledged()) for lease in fields.get("acknowledged", [])]
    pairs += [(each["lease"], _refusal(each)) for each in refusals]
    answers = dict(pairs)
    if not answers:
        raise InvalidInput("name at least one lease", field="acknowledged")
    if len(refusals) > polls.MOST:
        raise InvalidInput(f"at most {polls.MOST}", field="refused")
    if len(answers) < len(pairs):
        raise InvalidInput("a lease is named twice", field="refused" if refusals else "acknowledged")
    return answers


def _refusal(given: Mapping[str, Any]) -> Answer:
    return refused(
        given.get("reason", ""), retry_after=given.get("retry_after_seconds"), give_up=given.get("give_up", False)
    )


def _shown(message: PollMessage) -> dict[str, object]:
    lease = message.lease
    return {
        "lease": lease.public_id,
        "leased_until": shown_moment(lease.until),
        "delivery": ids.encode_id(ids.DELIVERY, lease.delivery_id),
        "event": ids.encode_id(ids.EVENT, lease.event_id),
        "attempt": message.number,
        "method": message.method,
        "headers": dict(message.headers),
        "body": message.body,
    }
