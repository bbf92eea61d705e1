"""TLS with a broker whose certificate, or ours, will not do: one word for each, alike for both kinds of broker."""

from __future__ import annotations

import gc
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from config.broker import make_broker
from deliveries.address_variables import broker_url
from deliveries.management.doctor.surroundings import BROKER_ADVICE
from tests.config.test_rabbit_broker import UNCLOSED
from tests.tls_kinds import TlsKinds

WORDS = {
    "unknown authority": "its certificate is not trusted",
    "expired": "its certificate has expired",
    "not yet valid": "its certificate is not trusted",
    "wrong host": "its certificate is of another host",
    "client certificate": "wants a certificate of ours",
    "client certificate 1.2": "refuses our TLS",
    "strange certificate": "does not trust our certificate",
}
SHOWN = "client certificate"
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def kinds() -> Iterator[TlsKinds]:
    """Certificates of every kind."""
    kinds = TlsKinds()
    yield kinds
    kinds.close()


@contextmanager
def tls_server(context: ssl.SSLContext) -> Iterator[int]:
    """A server that does nothing but speak TLS; its port."""
    taken: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=take_each, args=(server, context, taken), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    gc.collect()  # what the client left open, for which a thread waits
    for each in (thread, *taken):
        each.join(PATIENCE_SECONDS)


def take_each(server: socket.socket, context: ssl.SSLContext, threads: list[threading.Thread]) -> None:
    """Answer each on a thread of its own."""
    with suppress(OSError):  # the server was closed
        while True:
            taken, _ = server.accept()
            threads.append(threading.Thread(target=shake_hands, args=(taken, context), daemon=True))
            threads[-1].start()


def shake_hands(taken: socket.socket, context: ssl.SSLContext) -> None:
    """Shake hands, and hang up once the other has: closed with something unread, what was said would be lost."""
    with taken.dup() as plain:
        with suppress(OSError), context.wrap_socket(taken, server_side=True) as spoken:
            spoken.recv(1)
        with suppress(OSError):
            plain.settimeout(PATIENCE_SECONDS)
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(4096):
                pass


@UNCLOSED
@pytest.mark.parametrize("scheme", ["rediss", "amqps"])
def test_each_fault_of_a_certificate_has_its_word_and_its_advice(kinds: TlsKinds, tmp_path: Path, scheme: str) -> None:
    strange = tmp_path / "strange.pem"
    trustme.CA().issue_cert("worker.example.com").private_key_and_cert_chain_pem.write_to_path(str(strange))
    found = {}
    for name in WORDS:
        kind, shown = (SHOWN, f"&ssl_certfile={strange}") if name == "strange certificate" else (name, "")
        with tls_server(kinds.context(kind)) as port:
            url = f"{scheme}://127.0.0.1:{port}/0?ssl_ca_certs={kinds.ca_file}{shown}"
            found[name] = make_broker(url).condition()  # type: ignore[attr-defined]
    assert found == WORDS
    assert set(found.values()) <= BROKER_ADVICE.keys()


def test_files_that_cannot_be_used_are_a_wrong_setting(kinds: TlsKinds, tmp_path: Path) -> None:
    read, broken = broker_url("rediss", "amqps"), tmp_path / "broken.pem"
    broken.write_text("not a certificate")
    assert read(url := f"amqps://host/?ssl_ca_certs={kinds.ca_file}") == url
    for option, reason in {
        f"ssl_ca_certs={tmp_path}/none": "none: No such file",
        f"ssl_ca_certs={broken}": "holds no certificate",
        f"ssl_certfile={tmp_path}/none": "none or its key: No such file",
        f"ssl_certfile={broken}": "and its key cannot be used",
    }.items():
        with pytest.raises(ValueError, match=reason):
            read(f"rediss://host/0?{option}")
