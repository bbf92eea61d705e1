"""Certificates of one endpoint, against Debian's nginx that wants one and has its own of a private authority."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from deliveries.models import Attempt
from deliveries.protocol.sending.request import read_headers
from tests.config.test_nginx import NGINX, running
from tests.engine.steps import (
    an_endpoint,
    an_engine,
    attempts_of,
    emit,
    step_until_idle,
    take_turn,
    the_delivery,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(NGINX is None, reason="no nginx on this machine: apt-get install nginx-light"),
]

SITE = """
server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.pem;
    ssl_client_certificate {folder}/clients.pem;
    ssl_verify_client optional;
    location / {{
        add_header X-Who "$ssl_client_verify $ssl_client_s_dn" always;
        add_header X-Connection "$connection" always;
        if ($ssl_client_verify != SUCCESS) {{ return 403; }}
        return 204;
    }}
}}
"""


@dataclass
class Server:
    """A running nginx, the authority of its own certificate, and the one whose clients it lets in."""

    url: str
    authority: trustme.CA
    clients: trustme.CA

    @property
    def ca(self) -> dict[str, str]:
        """What an endpoint has to trust."""
        return {"ca": self.authority.cert_pem.bytes().decode()}

    def client(self, name: str) -> dict[str, str]:
        """A certificate for one endpoint, with its key."""
        made = self.clients.issue_cert(f"{name}.example", common_name=name)
        return {
            "certificate": b"".join(each.bytes() for each in made.cert_chain_pems).decode(),
            "key": made.private_key_pem.bytes().decode(),
        }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, receiver_ports: list[int]) -> Iterator[Server]:
    """Debian's nginx with TLS."""
    folder, port = tmp_path_factory.mktemp("nginx"), receiver_ports[1]
    authority, clients = trustme.CA(), trustme.CA(organization_name="clients")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(Path(folder, "server.pem"))
    clients.cert_pem.write_to_path(Path(folder, "clients.pem"))
    Path(folder, "site.conf").write_text(SITE.format(port=port, folder=folder))
    with running(folder, port):
        yield Server(f"https://127.0.0.1:{port}/", authority, clients)


def ends(url: str, *tls: dict[str, str] | None) -> list[tuple[int | None, str, str, str]]:
    """How one delivery of each of these endpoints ends in one turn: status, error, who came, over which connection."""
    found = []
    endpoints = [an_endpoint(url, tls=each, retry_schedule=[0]) for each in tls]
    for endpoint in endpoints:
        emit(endpoint)
        take_turn(endpoint)
        (attempt,) = attempts_of(the_delivery(endpoint))
        told = read_headers(attempt.response_headers)
        found.append((attempt.status_code, attempt.error, told.get("x-who", ""), told.get("x-connection", "")))
    return found


def test_a_server_that_wants_a_certificate_and_has_one_of_a_private_authority_is_reached(server: Server) -> None:
    alice, stranger = server.client("alice"), Server(server.url, server.authority, trustme.CA()).client("mallory")
    reached, bare, public, wrong = ends(server.url, {**alice, **server.ca}, server.ca, alice, {**stranger, **server.ca})
    assert reached[:2] == (204, "")
    assert reached[2].startswith("SUCCESS")
    assert "CN=alice" in reached[2]
    assert bare[:3] == (403, "http_4xx", "NONE")
    assert public[:2] == (None, "tls_error")
    assert wrong[:2] == (400, "http_4xx")


def test_a_connection_with_one_endpoints_certificate_serves_no_other(server: Server) -> None:
    """Given one engine and three endpoints of one server, then each has a connection of its own, and keeps it."""
    alice, bob = (an_endpoint(server.url, tls={**server.client(name), **server.ca}) for name in ("alice", "bob"))
    bare = an_endpoint(server.url, tls=server.ca, retry_schedule=[0])
    engine, _ = an_engine(alice, bob, bare)
    for _ in range(2):
        for endpoint in (alice, bob, bare):
            emit(endpoint)
            engine.notify([endpoint.id])
            step_until_idle(engine)
    engine.abandon()
    told = [read_headers(attempt.response_headers) for attempt in Attempt.objects.order_by("id")]
    assert [each["x-who"].partition("CN=")[2].partition(",")[0] for each in told] == 2 * ["alice", "bob", ""]
    connections = [each["x-connection"] for each in told]
    assert len(set(connections)) == 3
    assert connections[:3] == connections[3:]
