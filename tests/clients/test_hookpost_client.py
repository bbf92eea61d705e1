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

from deliveries.models import Customer, Delivery, Endpoint, Event
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.endpoints import create_endpoint
from deliveries.services.people.api_keys import create_api_key
from deliveries.services.resending.redelivery import redeliver
from tests.clients.made import python_client
from tests.clients.steps import HERE, do_the_whole_job
from tests.engine.steps import take_turn
from tests.receiver import Answer, Receiver, Request

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

ACCEPTED = 202, {"content-type": "application/json"}, b'{"id": "evt_1", "deliveries": 1}'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
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


@pytest.fixture
def acme(transactional_db: None, receiver: Receiver) -> tuple[Endpoint, str]:
    """A customer's endpoint, which takes one type only, and the customer's key."""
    customer = Customer.objects.create(name="Acme", uid="acme")
    fields = {"url": f"{receiver.url}/hook", "uid": "main", "event_types": ["invoice.paid"], "retry_schedule": [0]}
    endpoint, _ = create_endpoint(customer, fields, actor="system")
    return endpoint, create_api_key("acme", ["read", "manage"], customer=customer, actor="system")[1]


def test_what_an_endpoint_gets_is_heard_with_the_customers_key_and_again_when_it_is_sent_again(
    acme: tuple[Endpoint, str], package: ModuleType, live_server: LiveServer, receiver: Receiver
) -> None:
    """Given events of which one is for the endpoint, then that one goes to the developer's server, signed."""
    endpoint, key = acme
    listening = importlib.import_module("hookpost_client.listening")
    local = listening.Local(url=f"{receiver.url}/local", secret=SECRET)

    def emit_two() -> None:
        for name in ("invoice.paid", "invoice.void"):
            data = b'{"amount":1.10}'
            accept_event(EventDraft(type=name, data=data, customer_id=endpoint.customer_id))
        take_turn(endpoint)

    def send_again() -> None:
        redeliver(Delivery.objects.get(), actor="system")
        take_turn(endpoint)

    steps = iter([emit_two, send_again])
    with package.connect(live_server.url, key) as client:
        api = client.get_httpx_client()
        query = {"customer": "acme", "endpoint": "main"}
        rows = listening.deliveries_from_now(api, query, pause=lambda: next(steps)())
        for _ in range(2):
            assert listening.forward(*next(rows), local).status_code == 204
    first, local_first, second, local_second = receiver.requests
    assert [request.path for request in (first, local_first, second, local_second)] == ["/hook", "/local"] * 2
    assert local_first.body == first.body == local_second.body
    assert Webhook(SECRET).verify(local_first.body, {name.lower(): value for name, value in local_first.headers})


