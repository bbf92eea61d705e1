"""After a restore nothing is sent before somebody has looked at it."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from deliveries.engine.dispatcher import housekeeping
from deliveries.models import Delivery, Endpoint
from deliveries.services.endpoints import pause_endpoint
from tests.engine.steps import an_endpoint, emit, is_free
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def states() -> list[str]:
    return sorted(Delivery.objects.values_list("state", flat=True))


def test_all_is_held_until_it_is_released_and_who_was_paused_before_stays_so(receiver: Receiver) -> None:
    one, two, other = (an_endpoint(receiver.url) for _ in range(3))
    pause_endpoint(other, actor="user:alice", reason="theirs")
    for endpoint in (one, two, other):
        emit(endpoint)
    call_command("hold_deliveries")
    assert not any(is_free(endpoint) for endpoint in (one, two, other))
    call_command("hold_deliveries", "--release", "--customer", two.customer.public_id, "--cancel-backlog")
    assert states() == ["cancelled", "held", "pending"]
    call_command("hold_deliveries", "--release")
    housekeeping()
    assert Endpoint.objects.get(state="paused").state_reason == "theirs"
    assert is_free(one)


def test_what_belongs_to_a_release_is_refused_without_one() -> None:
    with pytest.raises(CommandError, match="belong to --release"):
        call_command("hold_deliveries", "--cancel-backlog")
    with pytest.raises(CommandError, match="no customer nobody"):
        call_command("hold_deliveries", "--release", "--customer", "nobody")
