"""An endpoint whose name server is silent waits for itself only."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from deliveries.conf import conf
from deliveries.engine import outbox as engine_module
from deliveries.models import Attempt, Endpoint, Lane
from deliveries.outbound.guard import Guard
from deliveries.outbound.multi import Transfers
from tests.engine.steps import an_endpoint, an_engine, attempts_of, emit, run_until_idle, step_until, the_delivery
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The engine's resolver hangs for every name with "silent" in it until the event is set."""
    over = threading.Event()

    def resolve(host: str, port: int | None, **more: Any) -> Any:
        if "silent" in host:
            over.wait(600)
            raise socket.gaierror(socket.EAI_AGAIN, "silent")
        return socket.getaddrinfo(host, port, **more)

    def transfers(**told: Any) -> Transfers:
        return Transfers(rule=Guard(conf.allow_targets), resolve=resolve, **told)

    monkeypatch.setattr(engine_module, "new_transfers", transfers)
    yield over
    over.set()


def a_silent_endpoint(number: int, **fields: int) -> Endpoint:
    """An endpoint whose name was found once, and hangs now."""
    endpoint = an_endpoint("https://93.184.216.34/", max_in_flight=10, retry_schedule=[0], **fields)
    Endpoint.objects.filter(pk=endpoint.pk).update(url=f"https://silent-{number}.example/")
    return endpoint


def test_fifty_endpoints_with_silent_names_do_not_delay_another(silence: threading.Event, receiver: Receiver) -> None:
    lanes = [a_silent_endpoint(number, timeout_seconds=30) for number in range(50)]
    healthy = an_endpoint(receiver.url)
    Endpoint.objects.filter(pk=healthy.pk).update(url=receiver.url.replace("127.0.0.1", "localhost"))
    for endpoint in [*lanes, healthy]:
        emit(endpoint)
    engine, _ = an_engine(*lanes, healthy)
    step_until(engine, Attempt.objects.exists)
    (delivered,) = Attempt.objects.all()
    assert (delivered.endpoint_id, delivered.status_code) == (healthy.id, 204)
    silence.set()
    run_until_idle(engine)
    assert Attempt.objects.filter(error="dns_error").count() == 50


def test_an_endpoint_with_a_silent_name_moves_to_the_slow_queue(silence: threading.Event) -> None:
    endpoint = a_silent_endpoint(1, timeout_seconds=3)
    emit(endpoint)
    engine, _ = an_engine(endpoint)
    run_until_idle(engine)
    (attempt,) = attempts_of(the_delivery(endpoint))
    assert (attempt.error, attempt.detail) == ("connect_timeout", "the host name was not resolved in time")
    assert Lane.objects.get(endpoint=endpoint).slow
