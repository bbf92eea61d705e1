"""A record whose confirmation was lost with the connection: written again, it changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from deliveries.engine.work import Finished
from deliveries.models import Attempt, Delivery, DueDelivery
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.outcome import Outcome
from tests.engine.steps import an_endpoint, emit, lease, record
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_attempt_whose_record_was_not_confirmed_is_not_recorded_twice(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    lane = lease(endpoint)
    retry = Outcome(state="pending", error="http_5xx", retry_in_seconds=60.0)
    finished = Finished(
        claimed=lane.waiting.popleft(), started_at=datetime.now(UTC), answer=Answer(status=500), outcome=retry
    )
    for _ in range(2):  # the first one was committed, and the connection broke before it could say so
        lane.finish(finished)
        record(lane, released=True)
    assert Attempt.objects.count() == 1
    assert (Delivery.objects.get().attempts, DueDelivery.objects.get().attempts) == (1, 1)
