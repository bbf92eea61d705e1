"""Redis and Valkey as they are run: with a password, rights, TLS, behind Sentinel; a cluster is refused."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dramatiq
import pytest
import redis
import trustme

from config.broker import ValkeyBroker, make_broker
from config.embedded.binaries import valkey_server
from config.redis_client import redis_client
from deliveries.checks import refuse_unfit_broker
from deliveries.errors import CannotStart, WrongSetting
from tests.ports import free_ports

DEBIAN = shutil.which("redis-check-rdb")  # the server under another name; Debian's package redis-sentinel brings it
PATIENCE_SECONDS = 180
PASSWORD = "secret"


def eventually(condition: Callable[[], object]) -> None:
    """Poll until the condition holds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


@contextmanager
def server(
    folder: Path, *words: str, name: str = "redis-server", program: str = "", **client: object
) -> Iterator[subprocess.Popen[bytes]]:
    """A server of this kind that answers; `client` is how to ask it, with the words that start it."""
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [name, *words, "--dir", str(folder)],
        executable=program or str(valkey_server()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        asking = redis.Redis(host="127.0.0.1", **client)  # type: ignore[arg-type]
        eventually(lambda: answers(asking))
        asking.close()
        yield process
    finally:
        process.terminate()
        process.wait(60)


def answers(client: redis.Redis) -> bool:
    """Whether a server has taken up work."""
    try:
        return bool(client.ping())
    except redis.AuthenticationError:
        return True
    except (redis.ConnectionError, redis.TimeoutError):
        return False


def broker_at(url: str) -> ValkeyBroker:
    """Our broker for a URL."""
    broker = make_broker(url)
    assert isinstance(broker, ValkeyBroker)
    return broker


def test_a_password_is_wanted_and_given(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with server(tmp_path, "--port", str(port), "--requirepass", PASSWORD, port=port):
        assert broker_at(f"redis://:{PASSWORD}@127.0.0.1:{port}/0").condition() == "ok"
        assert broker_at(f"redis://:wrong@127.0.0.1:{port}/0").condition() == "not allowed"
        assert broker_at(f"redis://127.0.0.1:{port}/0").condition() == "not allowed"


def test_the_rights_that_the_page_names_are_enough(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
    (rights,) = [line for line in page.splitlines() if line.startswith("ACL SETUSER hookpost")]
    (port,) = free_ports(1)
    with server(tmp_path, "--port", str(port), port=port):
        with redis.Redis(host="127.0.0.1", port=port) as client:
            client.execute_command(*rights.replace(">password", f">{PASSWORD}").split())
        broker = broker_at(f"redis://hookpost:{PASSWORD}@127.0.0.1:{port}/0")
        assert broker.condition() == "ok"
        assert broker.refusal() == ""
        broker.declare_queue("q")
        broker.put("q", b"x")
        assert (broker.waiting("q"), broker.take("q")) == (1, b"x")


@pytest.mark.skipif(DEBIAN is None, reason="Debian's redis-sentinel is not installed")
def test_tls_by_an_authority_of_ones_own(tmp_path: Path) -> None:
    authority = trustme.CA()
    ours, theirs = tmp_path / "ca.pem", tmp_path / "server.pem"
    authority.cert_pem.write_to_path(str(ours))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(theirs))
    (port,) = free_ports(1)
    files = ("--tls-cert-file", str(theirs), "--tls-key-file", str(theirs), "--tls-ca-cert-file", str(ours))
    words = ("--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no", *files)
    with server(tmp_path, *words, program=DEBIAN or "", port=port, ssl=True, ssl_ca_certs=str(ours)):
        assert broker_at(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={ours}").condition() == "ok"
        assert broker_at(f"rediss://127.0.0.1:{port}/0").condition() == "its certificate is not trusted"


def test_a_cluster_is_refused_at_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    with server(tmp_path, "--port", str(port), "--cluster-enabled", "yes", port=port):
        broker = broker_at(f"redis://127.0.0.1:{port}/0")
        monkeypatch.setattr(dramatiq, "get_broker", lambda: broker)
        with pytest.raises(CannotStart, match="part of a Redis Cluster"):
            refuse_unfit_broker()


def test_a_broker_that_is_away_refuses_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def away() -> dramatiq.Broker:
        asked.append("broker")
        return broker_at("redis://127.0.0.1:1/0")

    monkeypatch.setattr(dramatiq, "get_broker", away)
    refuse_unfit_broker()
    assert asked


@contextmanager
def sentinel(folder: Path, *, master: int, quorum: int = 1, program: str = "") -> Iterator[int]:
    """A sentinel that watches a master; its port."""
    (port,) = free_ports(1)
    folder.mkdir()
    file = folder / "sentinel.conf"
    file.write_text(
        f"port {port}\nsentinel monitor queue 127.0.0.1 {master} {quorum}\nsentinel auth-pass queue {PASSWORD}\n"
        "sentinel down-after-milliseconds queue 500\nsentinel failover-timeout queue 3000\n"
    )
    with server(folder, str(file), "--sentinel", name="valkey-sentinel", program=program, port=port):
        yield port


def test_after_a_failover_messages_go_to_the_new_master(tmp_path: Path) -> None:
    """Given a master that dies, then whoever rings finds the one that Sentinel made of its replica."""
    first, second = free_ports(2)
    secured = ("--requirepass", PASSWORD, "--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0")
    with ExitStack() as stack:
        master = stack.enter_context(server(tmp_path / "1", "--port", str(first), *secured, port=first))
        replica = ("--port", str(second), "--replicaof", f"127.0.0.1 {first}", *secured)
        stack.enter_context(server(tmp_path / "2", *replica, port=second))
        port = stack.enter_context(sentinel(tmp_path / "s", master=first))
        watched = redis.Redis(host="127.0.0.1", port=port, decode_responses=True)
        eventually(lambda: len(watched.sentinel_slaves("queue")) == 1)
        url = f"redis+sentinel://:{PASSWORD}@127.0.0.1:1,127.0.0.1:{port}/queue/0"
        broker = broker_at(url)
        assert broker.condition() == "ok"
        broker.declare_queue("q")
        master.kill()
        eventually(lambda: broker.condition() == "ok" and watched.sentinel_master("queue")["port"] == second)
        broker.put("q", b"x")
        assert broker.take("q") == b"x"
        with redis.Redis(host="127.0.0.1", port=second, password=PASSWORD) as new:
            assert new.info("replication")["role"] == "master"


@pytest.mark.parametrize("url", ["redis+sentinel://", "redis+sentinel://host:26379", "redis+sentinel://host:x/queue"])
def test_a_sentinel_url_without_its_parts_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(WrongSetting, match="BROKER_URL"):
        make_broker(url)


def test_a_sentinel_url_says_who_asks_whom_and_by_tls() -> None:
    url = "rediss+sentinel://alice:p%40ss@one,[::1]:7/queue/2?ssl_ca_certs=/ca.pem&sentinel_password=other"
    pool = redis_client(url).connection_pool
    kwargs = pool.connection_kwargs
    assert (kwargs["username"], kwargs["password"], kwargs["db"]) == ("alice", "p@ss", 2)
    assert kwargs["ssl_ca_certs"] == "/ca.pem"
    asked = [each.connection_pool.connection_kwargs for each in pool.sentinel_manager.sentinels]
    assert [(each["host"], each["port"], each["password"]) for each in asked] == [
        ("one", 26379, "other"),
        ("::1", 7, "other"),
    ]
