"""The router of docs/cells.md by nginx: the shipped file, the lines that are written for it, and who gets a request."""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deliveries.cells.router import Routers
from deliveries.errors import Conflict
from tests.ports import free_ports, is_listening
from tests.receiver import Receiver, Request

SHIPPED = Path(__file__).resolve().parents[2] / "docker/cells/nginx.conf"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
PATIENCE_SECONDS = 180
KEY = "0123456789abcdef" * 4  # the SHA-256 of a key, as the mover writes it
LONG = "u" * 128


class Front:
    """nginx with the shipped file, but for names, ports and TLS."""

    def __init__(self, folder: Path, *, a: int, b: int, port: int = 0) -> None:
        self.port = port or free_ports(1)[0]
        self.map, self.file, self.log = folder / "nginx.map", folder / "nginx.conf", folder / "error.log"
        text = SHIPPED.read_text().replace("/etc/nginx/cells.nginx.map", str(self.map))
        text = re.sub(r"\n *ssl_certificate.*", "", text.replace("listen 443 ssl", f"listen 127.0.0.1:{self.port}"))
        text = text.replace("web-a:8000", f"127.0.0.1:{a}").replace("web-b:8000", f"127.0.0.1:{b}")
        around = f"pid {folder}/pid; error_log {self.log}; events {{}}"
        self.file.write_text(f"{around}\nhttp {{ access_log off;\n{text}\n}}\n")
        self.command = [NGINX or "", "-e", str(self.log), "-c", str(self.file)]
        self.routers = Routers(nginx_maps=[self.map], then=f"{' '.join(self.command)} -s reload")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it in the foreground."""
        process = subprocess.Popen([*self.command, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
        try:
            eventually(lambda: is_listening(self.port))
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)

    def ask(self, path: str, **headers: str) -> str:
        """Who answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("POST", path, b"{}", {"Host": "hooks.example.com"} | headers)
            return connection.getresponse().read().decode()
        finally:
            connection.close()


def eventually(condition: object) -> None:
    """Poll until the condition holds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def cell(name: str) -> Receiver:
    """A cell that says its name."""

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, name.encode()

    return Receiver(free_ports(1)[0], answer=answer)


@pytest.mark.skipif(NGINX is None, reason="no nginx")
def test_nginx_sends_each_request_to_the_cell_of_the_customer_that_it_names(tmp_path: Path) -> None:
    """Given the shipped file and lines as they are written, then nginx starts, routes, and routes anew after a move."""
    with cell("a") as a, cell("b") as b:
        front = Front(tmp_path, a=a.port, b=b.port)
        Routers(nginx_maps=[front.map]).tell({"acme", "cus_1", KEY, LONG, "default"}, "b")
        Routers(nginx_maps=[front.map]).tell({"bob"}, "a")
        with front.running():
            assert [front.ask(f"/api/v1/customers/{name}/endpoints") for name in ("acme", "cus_1", "bob")] == [*"bba"]
            assert [front.ask(f"/api/v1/customers/{name}") for name in (LONG, "default", "nobody")] == [*"bba"]
            header = "Hookpost-Customer"
            assert [front.ask("/api/v1/events", **{header: name}) for name in ("acme", "bob", "nobody")] == [*"baa"]
            assert [front.ask("/portal/", Host=f"{name}.hooks.example.com") for name in "ab"] == [*"ab"]
            assert front.ask("/api/v1/customers/bob", **{header: "acme"}) == "a"
            assert "404" in front.ask("/metrics")
            front.routers.tell({"acme", "cus_1"}, "a")
            eventually(lambda: front.ask("/api/v1/events", **{header: "acme"}) == "a")
            front.ask("/", **{"X-Request-Id": "mine", "X_Forwarded_For": "192.0.2.1", "X-Forwarded-For": "192.0.2.2"})
        told = [{name.lower(): value for name, value in each.headers} for each in a.requests]
        assert told[-1]["x-request-id"] == "mine"
        assert re.fullmatch(r"[0-9a-f]{32}", told[0]["x-request-id"])
        assert (told[-1]["x-forwarded-for"], "x_forwarded_for" in told[-1]) == ("127.0.0.1", False)


def test_uids_that_nginx_cannot_tell_apart_are_refused_before_it_reads_them(tmp_path: Path) -> None:
    routers = Routers(nginx_maps=[tmp_path / "nginx.map"])
    routers.tell({"acme", "default"}, "b")
    with pytest.raises(Conflict, match="'Acme' from 'acme'"):
        routers.tell({"Acme"}, "a")
    routers.tell({"acme", "default"}, "a")
    assert (tmp_path / "nginx.map").read_text() == "acme a;\n\\default a;\n"
