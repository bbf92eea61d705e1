"""Our Python client: made from the description of the API as it is, and kind to a server that is in trouble."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.clients.made import python_client
from tests.clients.steps import HERE, do_the_whole_job
from tests.receiver import Answer, Receiver, Request

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

ACCEPTED = 202, {"content-type": "application/json"}, b'{"id": "evt_1", "deliveries": 1}'
CUSTOMER = {"name": "Acme", "uid": "acme"}


def refused(status: int, **headers: str) -> Answer:
    body = b'{"type": "t", "title": "Refused", "status": %d, "detail": "not now"}' % status
    return status, {"content-type": "application/problem+json", **headers}, body


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client with its generated part."""
    return python_client(tmp_path_factory)


@pytest.fixture
def package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(folder))
    yield importlib.import_module("hookpost_client")
    for name in [name for name in sys.modules if name.partition(".")[0] == "hookpost_client"]:
        del sys.modules[name]


@pytest.fixture
def emit(package: ModuleType, receiver: Receiver) -> Callable[..., Any]:
    """Emit an event to the receiver, which stands for a server; the pauses are short."""
    events = importlib.import_module("hookpost_client.generated.api.events.emit_event")
    models = importlib.import_module("hookpost_client.generated.models")
    retries = importlib.import_module("hookpost_client.retrying").Retries(number=3, first_seconds=0.001)
    body = models.NewEventRequest(customer="a", type_="a.b", data=models.NewEventRequestData.from_dict({"n": 1}))

    async def call_later(**options: Any) -> Any:
        async with package.connect(receiver.url, "hk_x", retries=retries) as client:
            return await events.asyncio(client=client, body=body, **options)

    def call(*, asynchronous: bool = False, **options: Any) -> Any:
        if asynchronous:
            return asyncio.run(call_later(**options))
        with package.connect(receiver.url, "hk_x", retries=retries) as client:
            return events.sync(client=client, body=body, **options)

    return call


EACH_WAY = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


def keys_of(receiver: Receiver) -> list[str | None]:
    return [request.header("Idempotency-Key") for request in receiver.requests]


@pytest.mark.django_db(transaction=True)
def test_it_does_the_whole_job(folder: Path, live_server: LiveServer, key: str, receiver: Receiver) -> None:
    command = [sys.executable, HERE / "jobs" / "our_client.py", live_server.url, key, receiver.url]
    do_the_whole_job(command, receiver=receiver, generated=folder)
    assert receiver.requests


@EACH_WAY
@pytest.mark.parametrize("status", [429, 503])
def test_what_is_refused_for_now_is_sent_again_with_the_same_key(
    status: int, asynchronous: bool, emit: Callable[..., Any], receiver: Receiver
) -> None:
    answers = iter([refused(status, **{"retry-after": "0"}), refused(status), ACCEPTED])
    receiver.answer = lambda request: next(answers)
    assert emit(asynchronous=asynchronous).id == "evt_1"
    first, *others = keys_of(receiver)
    assert first
    assert others == [first, first]


def lost(request: Request) -> Answer:
    raise ConnectionResetError


def cut_short(request: Request) -> Answer:
    return 202, {"content-type": "application/json", "content-length": "900"}, ACCEPTED[2]


def a_proxy_lost_the_server(request: Request) -> Answer:
    return refused(502)


@EACH_WAY
@pytest.mark.parametrize("trouble", [lost, cut_short, a_proxy_lost_the_server])
def test_a_lost_connection_is_made_again_and_an_event_is_sent_with_the_same_key(
    trouble: Callable[[Request], Answer], asynchronous: bool, emit: Callable[..., Any], receiver: Receiver
) -> None:
    receiver.answer = lambda request: trouble(request) if len(receiver.requests) == 1 else ACCEPTED
    assert emit(asynchronous=asynchronous).id == "evt_1"
    assert len(set(keys_of(receiver))) == 1
    assert len(receiver.requests) == 2


def test_a_key_that_is_given_is_the_one_that_is_sent(emit: Callable[..., Any], receiver: Receiver) -> None:
    receiver.answer = lambda request: ACCEPTED
    emit(idempotency_key="invoice-7")
    assert keys_of(receiver) == ["invoice-7"]


@EACH_WAY
def test_after_the_last_try_the_refusal_is_an_error_with_its_status(
    asynchronous: bool, emit: Callable[..., Any], package: ModuleType, receiver: Receiver
) -> None:
    receiver.answer = lambda request: refused(503)
    with pytest.raises(package.Unavailable, match="not now"):
        emit(asynchronous=asynchronous)
    assert len(receiver.requests) == 4


@pytest.mark.parametrize("trouble", [lost, cut_short, a_proxy_lost_the_server])
def test_what_could_be_done_twice_is_not_sent_again(
    trouble: Callable[[Request], Answer], package: ModuleType, receiver: Receiver
) -> None:
    """Given a POST without a key whose answer was lost, then its caller hears of it."""
    receiver.answer = trouble
    create = importlib.import_module("hookpost_client.generated.api.customers.create_customer")
    models = importlib.import_module("hookpost_client.generated.models")
    with package.connect(receiver.url, "hk_x") as client, pytest.raises((httpx.TransportError, package.ApiError)):
        create.sync(client=client, body=models.CustomerRequest.from_dict(CUSTOMER))
    assert len(receiver.requests) == 1
    assert keys_of(receiver) == [None]


def test_a_receiver_verifies_with_the_library_of_standard_webhooks(package: ModuleType) -> None:
    assert package.Webhook is Webhook
    with pytest.raises(package.WebhookVerificationError):
        package.verify("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b"{}", {})
