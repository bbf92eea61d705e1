"""None of the secrets of a filled database is found where it does not belong: dump, logs, broker, pages, answers."""

from __future__ import annotations

import io
import logging
import logging.config
from collections.abc import Iterator

import pytest
import redis
import structlog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client, override_settings

from config.logging import logging_settings
from config.site_cookies import session_cookie
from deliveries import actors
from deliveries.models import Attempt, Endpoint
from tests.browsers import open_session
from tests.engine.steps import emit, lease, let_time_pass, take_turn
from tests.receiver import Receiver
from tests.security.crawl import crawl
from tests.security.filled import TOKEN, Filled, fill, log_in_badly
from tests.security.steps import PASSWORD, logged_in

pytestmark = pytest.mark.django_db(transaction=True)

API = [
    "/api/v1/customers",
    "/api/v1/customers/alice",
    "/api/v1/customers/alice/endpoints",
    "/api/v1/customers/alice/events",
    "/api/v1/customers/alice/event-types",
    "/api/v1/deliveries",
    "/api/v1/events",
    "/api/v1/event-types",
    "/api/v1/jobs",
    "/api/v1/meta",
    "/api/v1/openapi.json",
    "/metrics",
    "/readyz",
]


@pytest.fixture
def filled(receiver: Receiver, receiver_ports: list[int]) -> Iterator[Filled]:
    """A filled database; nobody listens on the last of the ports."""
    yield fill(receiver, receiver_ports[-1])
    actors._notifier._lanes.clear()


def dump() -> str:
    """Every row of every table as text; bytes as hex and, where they are text, as that too."""
    parts = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT * FROM "{table}"')
            parts += [value for row in cursor.fetchall() for value in row]
    return "\n".join(shown(part) for part in parts)


def shown(value: object) -> str:
    """A value of a column as somebody with the dump could read it."""
    if isinstance(value, memoryview | bytes):
        raw = bytes(value)
        return raw.hex() + "\n" + raw.decode("latin-1")
    return str(value)


def test_the_search_finds_what_is_there(filled: Filled) -> None:
    assert filled.found_in(f"... {TOKEN} ...") == {"header token"}
    assert filled.found_in(PASSWORD.encode().hex()) == {"password"}
    assert "first secret" in filled.found_in(repr(filled.secrets))


def test_a_dump_of_the_database_holds_no_secret(filled: Filled) -> None:
    log_in_badly("root")
    browser = Client()
    browser.post("/admin/login/", {"username": "root", "password": PASSWORD})
    text = dump()
    assert Attempt.objects.count() >= 4
    assert "Alice & Co" in text
    assert "[hidden]" in text
    assert filled.found_in(text) == set()


def test_the_requests_that_the_log_keeps_name_the_customers_own_headers_without_their_values(filled: Filled) -> None:
    kept = [row.request_headers for row in Attempt.objects.filter(endpoint__headers_sealed__isnull=False)]
    assert len(kept) >= 3
    for lines in kept:
        assert "authorization: [hidden]\nx-basic: [hidden]" in lines
        assert filled.found_in(lines) == set()


def test_a_dump_of_the_database_logs_nobody_in(filled: Filled) -> None:
    browser = Client()
    key = open_session(browser, filled.root, "staff")
    assert Session.objects.count() == 1
    assert key not in dump()
    thief = Client()
    thief.cookies[session_cookie("staff")] = Session.objects.get().session_key
    assert thief.get("/admin/").status_code == 302
    assert browser.get("/admin/").status_code == 200
    browser.post("/admin/logout/")
    assert not Session.objects.exists()


