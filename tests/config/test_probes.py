"""Probes: answered whatever host they name, by the web server and by processes that serve nothing else."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from config.probes import probes_first
from deliveries.errors import CannotStart
from deliveries.management.health_port import health_port
from deliveries.services.process import drain
from tests.ports import free_ports
from tests.wrong_clocks import DAY, host_off_by


class Passed(Exception):
    """The request went on to Django."""


def refusing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    raise Passed


def asked(path: str, **environ: Any) -> tuple[str, list[bytes]]:
    """The status and body of an answer to a request that names no host."""
    said: list[str] = []
    request = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "SERVER_PORT": "80", "wsgi.input": io.BytesIO()} | environ
    body = probes_first(refusing)(request, lambda status, headers: said.append(status))
    return said[0], list(body)


@pytest.fixture
def draining() -> Iterator[None]:
    """A process that was told to end."""
    drain.begin()
    yield
    drain.forget()


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


def got(port: int, path: str) -> tuple[int, str]:
    """The status and text of what a process answers at its health port."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_probe_that_names_no_host_of_ours_is_answered() -> None:
    assert asked("/healthz") == ("200 OK", [b'{"status": "ok"}'])
    assert asked("/healthz", HTTP_HOST="10.0.0.7:8000")[0] == "200 OK"
    assert asked("/healthz", REQUEST_METHOD="HEAD") == ("200 OK", [])


@pytest.mark.parametrize(("path", "method"), [("/admin/", "GET"), ("/healthz", "POST")])
def test_everything_else_goes_on_to_django(path: str, method: str) -> None:
    with pytest.raises(Passed):
        asked(path, REQUEST_METHOD=method)


def test_a_mistake_of_ours_is_a_500(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deliveries.api.readiness.database_word", lambda: 1 / 0)
    assert asked("/readyz")[0].startswith("500")


def test_whoever_is_about_to_end_is_not_ready(draining: None) -> None:
    assert asked("/readyz") == ("503 Service Unavailable", [b'{"status": "draining"}'])
    assert asked("/healthz")[0] == "200 OK"


@pytest.mark.django_db(transaction=True)
def test_a_worker_says_how_it_is_at_a_port_of_its_own(port: int) -> None:
    lives = {"dispatcher": True}
    with health_port(("127.0.0.1", port), {"dispatcher": lambda: lives["dispatcher"]}):
        assert got(port, "/healthz") == (200, '{"status": "ok"}')
        status, body = got(port, "/readyz")
        assert (status, json.loads(body)["database"]) == (200, "ok")
        assert "hookpost_reports_database" in got(port, "/metrics")[1]
        assert got(port, "/admin/")[0] == 404
        lives["dispatcher"] = False
        assert got(port, "/healthz") == (503, '{"status": "failed", "dispatcher": "ended"}')
    with pytest.raises(OSError, match="refused"):
        got(port, "/healthz")


@pytest.mark.django_db(transaction=True)
def test_a_worker_whose_clock_is_off_is_not_ready(port: int) -> None:
    with health_port(("127.0.0.1", port), {}), host_off_by(40 * DAY):
        status, body = got(port, "/readyz")
    assert (status, json.loads(body)["clock"].split(" the ")[0]) == (503, "this host's clock is 40.0 days ahead of")


def test_a_taken_port_is_one_sentence(port: int) -> None:
    with (
        health_port(("127.0.0.1", port), {}),
        pytest.raises(CannotStart, match=f"cannot listen on 127.0.0.1:{port}"),
        health_port(("127.0.0.1", port), {}),
    ):
        pass


def test_without_a_place_nobody_listens() -> None:
    before = places_listened_at()
    with health_port(None, {}):
        assert places_listened_at() == before


def test_a_place_is_listened_at_while_the_block_lasts(port: int) -> None:
    with health_port(("127.0.0.1", port), {}):
        assert ("127.0.0.1", port) in places_listened_at()
    assert ("127.0.0.1", port) not in places_listened_at()


def places_listened_at() -> set[tuple[str, int]]:
    """Where this process takes connections."""
    found = psutil.Process().net_connections("tcp")
    return {(each.laddr.ip, each.laddr.port) for each in found if each.status == psutil.CONN_LISTEN}
