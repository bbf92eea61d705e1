"""The image's commands deliver: as a user that nobody knows, on a root file system that is read-only.

What lives here: what `make image` runs on the files of the image that it built. PostgreSQL and the broker are outside.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import socket
import socketserver
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from standardwebhooks import Webhook

from config.embedded import Services
from config.embedded.processes import wait_until
from tests.config.test_docker import health_commands
from tests.faults.brokers import Rabbit
from tests.ports import free_ports
from tests.production.databases import KEYS, is_up
from tests.receiver import Receiver

ROOT = os.environ.get("IMAGE_ROOT", "")
PATIENCE_SECONDS = 120
STRANGER = "54321:54321"
# A mount namespace of its own: the image read-only, and of its surroundings what a container would get.
ENTER = f"""
set -e
mount --bind {ROOT} {ROOT}
mount -t tmpfs tmpfs {ROOT}/tmp
mount -t proc proc {ROOT}/proc
mount --bind /dev {ROOT}/dev
mount -o remount,ro,bind {ROOT}
exec chroot --userspec={STRANGER} {ROOT} /bin/sh -c 'cd /srv/hookpost && exec "$@"' sh "$@"
"""

pytestmark = pytest.mark.skipif(not ROOT, reason="`make image` builds it and runs this")


class _Forwarding(socketserver.BaseRequestHandler):
    """Passes bytes between a caller and the service's unix socket until one of them ends."""

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as service:
            service.connect(self.server.path)  # type: ignore[attr-defined]
            ways = {self.request: service, service: self.request}
            while True:
                for source in select.select(list(ways), [], [])[0]:
                    if not (data := source.recv(65536)):
                        return
                    ways[source].sendall(data)


@contextmanager
def reachable(path: str) -> Iterator[int]:
    """A port that leads to the unix socket of a service: its folder is closed to strangers."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Forwarding) as server:
        server.daemon_threads = True
        server.path = path  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def inside(*words: str) -> list[str]:
    """A command of the image's, as the stranger."""
    return ["unshare", "--mount", "sh", "-c", ENTER, "sh", "/opt/venv/bin/python", *words]


def is_healthy(service: str, port: int, *, settings: Mapping[str, str]) -> bool:
    """What the container's own health check says."""
    _, *words = health_commands()[service]
    asked = [re.sub(r"\b(8000|9101)\b", str(port), word) for word in words]
    return subprocess.run(inside(*asked), env=dict(settings), check=False).returncode == 0


@contextmanager
def process(*words: str, settings: Mapping[str, str]) -> Iterator[None]:
    """A process of the image's that runs as long as the block lasts."""
    child = subprocess.Popen(inside("manage.py", *words), env=dict(settings))
    try:
        yield
        assert child.poll() is None
    finally:
        child.terminate()
        child.wait(PATIENCE_SECONDS)


def post(url: str, body: object, *, key: str) -> Any:
    """What the API answers."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)


@contextmanager
def broker_of(kind: str, folder: Path, valkey: str) -> Iterator[str]:
    """The URL of a broker outside: the Valkey of this socket, or a RabbitMQ of our own."""
    if kind == "Valkey":
        with reachable(valkey) as port:
            yield f"redis://127.0.0.1:{port}/0"
        return
    rabbit = Rabbit(folder)
    try:
        rabbit.start()
        yield rabbit.url
    finally:
        rabbit.stop()


@pytest.mark.parametrize("kind", ["Valkey", "RabbitMQ"])
def test_a_stranger_delivers_by_the_image_and_can_write_nothing(tmp_path: Path, kind: str) -> None:
    if kind == "RabbitMQ" and not shutil.which("rabbitmq-server", path="/usr/lib/rabbitmq/bin"):
        pytest.skip("no rabbitmq-server")
    web, health, hook = free_ports(3)
    with ExitStack() as stack:
        services = stack.enter_context(Services(tmp_path, durable=False))
        folder = psycopg.conninfo.conninfo_to_dict(services.database_url)["host"]
        database = stack.enter_context(reachable(f"{folder}/.s.PGSQL.5432"))
        broker = stack.enter_context(broker_of(kind, tmp_path, f"{folder}/valkey.sock"))
        shop = stack.enter_context(Receiver(hook))
        settings = KEYS | {
            "DATABASE_URL": f"postgresql://hookpost@127.0.0.1:{database}/hookpost",
            "BROKER_URL": broker,
            "HOOKPOST_ALLOW_TARGETS": f"127.0.0.1/32:{hook}",
            "HOOKPOST_DRAIN_SECONDS": "0",
            "PATH": "/opt/venv/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        }
        subprocess.run(inside("manage.py", "migrate", "--noinput"), env=settings, check=True, stdout=subprocess.DEVNULL)
        made = subprocess.check_output(inside("manage.py", "create_api_key", "setup"), env=settings, text=True)
        key = made.splitlines()[-1]
        stack.enter_context(process("web", "--port", str(web), settings=settings))
        stack.enter_context(process("worker", "--health", f"127.0.0.1:{health}", settings=settings))
        stack.enter_context(process("dispatcher", settings=settings))
        assert wait_until(lambda: is_up(web) and is_up(health), seconds=PATIENCE_SECONDS)
        assert [is_healthy(*each, settings=settings) for each in (("web", web), ("worker", health))] == [True, True]
        base = f"http://127.0.0.1:{web}/api/v1"
        post(f"{base}/customers", {"uid": "acme", "name": "Acme"}, key=key)
        endpoint = post(f"{base}/customers/acme/endpoints", {"url": f"{shop.url}/hook"}, key=key)
        post(f"{base}/events", {"customer": "acme", "type": "invoice.paid", "data": {"n": 1}}, key=key)
        (request,) = shop.wait_for(1, timeout=PATIENCE_SECONDS)
        headers = {name.lower(): value for name, value in request.headers}
        assert Webhook(endpoint["secret"]).verify(request.body, headers)["data"] == {"n": 1}
