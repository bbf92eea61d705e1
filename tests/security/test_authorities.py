"""Whose certificates are trusted: the public authorities, or those of HOOKPOST_CA_FILE and no others."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deliveries.conf import conf, load
from deliveries.errors import WrongSetting
from deliveries.network_settings import AllowedTarget
from deliveries.outbound.client import new_transfers, prepared_post, send_one
from deliveries.protocol.answers.answer import Answer
from tests.hostile_server import Case, HostileServer
from tests.outbound.hostile_heads import END, OK
from tests.tls_kinds import TlsKinds

CASES = [
    Case("good tls", (OK + END,), tls="good"),
    Case("unknown authority", (OK + END,), tls="unknown authority"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    """A receiver with a certificate of a private authority, and one with another's."""
    with HostileServer(CASES) as server:
        yield server


def send(server: HostileServer, name: str, **settings: str) -> Answer:
    """Send one request with settings of the environment."""
    chosen = replace(load(settings), allow_targets=server.targets())
    with new_transfers(conf=chosen) as transfers:
        return send_one(prepared_post(server.url(name), [], b"{}"), timeout_seconds=60, transfers=transfers)


def test_a_private_authority_is_trusted_when_the_operator_names_it(server: HostileServer) -> None:
    assert send(server, "good tls", HOOKPOST_CA_FILE=server.kinds.ca_file).status == 200


def test_no_other_authority_is_trusted_then(server: HostileServer) -> None:
    assert send(server, "unknown authority", HOOKPOST_CA_FILE=server.kinds.ca_file).error == "tls_error"


def test_without_it_only_public_authorities_are_trusted(server: HostileServer) -> None:
    assert send(server, "good tls").error == "tls_error"


def test_no_variable_of_other_programs_names_authorities(
    server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, server.kinds.ca_file)
    assert send(server, "good tls").error == "tls_error"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        (b"", "holds no certificate in PEM"),
        (b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", "holds no certificate in PEM"),
        (b"\x30\x82\x01\x00", "holds no certificate in PEM"),
    ],
    ids=["missing", "empty", "nonsense", "der"],
)
def test_a_file_without_authorities_stops_the_start(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WrongSetting) as refused:
        load({"HOOKPOST_CA_FILE": str(path)})
    assert str(refused.value).startswith(f"HOOKPOST_CA_FILE: {path}")
    assert said in str(refused.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(WrongSetting):
        load({"HOOKPOST_CA_FILE": str(tmp_path)})


@pytest.fixture
def tls_proxy() -> Iterator[tuple[str, TlsKinds]]:
    """An egress proxy that speaks TLS under a private authority and answers each request itself."""
    kinds = TlsKinds()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                answer(connection, kinds.context("good"))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}", kinds
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(60)
    kinds.close()


def answer(connection: socket.socket, context: ssl.SSLContext) -> None:
    """Say yes to whoever comes through the handshake."""
    try:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.recv(65536)
            encrypted.sendall(OK + END)
    except OSError:
        return


@pytest.mark.parametrize(("trusted", "word"), [(True, ""), (False, "proxy_error")])
def test_a_proxy_with_tls_is_held_to_the_same_authorities(
    trusted: bool, word: str, tls_proxy: tuple[str, TlsKinds]
) -> None:
    url, kinds = tls_proxy
    settings = {"HOOKPOST_EGRESS_PROXY": url} | ({"HOOKPOST_CA_FILE": kinds.ca_file} if trusted else {})
    chosen = replace(load(settings), allow_targets=(AllowedTarget(ipaddress.ip_network("127.0.0.0/8"), 80),))
    with new_transfers(conf=chosen) as transfers:
        request = prepared_post("http://hooks.alice.example/in", [], b"{}")
        assert send_one(request, timeout_seconds=60, transfers=transfers).error == word


def test_the_engine_of_a_worker_takes_the_setting() -> None:
    assert conf.ca_file == ""
