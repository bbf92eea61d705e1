"""`manage.py listen` as a developer runs it: a process of its own, a real web server, a real local receiver."""

from __future__ import annotations

import hmac
import io
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import standardwebhooks
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.ports import free_ports
from tests.receiver import Receiver, Request

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

    from deliveries.models import Customer

CHECKOUT = Path(__file__).parents[2]
START_SECONDS = 120
SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Listening:
    """A running `listen`; its lines come as it writes them."""

    process: subprocess.Popen[str]
    lines: queue.Queue[str | None]
    seen: list[str]

    def line_with(self, words: str, seconds: float = START_SECONDS) -> str:
        """Wait for a line that holds these words."""
        while True:
            try:
                line = self.lines.get(timeout=seconds)
            except queue.Empty:
                raise AssertionError(f"no line with {words!r} in {self.seen}") from None
            if line is None:
                raise AssertionError(f"it ended without {words!r}: {self.seen}")
            self.seen.append(line)
            if words in line:
                return line

    def interrupt(self) -> str:
        """Press Ctrl-C, and return what was said after that."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(START_SECONDS) == 0
        return "".join(iter(self.lines.get, None))


@pytest.fixture
def customer() -> Customer:
    """A customer."""
    from deliveries.models import Customer

    return Customer.objects.create(name="Alice", uid="alice")


@pytest.fixture
def key(customer: Customer) -> str:
    """A key of the customer that may do no more than read."""
    from deliveries.services.people.api_keys import create_api_key

    return create_api_key("laptop", ["read"], customer=customer, actor="system")[1]


@pytest.fixture
def listen(live_server: LiveServer, key: str) -> Iterator[Callable[..., Listening]]:
    """Start `listen` with these options; it is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(**options: str) -> Listening:
        process = popen({"server": live_server.url, "key": key} | options)
        started.append(process)
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=read_lines, args=(process, lines), daemon=True).start()
        return Listening(process, lines, [])

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def read_lines(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    """Hand on what a process writes, and None at its end."""
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.put(line)
    except ValueError:  # closed by the fixture
        pass
    lines.put(None)


def popen(options: dict[str, str]) -> subprocess.Popen[str]:
    """Start the command as one would, with neither database nor broker at hand."""
    ours = ("HOOKPOST_", "DATABASE_URL", "BROKER_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return subprocess.Popen(
        [sys.executable, "manage.py", "listen", *words],
        cwd=CHECKOUT,
        env=environment | {"HOOKPOST_DATA": os.environ["HOOKPOST_DATA"], "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def emit(customer: Customer, event_type: str = "invoice.paid", **data: Any) -> str:
    """Emit an event."""
    import deliveries

    return deliveries.emit(customer, event_type, data)


def stored_body(event_id: str) -> bytes:
    """What is in the log."""
    from deliveries.models import Event
    from deliveries.protocol.writing.ids import decode_id

    return bytes(Event.objects.get(pk=decode_id("evt", event_id)).body)


def test_events_arrive_as_production_would_send_them_and_ctrl_c_ends_with_a_summary(
    listen: Callable[..., Listening], customer: Customer, receiver: Receiver
) -> None:
    emit(customer, before="the start")
    listening = listen(url=receiver.url + "/hook", secret=SECRET, since="1h", types="invoice.*")
    listening.line_with("204")
    emit(customer, "order.made")
    event_id = emit(customer, text="ü \u2028", number=1e2)
    line = listening.line_with(event_id)
    request = receiver.wait_for(2)[1]
    assert (request.method, request.path, request.body) == ("POST", "/hook", stored_body(event_id))
    headers = {name.lower(): value for name, value in request.headers}
    assert standardwebhooks.Webhook(SECRET).verify(request.body, headers)["type"] == "invoice.paid"
    assert (headers["webhook-id"], headers["content-type"]) == (event_id, "application/json")
    assert re.search(r"^\d\d:\d\d:\d\d  204 +\d+ ms  invoice\.paid  evt_", line)
    said = listening.interrupt()
    assert "2 forwarded: 2 succeeded, 0 failed." in said
    assert f"--after {event_id}" in said
    assert "Traceback" not in "".join(listening.seen) + said


def test_what_an_endpoint_is_sent_is_what_listen_sends(
    listen: Callable[..., Listening], customer: Customer, receiver: Receiver
) -> None:
    """Given an endpoint with a payload and a scheme of its own, then the request here is the one that it would get."""
    from deliveries.services.endpoints import create_endpoint

    how = {"uid": "main", "signing": "github", "method": "PUT", "payload_mode": "data", "body_format": "form"}
    create_endpoint(customer, {"url": "https://93.184.216.34/", **how}, actor="system")
    emit(customer, number=7, text="ü & co")
    listening = listen(url=receiver.url, secret=SECRET, since="1h", endpoint="main")
    listening.line_with("204")
    request = receiver.wait_for(1)[0]
    assert (request.method, request.body) == ("PUT", b"number=7&text=%C3%BC+%26+co")
    digest = hmac.new(SECRET.encode(), request.body, "sha256").hexdigest()
    assert request.header("x-hub-signature-256") == f"sha256={digest}"
    assert "1 forwarded" in listening.interrupt()


def test_an_endpoint_of_an_older_version_is_forwarded_that_version(
    listen: Callable[..., Listening], customer: Customer, receiver: Receiver
) -> None:
    """Given one event that is mapped and one to which no mapping leads, then each is told as production would."""
    from deliveries.models import ApiVersion
    from deliveries.services.catalogue.api_versions import create_version, release_version, save_change
    from deliveries.services.catalogue.event_types import create_event_type
    from deliveries.services.endpoints import create_endpoint

    create_event_type({"name": "invoice.paid"}, actor="system")
    release_version(create_version({"name": "v1"}, actor="system"), actor="system")
    create_endpoint(customer, {"url": "https://93.184.216.34/", "uid": "main"}, actor="system")
    version = create_version({"name": "v2"}, actor="system")
    save_change(version, "invoice.paid", {"down": "{n: number}"}, actor="system")
    release_version(version, actor="system")
    emit(customer, number=7)
    listening = listen(url=receiver.url, since="1h", endpoint="main")
    listening.line_with("204")
    request = receiver.wait_for(1)[0]
    assert (request.header("webhook-version"), request.body.endswith(b'"data":{"n":7}}')) == ("v1", True)
    save_change(ApiVersion.objects.get(name="v2"), "invoice.paid", {"down": ""}, actor="system")
    emit(customer, number=8)
    listening.line_with("version_not_mapped")
    assert "1 succeeded, 1 failed" in listening.interrupt()


def test_for_an_endpoint_with_batches_each_event_is_a_batch_of_one(
    listen: Callable[..., Listening], customer: Customer, receiver: Receiver
) -> None:
    from deliveries.services.endpoints import create_endpoint

    how = {"uid": "main", "payload_mode": "data", "batch_size": 50}
    create_endpoint(customer, {"url": "https://93.184.216.34/", **how}, actor="system")
    emit(customer, number=7, text="x")
    listening = listen(url=receiver.url, secret=SECRET, since="1h", endpoint="main")
    listening.line_with("204")
    request = receiver.wait_for(1)[0]
    (event,) = json.loads(request.body)["events"]
    assert event["payload"] == {"number": 7, "text": "x"}
    assert (event["id"][:4], str(request.header("webhook-id"))[:4]) == ("evt_", "bat_")
    assert "1 forwarded" in listening.interrupt()


def test_only_what_comes_from_now_on_is_forwarded_unless_told_otherwise(
    listen: Callable[..., Listening], customer: Customer, receiver: Receiver
) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from deliveries.models import Event
    from deliveries.protocol.writing.ids import floor_of
    from deliveries.services.housekeeping.retention import open_partitions

    earlier = timezone.now() - timedelta(minutes=5)
    open_partitions()
    Event.objects.create(id=floor_of(earlier), customer=customer, type="invoice.old", body=b"{}", created_at=earlier)
    listening = listen(url=receiver.url)
    listening.line_with("Signed with whsec_")
    event_id = emit(customer)
    listening.line_with(event_id)
    assert [request.header("webhook-id") for request in receiver.requests] == [event_id]
    assert "1 forwarded" in listening.interrupt()


def test_a_failure_is_shown_with_what_the_server_said_and_is_not_sent_again(
    listen: Callable[..., Listening], customer: Customer, receiver: Receiver
) -> None:
    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        return (500, {}, b"no such \x1b[31mtable") if len(receiver.requests) == 1 else (204, {}, b"")

    receiver.answer = answer
    listening = listen(url=receiver.url, since="1h")
    first, second = emit(customer), emit(customer)
    assert "500" in listening.line_with(first)
    assert "no such  [31mtable" in listening.line_with("no such")
    assert "204" in listening.line_with(second)
    assert len(receiver.requests) == 2
    assert "2 forwarded: 1 succeeded, 1 failed." in listening.interrupt()


def test_a_local_server_that_is_away_is_waited_for_and_gets_the_event_when_it_is_back(
    listen: Callable[..., Listening], customer: Customer
) -> None:
    (port,) = free_ports(1)
    listening = listen(url=f"http://localhost:{port}/", since="1h")
    event_id = emit(customer)
    listening.line_with("nobody listens")
    with Receiver(port) as receiver:
        assert receiver.wait_for(1)[0].header("webhook-id") == event_id
        assert "204" in listening.line_with(event_id)


def test_another_signing_profile_is_used_as_in_production(
    listen: Callable[..., Listening], customer: Customer, receiver: Receiver
) -> None:
    listening = listen(url=receiver.url, since="1h", signing="hex_sha256", secret=SECRET)
    listening.line_with(emit(customer))
    assert re.fullmatch(r"[0-9a-f]{64}", receiver.requests[0].header("X-Signature") or "")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"key": "hk_" + "x" * 43}, "the key is unknown, revoked or expired"),
        ({"url": "localhost:3000"}, "--url 'localhost:3000' is not an address"),
        ({"url": "http://"}, "is not an address"),
        ({"server": "http://127.0.0.1:9"}, "http://127.0.0.1:9: no answer ([Errno 111] Connection refused)"),
        ({"customer": "bob"}, "there is no such customer"),
        ({"secret": "whsec_short"}, "--secret: "),
        ({"types": "invoice..x"}, "/types"),
        ({"since": "yesterday"}, "/since"),
        ({"after": "evt_1"}, "/after"),
    ],
)
def test_what_cannot_work_ends_with_a_sentence(
    live_server: LiveServer, key: str, options: dict[str, str], sentence: str
) -> None:
    words = {"server": live_server.url, "key": key, "url": "http://localhost:9/"} | options
    with pytest.raises(CommandError) as ended:
        call_command("listen", *(f"--{name}={value}" for name, value in words.items()))
    assert sentence in str(ended.value)


