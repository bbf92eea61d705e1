"""RabbitMQ as the broker: connections that end while nobody rings, queues of another type, TLS and least rights."""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import shlex
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import dramatiq
import pytest
import trustme
from structlog.testing import capture_logs

from config.broker import make_broker
from config.rabbit_broker import RabbitBroker
from tests.config.poison import OTHERS, THREADS, Listening, failing, refused
from tests.config.test_broker_kinds import eventually
from tests.faults.brokers import Rabbit
from tests.ports import free_ports

PAGE = Path(__file__).resolve().parents[2] / "docs/operations.md"
PASSWORD = "secret"
# pika leaves the socket of a handshake that failed to whoever collects it.
UNCLOSED = pytest.mark.filterwarnings("ignore:.*socket:pytest.PytestUnraisableExceptionWarning")
TLS_CONFIG = """
listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.cacertfile = {ca}
ssl_options.certfile = {server}
ssl_options.keyfile = {server}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
load_definitions = {definitions}
"""

pytestmark = pytest.mark.skipif(
    shutil.which("rabbitmq-server", path="/usr/lib/rabbitmq/bin") is None, reason="no rabbitmq-server"
)


class SecuredRabbit(Rabbit):
    """A server that speaks TLS at another port, and has a vhost whose users have few rights."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.tls_port,) = free_ports(1)
        self.authority, self.ca = trustme.CA(), folder / "ca.pem"
        theirs, definitions = folder / "server.pem", folder / "definitions.json"
        self.authority.cert_pem.write_to_path(str(self.ca))
        self.authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(theirs))
        definitions.write_text(json.dumps(defined(rights_of_the_page())))
        self.config += TLS_CONFIG.format(port=self.tls_port, ca=self.ca, server=theirs, definitions=definitions)

    def tls_url(self, user: str = "hookpost", **options: object) -> str:
        """Where to speak TLS with it."""
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"amqps://{user}:{PASSWORD}@127.0.0.1:{self.tls_port}/hookpost?{query}"


def rights_of_the_page() -> list[str]:
    """What the page has the operator type: what may be configured, written and read."""
    (line,) = [line for line in PAGE.read_text().splitlines() if line.startswith("rabbitmqctl set_permissions")]
    return shlex.split(line)[-3:]


def defined(rights: list[str]) -> dict[str, object]:
    """Users and rights as RabbitMQ loads them: `guest`, who may do all, `hookpost`, and one who may not read."""

    def allowed(user: str, vhost: str, *three: str) -> dict[str, str]:
        return dict(zip(("user", "vhost", "configure", "write", "read"), (user, vhost, *three), strict=True))

    users = {"guest": "guest", "hookpost": PASSWORD, "blind": PASSWORD}
    return {
        "users": [
            {"name": name, "password_hash": hashed(password), "tags": "", "limits": {}}
            for name, password in users.items()
        ],
        "vhosts": [{"name": "/"}, {"name": "hookpost"}],
        "permissions": [
            allowed("guest", "/", ".*", ".*", ".*"),
            allowed("hookpost", "hookpost", *rights),
            allowed("blind", "hookpost", *rights[:2], "^amq[.]gen"),
        ],
    }


def hashed(password: str) -> str:
    """A password as RabbitMQ keeps it."""
    salt = b"salt"
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredRabbit]:
    """A server of our own."""
    server = SecuredRabbit(Path(tmp_path_factory.mktemp("rabbit")))
    try:
        server.start()
        yield server
    finally:
        server.stop()


def broker_at(url: str) -> tuple[RabbitBroker, dramatiq.Actor[[int], None]]:
    """A broker and an actor of it, in the queue `bell`."""
    broker = make_broker(url)
    assert isinstance(broker, RabbitBroker)

    @dramatiq.actor(broker=broker, queue_name="bell", max_retries=0)
    def ring(number: int) -> None: ...

    return broker, ring


def cut(broker: RabbitBroker) -> None:
    """End the connections below pika, as a server does that has missed heartbeats."""
    for each in broker.connections:
        each._impl._transport._sock.shutdown(socket.SHUT_RDWR)


def test_who_rings_seldom_looks_and_rings_again_after_the_server_ended_the_connection(rabbit: Rabbit) -> None:
    """Given a thread whose heartbeats the server missed, then neither a look nor a message fails from then on."""
    broker, ring = broker_at(rabbit.url)
    ring.send(1)
    cut(broker)
    assert broker.waiting("bell") in (0, 1)  # the message, or that it was on its way still
    cut(broker)
    ring.send(2)  # over a connection that is gone: lost, like any message may be
    ring.send(3)
    cut(broker)
    assert broker.waiting("bell") >= 0
    assert broker.condition() == "ok"
    cut(broker)
    broker.flush_all()
    assert broker.waiting("bell") == 0
    broker.close()


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (("set_vm_memory_high_watermark", "0.00001"), ("set_vm_memory_high_watermark", "0.6")),
        (("set_disk_free_limit", "1000000GB"), ("set_disk_free_limit", "50MB")),
    ],
    ids=["memory", "disk"],
)
def test_a_server_that_takes_no_messages_for_want_of_room_is_full(
    rabbit: Rabbit, begin: tuple[str, str], end: tuple[str, str]
) -> None:
    broker, ring = broker_at(rabbit.url)
    ring.send(1)
    assert broker.condition() == "ok"
    rabbit.control(*begin)
    try:
        eventually(lambda: broker.condition() != "ok")
        assert broker.condition() == "full"
    finally:
        rabbit.control(*end)
    eventually(lambda: broker.condition() == "ok")
    broker.flush_all()
    broker.close()


def test_what_is_no_message_of_ours_is_set_aside_with_a_line_and_nobody_waits_for_it(rabbit: Rabbit) -> None:
    broker = make_broker(rabbit.url)
    assert isinstance(broker, RabbitBroker)
    listening = Listening(broker, "odd")
    assert broker.waiting("odd") == 0
    bodies = refused(listening.ring.message(1))
    for body in [*bodies, *failing(listening.ring.message(1))]:
        broker.channel.basic_publish("", "odd", body)
    with capture_logs() as logs:
        listening.worker.start()
        try:
            assert listening.hears(2)
            assert listening.threads_alive() == THREADS
        finally:
            listening.worker.stop()
    assert listening.heard == [2]
    assert len([line for line in logs if line["event"] == "message_refused"]) == len(OTHERS[:-1]) * (THREADS + 1)
    assert broker.get_queue_message_counts("odd") == (0, 0, len(bodies))
    broker.close()


def test_queues_of_another_type_are_refused_at_start_with_what_to_do(rabbit: Rabbit) -> None:
    broker, ring = broker_at(rabbit.url)
    ring.send(1)
    assert (broker.condition(), broker.refusal()) == ("ok", "")
    quorum, _ = broker_at(f"{rabbit.url}?queue_type=quorum")
    assert "name another vhost" in quorum.refusal()
    other, ring = broker_at(f"amqp://guest:guest@127.0.0.1:1,127.0.0.1:{rabbit.port}?queue_type=quorum")
    other.queues = {"of_quorum"}
    assert (other.condition(), other.refusal()) == ("ok", "")
    for each in (broker, quorum, other):
        each.close()


@UNCLOSED
def test_by_tls_a_user_with_the_rights_that_the_page_names_rings_and_hears(
    rabbit: SecuredRabbit, tmp_path: Path
) -> None:
    """Given an authority of one's own, and a certificate of ours if we like, then a process may do all it does."""
    mine = tmp_path / "mine.pem"
    rabbit.authority.issue_cert("worker.example.com").private_key_and_cert_chain_pem.write_to_path(str(mine))
    for options in ({}, {"ssl_certfile": mine, "ssl_keyfile": mine}):
        broker, ring = broker_at(rabbit.tls_url(ssl_ca_certs=rabbit.ca, **options))
        broker.queues, broker.queues_pending = {"jobs"}, {"jobs"}
        assert (broker.condition(), broker.refusal()) == ("ok", "")
        dramatiq.actor(ring.fn, broker=broker, actor_name="job", queue_name="jobs").send(1)
        heard = next(broker.consume("jobs", timeout=120_000))
        assert heard is not None
        broker.close()
    for url, word in {
        rabbit.tls_url(): "its certificate is not trusted",
        rabbit.tls_url("blind", ssl_ca_certs=rabbit.ca): "not allowed",
        rabbit.tls_url("nobody", ssl_ca_certs=rabbit.ca): "not allowed",
        rabbit.tls_url(ssl_ca_certs=rabbit.ca).replace("/hookpost?", "/other?"): "not allowed",
        rabbit.url.replace("amqp:", "amqps:"): "speaks no TLS",
    }.items():
        broker, _ = broker_at(url)
        broker.queues = {"jobs"}
        assert broker.condition() == word
    gc.collect()
