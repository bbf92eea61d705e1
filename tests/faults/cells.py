"""Two cells behind HAProxy: a second installation in the same PostgreSQL and Valkey, with a database of its own.

What lives here: the second cell, the router as docker/cells/ ships it, and the mover as a process. It must not know
what is asserted.
"""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.db import connections

from tests.cells.test_nginx import Front
from tests.faults.cluster import CHECKOUT, LEAST_SECONDS, Cluster
from tests.ports import free_ports

HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
SHIPPED = CHECKOUT / "docker/cells/haproxy.cfg"
KEYS = {name: f"{name}1:{base64.b64encode(name.encode() * 32).decode()}" for name in ("b",)}
TABLES = """
SELECT quote_ident(relname) FROM pg_class
WHERE relname LIKE 'hookpost_%' AND relname <> 'hookpost_unbroken' AND relkind IN ('r', 'p') AND NOT relispartition
"""


class SecondCell(Cluster):
    """Another installation beside one that runs: its own database, keys and messages, in the same servers."""

    def __init__(self, first: Cluster, folder: Path) -> None:
        self.first, self.data_dir = first, folder
        self.database, self.broker = first.database, first.broker
        self.url = first.database.database_url.replace("/hookpost?", "/cell_b?")
        self.settings = first.settings | {
            "HOOKPOST_CELL": "b", "HOOKPOST_ENCRYPTION_KEYS": KEYS["b"],
        }  # fmt: skip
        self.children = {}
        self.started = 0
        (self.port,) = free_ports(1)

    def start(self) -> None:
        """Make the database a copy of the first one's, which nobody may use then; only service keys stay in it."""
        connections.close_all()
        self._on_server("DROP DATABASE IF EXISTS cell_b WITH (FORCE)", "CREATE DATABASE cell_b TEMPLATE hookpost")
        tables = ", ".join(str(name) for (name,) in self.ask(TABLES))
        with psycopg.connect(self.url) as connection:
            connection.execute("CREATE TEMP TABLE kept AS SELECT * FROM hookpost_api_key WHERE customer_id IS NULL")
            connection.execute(psycopg.sql.SQL(f"TRUNCATE {tables} CASCADE"))
            connection.execute("INSERT INTO hookpost_api_key SELECT * FROM kept")

    def environment(self, name: str = "command", **settings: object) -> dict[str, str]:
        """As for the first cell, with other messages."""
        told = super().environment(name, **settings)
        return told | {"BROKER_URL": f"{told['BROKER_URL'].partition('?')[0]}?db=1"}

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """Rows from this cell's database."""
        with psycopg.connect(self.url, application_name="test") as connection:
            return connection.execute(statement).fetchall()

    def stop(self) -> None:
        """End what was started here, and drop the database."""
        self.end_children()
        self._on_server("DROP DATABASE IF EXISTS cell_b WITH (FORCE)")

    def _on_server(self, *statements: str) -> None:
        url = self.first.database.database_url.replace("/hookpost?", "/postgres?")
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(psycopg.sql.SQL(statement))


@contextmanager
def second_cell(first: Cluster, folder: Path) -> Iterator[SecondCell]:
    """A second cell, with the service keys of the first; the first knows it by its settings file."""
    cell = SecondCell(first, folder)
    cell.start()
    (folder / "b.env").write_text(f"DATABASE_URL='{cell.url}'\nHOOKPOST_ENCRYPTION_KEYS='{KEYS['b']}'\n")
    first.settings |= {"HOOKPOST_CELL": "a", "HOOKPOST_CELLS": str(folder)}
    try:
        yield cell
    finally:
        for name in ("HOOKPOST_CELL", "HOOKPOST_CELLS"):
            first.settings.pop(name)
        cell.stop()


@contextmanager
def router(folder: Path, *, port: int, a: int, b: int) -> Iterator[list[str]]:
    """HAProxy with the shipped configuration, but for names and ports; the mover's options that tell it."""
    assert HAPROXY
    text = SHIPPED.read_text()
    for map_file in ("cells.map", "cell_hosts.map"):
        (folder / map_file).touch()
        text = text.replace(f"/etc/haproxy/{map_file}", str(folder / map_file))
    text = text.replace("/run/haproxy/admin.sock", str(folder / "admin.sock"))
    text = re.sub(r"bind :443.*", f"bind 127.0.0.1:{port}", text)
    text = text.replace("web-a:8000", f"127.0.0.1:{a}").replace("web-b:8000", f"127.0.0.1:{b}")
    text = text.replace("X-Forwarded-Proto https", "X-Forwarded-Proto http")
    (folder / "haproxy.cfg").write_text(text)
    command = [HAPROXY, "-db", "-f", str(folder / "haproxy.cfg")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield ["--map", str(folder / "cells.map"), "--haproxy", str(folder / "admin.sock")]
    finally:
        process.terminate()
        process.wait(LEAST_SECONDS)


@contextmanager
def nginx_router(folder: Path, *, port: int, a: int, b: int) -> Iterator[list[str]]:
    """The same by nginx, which is told by a file and a reload."""
    front = Front(folder, a=a, b=b, port=port)
    front.map.touch()
    with front.running():
        yield ["--nginx-map", str(front.map), "--then", f"{' '.join(front.command)} -s reload"]
