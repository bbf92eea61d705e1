"""The router of docs/cells.md by HAProxy: who gets a request whose customer stands in the path."""

from __future__ import annotations

import http.client
from contextlib import closing
from pathlib import Path

import pytest

from tests.cells.test_nginx import cell, eventually
from tests.faults.cells import HAPROXY, router
from tests.ports import free_ports, is_listening

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="Debian's haproxy is not installed")


def who_answers(port: int, path: str) -> str:
    """The name of the cell."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("POST", path, b"{}", {"Host": "hooks.example.com"})
        return connection.getresponse().read().decode()


def test_a_uid_is_found_as_clients_write_it_into_a_path(tmp_path: Path) -> None:
    """Given signs that some clients escape in a path and some do not, then both lead to the customer's cell."""
    (port,) = free_ports(1)
    (tmp_path / "cells.map").write_text("acme:1@eu+x b\n")
    with cell("a") as a, cell("b") as b, router(tmp_path, port=port, a=a.port, b=b.port):
        eventually(lambda: is_listening(port))
        names = ("acme:1@eu+x", "acme%3A1%40eu%2Bx", "acme%3a1@eu%2bx", "acme")
        assert [who_answers(port, f"/api/v1/customers/{each}/endpoints") for each in names] == ["b", "b", "b", "a"]
