"""Posted events past Django's middleware: nobody can tell from the answer, and nothing is let in that it would stop."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import override_settings

from config import fast_path, known_callers
from config.wsgi import application
from deliveries.api import emit
from deliveries.models import ApiKey, Customer, Event
from deliveries.services.people.api_keys import create_api_key, revoke_api_key
from deliveries.services.process.interpreter import QUICK_SECONDS

pytestmark = pytest.mark.django_db
DJANGO = get_wsgi_application()
PATH = "/api/v1/events"
BODY = b'{"customer":"alice","type":"invoice.paid","data":{"n":1}}'


@dataclass
class Answer:
    """What an application told the server."""

    body: bytes = b""
    status: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    request_id: str = ""

    def start(self, status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        """WSGI's start_response."""
        assert len({name for name, _ in headers}) == len(headers)
        self.status, self.headers = status, dict(headers)
        self.request_id = self.headers.pop("X-Request-Id", "")  # a layer around both


def post(
    key: str, *, to: Any = application, body: bytes = BODY, path: str = "/api/v1/events", **environ: Any
) -> Answer:
    """Call a WSGI application as a server does."""
    answer = Answer()
    given = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
    }
    parts = to(given | environ, answer.start)
    answer.body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    return answer


@pytest.fixture(autouse=True)
def one_transaction() -> Iterator[None]:
    """Django's application leaves the connection open, as its own test client sees to: the test is one transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def key() -> str:
    """A key that may emit, and a customer."""
    Customer.objects.create(name="Alice", uid="alice")
    return create_api_key("ops", ["events:write"], actor="system")[1]


@pytest.mark.parametrize(
    "body", [BODY, b"{", b'{"customer":"alice","type":"a b","data":{}}', b'{"customer":"bob","type":"a","data":{}}']
)
def test_the_answer_is_the_one_that_django_would_give(key: str, body: bytes) -> None:
    straight, through = post(key, body=body), post(key, body=body, to=DJANGO)
    assert straight.status == through.status
    assert straight.headers.keys() == through.headers.keys()
    assert {**straight.headers, "Content-Length": ""} == {**through.headers, "Content-Length": ""}
    assert json.loads(straight.body).keys() == json.loads(through.body).keys()


def test_an_event_and_a_batch_are_stored(key: str) -> None:
    assert post(key).status == "202 Accepted"
    batch = post(key, body=b'{"events":[%b,%b]}' % (BODY, BODY), path="/api/v1/events/batch")
    assert (batch.status, len(json.loads(batch.body)["results"])) == ("202 Accepted", 2)
    assert Event.objects.count() == 3


def test_pages_and_batches_hand_the_interpreter_over_quickly_and_single_events_and_polls_do_not(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for the interpreter wakes as often as that: dozens of single events would do so for nothing."""
    usual, seen = sys.getswitchinterval(), {}

    def noting(where: Any, name: str) -> None:
        act = getattr(where, name)

        def call(*given: Any, **named: Any) -> Any:
            seen[name] = sys.getswitchinterval()
            return act(*given, **named)

        monkeypatch.setattr(where, name, call)

    noting(emit, "accept_event")
    noting(emit, "accept_events")
    noting(known_callers, "customer_of")
    post(key)
    post(key, body=b'{"events":[%b]}' % BODY, path="/api/v1/events/batch")
    post(key, REQUEST_METHOD="GET")
    page = seen.pop("customer_of")
    post(key, REQUEST_METHOD="GET", path="/api/v1/endpoints/ep_1/poll")
    quick = pytest.approx(QUICK_SECONDS)
    assert (page, seen) == (quick, {"accept_event": usual, "accept_events": quick, "customer_of": usual})


def test_without_a_key_nothing_is_stored(key: str) -> None:
    answer = post("")
    assert answer.status == "401 Unauthorized"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert not Event.objects.exists()


def test_a_revoked_key_stores_nothing_at_once(key: str) -> None:
    assert post(key).status == "202 Accepted"
    revoke_api_key(ApiKey.objects.get(), actor="system")
    assert post(key).status == "401 Unauthorized"
    assert Event.objects.count() == 1


