"""What every receiver that others wrote is tried with. It must not know a receiver."""

from __future__ import annotations

from deliveries.models import Endpoint
from deliveries.services.endpoints import rotate_secret
from tests.engine.steps import attempts_of, emit, take_turn, the_delivery


def accepts_the_secret_and_no_other(endpoint: Endpoint) -> None:
    """An event arrives; once the secret is another one that the receiver does not have, the next is refused."""
    emit(endpoint)
    take_turn(endpoint)
    delivered = the_delivery(endpoint)
    assert (delivered.state, delivered.status_code) == ("succeeded", 204)
    rotate_secret(endpoint, keep_hours=0, actor="user:alice")
    delivered.delete()
    emit(endpoint)
    take_turn(endpoint)
    assert [attempt.status_code for attempt in attempts_of(the_delivery(endpoint))] == [400]