@pytest.mark.parametrize("form", ["text", "json"])
def test_logs_hold_no_secret_at_the_most_talkative_level(
    form: str, receiver: Receiver, receiver_ports: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with logs_as(form) as written:
        filled = fill(receiver, receiver_ports[-1])
        log_in_badly("root")
        client = Client(raise_request_exception=False)
        for path in API:
            client.get(path, headers={"authorization": f"Bearer {filled.keys[0]}"})
        blow_up(monkeypatch)
        let_a_worker_fail()
        client.get("/api/v1/deliveries", headers={"authorization": f"Bearer {filled.keys[0]}"})
    text = written.getvalue()
    assert "boom in a turn" in text
    assert "Traceback" in text
    assert filled.found_in(text) == set()


def blow_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing works; the frames of what fails hold secrets."""

    def broken_turn(*given: object, **named: object) -> None:
        raise RuntimeError("boom in a turn")

    def broken_view(*args: object, **kwargs: object) -> None:
        raise RuntimeError("boom in a view")

    monkeypatch.setattr("deliveries.engine.sender.head_of", broken_turn)
    monkeypatch.setattr("deliveries.models.visible.deliveries", broken_view)


def let_a_worker_fail() -> None:
    """A turn that meets an exception; one that comes through is told as Dramatiq's workers tell it."""
    endpoint = Endpoint.objects.exclude(headers_sealed=None).get()
    emit(endpoint)
    let_time_pass(endpoint)
    try:
        take_turn(endpoint)
    except (RuntimeError, AssertionError):
        logging.getLogger("dramatiq.worker").exception("Failed to process message")
        structlog.get_logger("deliveries").exception("turn_failed")


class logs_as:  # noqa: N801  # reads as a sentence where it is used
    """All that is logged inside the block, as a process with these settings would write it."""

    def __init__(self, form: str) -> None:
        self.form = form

    def __enter__(self) -> io.StringIO:
        logging.config.dictConfig(logging_settings(level="DEBUG", form=self.form))
        written = io.StringIO()
        for handler in logging.getLogger().handlers:
            assert isinstance(handler, logging.StreamHandler)
            handler.setStream(written)
        return written

    def __exit__(self, *error: object) -> None:
        logging.config.dictConfig(settings.LOGGING)


def test_messages_in_the_broker_hold_ids_only(filled: Filled, broker: object) -> None:
    if settings.BROKER_URL.startswith("amqp"):
        pytest.skip("looks into Redis and Valkey")
    for endpoint in Endpoint.objects.all():
        actors.deliver_due.send([str(endpoint.id)])
        actors.deliver_due_slow.send([str(endpoint.id)])
    text = content_of(redis.Redis.from_url(settings.BROKER_URL))
    assert str(Endpoint.objects.first().id) in text  # type: ignore[union-attr]
    assert filled.found_in(text) == set()


def content_of(client: redis.Redis) -> str:
    """Everything in the broker, whatever its type."""
    readers = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"hash": client.hgetall,
        b"stream": client.xrange,
    }
    return "\n".join(repr((key, readers[client.type(key)](key))) for key in client.scan_iter())


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_no_page_holds_a_secret(site: str, filled: Filled) -> None:
    filled.carol.second_factor.delete()  # type: ignore[attr-defined]
    browser = logged_in(filled.root if site == "admin" else filled.carol)
    pages = 0
    for address, status, text in crawl(browser, f"/{site}/"):
        assert status < 500, address
        assert filled.found_in(text) == set(), address
        pages += status == 200
    assert pages > (40 if site == "admin" else 15)


@pytest.mark.parametrize("number", [0, 1])
def test_no_answer_of_the_api_holds_a_secret(number: int, filled: Filled) -> None:
    bearer = {"authorization": f"Bearer {filled.keys[number]}"}
    client = Client()
    endpoints = client.get("/api/v1/customers/alice/endpoints", headers=bearer).json()["results"]
    deliveries = client.get("/api/v1/deliveries", headers=bearer).json()["results"]
    more = [f"/api/v1/customers/alice/endpoints/{each['id']}" for each in endpoints]
    more += [f"/api/v1/deliveries/{each['id']}/attempts" for each in deliveries]
    assert len(more) == 2 + 8
    for path in API + more:
        answer = client.get(path, headers=bearer)
        assert answer.status_code in (200, 403), path
        assert filled.found_in(answer.content.decode()) == set(), path


def test_a_debug_page_shows_no_value(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    blow_up(monkeypatch)
    browser = Client(raise_request_exception=False, headers={"authorization": f"Bearer {filled.keys[0]}"})
    with override_settings(DEBUG=True):
        answer = browser.get("/api/v1/deliveries")
        page = browser.get("/admin/nowhere/")
    assert answer.status_code == 500
    assert "boom in a view" in answer.content.decode()
    assert filled.found_in(answer.content.decode() + page.content.decode()) == set()


def test_a_leased_lane_shows_no_secret_when_it_is_printed(filled: Filled) -> None:
    endpoint = Endpoint.objects.exclude(headers_sealed=None).get()
    emit(endpoint)
    lane = lease(endpoint)
    assert TOKEN in lane.endpoint.headers["authorization"]
    assert filled.found_in(repr(lane)) == set()