def test_a_refusal_is_one_line_and_no_traceback(listen: Callable[..., Listening]) -> None:
    listening = listen(url="http://localhost:9/", key="hk_" + "x" * 43)
    said = "".join(iter(listening.lines.get, None))
    assert said.startswith("CommandError: ")
    assert said.count("\n") == 1
    assert listening.process.wait(START_SECONDS) == 1


def test_a_server_that_is_not_hookpost_gets_no_key_by_a_redirect(
    key: str, receiver: Receiver, live_server: LiveServer
) -> None:
    receiver.answer = lambda request: (302, {"location": f"{live_server.url}{request.path}"}, b"elsewhere")
    with pytest.raises(CommandError, match="answered 302: elsewhere"):
        call_command("listen", f"--server={receiver.url}", f"--key={key}", "--url=http://localhost:9/")


@pytest.mark.parametrize("way", ["variable", "file", "input", "argument"])
def test_the_key_need_not_stand_on_the_command_line(
    way: str, live_server: LiveServer, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given the key in either place, when the customer that it names is asked for, then it is found."""
    words = ["listen", f"--server={live_server.url}", "--url=http://localhost:9/", "--since=nonsense"]
    monkeypatch.delenv("HOOKPOST_KEY", raising=False)
    if way == "variable":
        monkeypatch.setenv("HOOKPOST_KEY", key)
    elif way == "file":
        (tmp_path / "key").write_text(f"{key}\n")
        words.append(f"--key-file={tmp_path / 'key'}")
    elif way == "argument":
        words.append(f"--key={key}")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{key}\n" if way == "input" else "nonsense\n"))
    with pytest.raises(CommandError, match="/since"):  # it got as far as that
        call_command(*words)


def test_a_key_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"--key-file: .* cannot be read"):
        call_command("listen", f"--key-file={tmp_path / 'none'}", "--url=http://localhost:9/")
