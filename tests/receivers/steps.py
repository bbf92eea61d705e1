"""What every receiver that others wrote is tried with. It must not know a receiver."""

from __future__ import annotations

from deliveries.models import Endpoint
from deliveries.services.endpoints import rotate_secret
from tests.engine.steps import attempts_of, emit, take_turn, the_delivery


def answers_to_its_secret_and_another(endpoint: Endpoint) -> list[int | None]:
    """What an event is answered, and the next one, signed with a secret that the receiver does not have."""
    emit(endpoint)
    take_turn(endpoint)
    delivered = the_delivery(endpoint)
    assert delivered.state == "succeeded"
    answers = [delivered.status_code]
    rotate_secret(endpoint, keep_hours=0, actor="user:alice")
    delivered.delete()
    emit(endpoint)
    take_turn(endpoint)
    return answers + [attempt.status_code for attempt in attempts_of(the_delivery(endpoint))]