def test_a_foreign_host_is_refused(key: str) -> None:
    assert post(key, HTTP_HOST="evil.example").status == "400 Bad Request"
    assert not Event.objects.exists()


def test_a_body_that_ends_early_stores_nothing(key: str) -> None:
    answer = post(key, CONTENT_LENGTH=str(len(BODY) + 1))
    assert answer.status == "400 Bad Request"
    assert not Event.objects.exists()


def test_a_body_over_the_limit_is_not_read(key: str) -> None:
    class Unread(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("read")

    answer = post(key, CONTENT_LENGTH="999999999", **{"wsgi.input": Unread()})
    assert answer.status == "413 Request Entity Too Large"


def test_a_body_in_chunks_is_read_to_its_end(key: str) -> None:
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    assert post(key, **chunked).status == "202 Accepted"
    made = post(
        create_api_key("admin", ["manage"], actor="system")[1],
        path="/api/v1/customers",
        body=b'{"name":"Bob"}',
        **chunked,
    )
    assert made.status == "201 Created"
    assert Customer.objects.filter(name="Bob").exists()


def test_an_endless_body_in_chunks_is_refused(key: str) -> None:
    endless = b" " * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 10)
    answer = post(key, body=endless, HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH="")
    assert answer.status.startswith("413")


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("redirect", [False, True])
@pytest.mark.parametrize("proxied", [None, ("HTTP_X_FORWARDED_PROTO", "https")])
def test_what_is_added_to_every_answer_is_known_in_every_setting(
    secure: bool, redirect: bool, proxied: tuple[str, str] | None
) -> None:
    with override_settings(SECURE_SSL_REDIRECT=redirect, SECURE_PROXY_SSL_HEADER=proxied, SECURE_HSTS_SECONDS=60):
        added = dict(fast_path.headers_of_every_answer(secure=secure))
    assert {"X-Content-Type-Options", "X-Frame-Options", "Content-Security-Policy"} <= added.keys()
    assert ("Strict-Transport-Security" in added) is secure
    assert "Location" not in added


def test_behind_a_proxy_plain_http_is_led_to_tls(key: str) -> None:
    trusted = {"SECURE_SSL_REDIRECT": True, "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}
    with override_settings(**trusted, SECURE_HSTS_SECONDS=60):
        fresh = fast_path.events_first(get_wsgi_application())
        assert post(key, to=fresh).status == "301 Moved Permanently"
        assert not Event.objects.exists()
        answer = post(key, to=fresh, HTTP_X_FORWARDED_PROTO="https")
    assert answer.status == "202 Accepted"
    assert answer.headers["Strict-Transport-Security"] == "max-age=60"


def test_a_mistake_of_ours_is_a_problem_without_a_trace_of_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr(fast_path, "EMITS", {"/api/v1/events": broken})
    answer = post(key)
    assert (answer.status, answer.headers["Content-Type"]) == ("500 Internal Server Error", "application/problem+json")
    assert b"secret" not in answer.body


def test_the_use_of_a_key_is_noted(key: str) -> None:
    post(key)
    assert ApiKey.objects.get().last_used_at is not None


def test_the_collector_does_not_look_at_what_the_web_process_loaded() -> None:
    told = [sys.executable, "-c", "import config.wsgi, gc; print(gc.get_freeze_count())"]
    counted = subprocess.run(told, capture_output=True, text=True, check=True, timeout=120).stdout
    assert int(counted) > 50_000  # objects of Django and of ours; a collection over them stops all threads


def test_the_collector_seldom_looks_while_a_command_loads_its_code() -> None:
    told = [sys.executable, "-c", "import gc, manage; manage.main(['manage.py', 'version']); print(gc.get_threshold())"]
    said = subprocess.run(told, capture_output=True, text=True, check=True, timeout=120).stdout
    assert said.splitlines()[-1] == "(20000, 50, 100)"  # of Python's own 700 a start has a thousand times as many