@pytest.mark.parametrize("name", ["http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_not_handed_what_is_for_this_machine(
    package: ModuleType, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    listening = importlib.import_module("hookpost_client.listening")
    row = {"id": "dlv_1", "event": "evt_1", "type": "a", "attempts": 1}
    answer = listening.forward(row, '{"body":{"data":{}}}', listening.Local(url=receiver.url, secret=SECRET))
    assert [answer.status_code, len(receiver.requests)] == [204, 1]


def test_a_server_that_is_away_is_waited_for_and_nothing_is_missed(package: ModuleType) -> None:
    """Given a server that goes while somebody listens, also between list and event, then all comes when it is back."""
    listening = importlib.import_module("hookpost_client.listening")
    rows = [{"id": f"dlv_{number}", "event": f"evt_{number}", "type": "a.b", "attempts": 1} for number in (2, 1)]
    empty, full = ({"results": told, "next": None} for told in ([], rows))
    gone, refused = {"detail": "it was erased"}, httpx.ConnectError("refused")
    answers = iter([empty, refused, refused, full, refused, gone, {"body": {}}])

    def answer(request: httpx.Request) -> httpx.Response:
        following = next(answers)
        if isinstance(following, Exception):
            raise following
        if following is gone:
            raise package.errors.NotFound(404, gone)
        return httpx.Response(200, json=following)

    told: list[str] = []
    with httpx.Client(base_url="http://hookpost.test", transport=httpx.MockTransport(answer)) as api:
        found = listening.deliveries_from_now(api, {}, pause=lambda: None, tell=told.append)
        assert next(found) == (rows[0], '{"body":{}}')
    assert told == ["Hookpost cannot be asked (refused); it is asked again.", "Hookpost answers again."]


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        (["trigger", "a.b", "--server", "{api}"], {"HOOKPOST_KEY": "hk_é"}, "HOOKPOST_KEY holds no API key"),
        (["trigger", "a.b", "--server", "{api}"], {"HOOKPOST_KEY": "hk_wrong"}, "401 Unauthorized"),
        (["trigger", "a.b", "--server", "{api}/portal"], {}, "portal/"),
        (["trigger", "a.b", "--server", "127.0.0.1:80"], {}, "'127.0.0.1:80' is no URL"),
        (["listen", "--server", "{api}", "--to", "localhost:3000"], {}, "'localhost:3000' is no URL"),
        (["listen", "--server", "{api}", "--to", "http://[x"], {}, "'http://[x' is no URL"),
        (
            ["listen", "--server", "{api}", "--to", "http://127.0.0.1:9/in"],
            {"HOOKPOST_SECRET": "whsec_x"},
            "HOOKPOST_SECRET holds no secret",
        ),
    ],
)
def test_what_a_command_cannot_do_is_one_line(
    arguments: list[str],
    variables: dict[str, str],
    said: str,
    acme: tuple[Endpoint, str],
    package: ModuleType,
    live_server: LiveServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = importlib.import_module("hookpost_client.command")
    for name, value in ({"HOOKPOST_KEY": acme[1]} | variables).items():
        monkeypatch.setenv(name, value)
    try:
        code = command.main([*(text.format(api=live_server.url) for text in arguments), "--endpoint", "main"])
    except SystemExit as end:  # argparse
        code = end.code
    *_, last = capsys.readouterr().err.splitlines()
    assert (code in (1, 2), "error: " in last, said in last) == (True, True, True), last


def test_ctrl_c_ends_a_command_quietly_also_before_it_began(
    package: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = importlib.import_module("hookpost_client.command")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("HOOKPOST_KEY", "hk_x")
    monkeypatch.setattr(command, "_asked", interrupted)
    assert command.main(["trigger", "a.b", "--server", "http://127.0.0.1:9", "--endpoint", "main"]) == 130
    assert capsys.readouterr().err == ""


def test_an_example_is_sent_by_a_command(
    acme: tuple[Endpoint, str],
    package: ModuleType,
    live_server: LiveServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = importlib.import_module("hookpost_client.command")
    where = ["--server", live_server.url, "--endpoint", "main"]
    monkeypatch.delenv("HOOKPOST_KEY", raising=False)
    assert command.main(["trigger", "invoice.paid", *where]) == 2
    monkeypatch.setenv("HOOKPOST_KEY", acme[1])
    assert command.main(["trigger", "invoice.paid", *where]) == 0
    assert capsys.readouterr().out.strip() == Event.objects.get().public_id
    assert command.main(["trigger", "invoice.paid", *where[:2], "--endpoint", "nosuch"]) == 1
    assert "404" in capsys.readouterr().err


@pytest.mark.parametrize(("mode", "sent"), [("full", '{"type":"a","data":{"n":1.10}}'), ("data", '{"n":1.10}')])
def test_a_body_is_sent_as_it_is_stored(package: ModuleType, mode: str, sent: str) -> None:
    listening = importlib.import_module("hookpost_client.listening")
    shown = r'{"id":"evt_1","note":"\"body\":","body": {"type":"a","data":{"n":1.10}},"fan_out":"done"}'
    assert listening.body_of(shown, payload_mode=mode) == sent
    plain = {"signing": "standard", "payload_mode": mode, "method": "POST", "body_format": "json", "transformation": ""}
    assert not listening.refusal_of(plain)
    assert "data" in listening.refusal_of(plain | {"transformation": "data"})
    assert "github" in listening.refusal_of(plain | {"signing": "github"})


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


@EACH_WAY
@pytest.mark.parametrize("asked", ["90000", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_what_asks_for_a_long_pause_is_an_error_at_once_that_says_how_long(
    asked: str, asynchronous: bool, emit: Callable[..., Any], package: ModuleType, receiver: Receiver
) -> None:
    receiver.answer = lambda request: refused(503, **{"retry-after": asked})
    with pytest.raises(package.Unavailable) as told:
        emit(asynchronous=asynchronous)
    assert told.value.retry_after >= 90000
    assert len(receiver.requests) == 1


def test_a_pause_is_never_shorter_than_what_is_asked_for_and_the_first_ones_last_while_a_server_starts(
    package: ModuleType,
) -> None:
    told = package.Retries()
    assert told.pause(1, httpx.Response(503, headers={"retry-after": "7"})) == 7
    assert told.pause(1, httpx.Response(503, headers={"retry-after": "0"})) > 0
    assert told.pause(1, httpx.Response(503, headers={"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"})) > 0
    assert told.pause(1, httpx.Response(503, headers={"retry-after": "soon"})) > 0
    assert sum(told.pause(tries, httpx.ConnectError("refused")) for tries in range(1, told.number + 1)) > 7


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
