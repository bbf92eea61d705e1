"""A private broker that may be stopped, frozen and emptied: Valkey, or RabbitMQ where the tests run against that.

What lives here: starting and ending one server. It must not know what is sent through it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Protocol

import pika
import redis

from config.embedded import Services, paths, processes
from tests.ports import free_ports

START_SECONDS = 240
RABBIT_QUEUES = ("deliveries", "deliveries_slow", "jobs")
RABBIT_CONFIG = """
loopback_users = none
listeners.tcp.1 = 127.0.0.1:{port}
distribution.listener.interface = 127.0.0.1
distribution.listener.port_range.min = {peers}
distribution.listener.port_range.max = {peers}
log.console = true
log.console.level = warning
log.file = false
total_memory_available_override_value = 1GB
"""


class Broker(Protocol):
    """What tests do to a broker; `pid` is that of its process group."""

    url: str

    @property
    def pid(self) -> int: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...

    def flush(self) -> None: ...


def private_broker(data_dir: Path) -> Broker:
    """A broker of the kind that BROKER_URL names, in a folder of its own."""
    return Rabbit(data_dir) if os.environ.get("BROKER_URL", "").startswith("amqp") else Valkey(data_dir)


class Valkey:
    """The embedded Valkey without the embedded PostgreSQL."""

    def __init__(self, data_dir: Path) -> None:
        self.services = Services(data_dir, database=False)
        self.url = self.services.broker_url

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self.services.valkey is not None
        return self.services.valkey.pid

    def start(self) -> None:
        """Start it, if it does not run."""
        self.services.ensure()

    def stop(self) -> None:
        """End it."""
        self.services.stop()

    def kill(self) -> None:
        """End it by SIGKILL."""
        assert self.services.valkey is not None
        self.services.valkey.kill()
        self.services.valkey.wait()

    def flush(self) -> None:
        """Forget all messages."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


class Rabbit:
    """RabbitMQ from Debian's package, as a process of ours on ports of its own, next to no other."""

    def __init__(self, data_dir: Path, *, mapper: int = 0) -> None:
        self.folder = self.home = paths.make_private(data_dir / "rabbitmq")
        self.port, self.peers, free = free_ports(3)
        self.mapper = mapper or free
        self.name = f"hookpost{self.port}@localhost"
        self.config = RABBIT_CONFIG.format(port=self.port, peers=self.peers)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}"
        self.server: subprocess.Popen[bytes] | None = None
        self.names: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self.server is not None
        return self.server.pid

    def start(self) -> None:
        """Start it, if it does not run, and wait until it takes a connection."""
        if self.server is not None and self.server.poll() is None:
            return
        (self.folder / "rabbitmq.conf").write_text(self.config)
        self._start_names()
        log = self.folder / "server.log"
        self.server = processes.spawn(
            [*processes.dies_with_parent(signal.SIGTERM), _program("rabbitmq-server")],
            folder=self.folder, log=log, environment=self._environment(),
        )  # fmt: skip
        if not processes.wait_until(self._answers, seconds=START_SECONDS, child=self.server):
            raise processes.failed("RabbitMQ did not start", log)

    def stop(self) -> None:
        """End the server and its register of names."""
        for child in (self.server, self.names):
            if child is not None:
                processes.stop(child, stop_signal=signal.SIGTERM)
        self.server = self.names = None

    def kill(self) -> None:
        """End the whole server by SIGKILL: the shell around it is in the same session."""
        assert self.server is not None
        os.killpg(self.server.pid, signal.SIGKILL)
        self.server.wait()

    def flush(self) -> None:
        """Forget all messages."""
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        for queue in RABBIT_QUEUES:
            channel = connection.channel()
            try:
                channel.queue_purge(queue)
            except pika.exceptions.ChannelClosedByBroker:
                continue  # nobody has declared it yet
        connection.close()

    def control(self, *words: str) -> None:
        """Run `rabbitmqctl` with these words."""
        command = [_program("rabbitmqctl"), "-q", "-n", self.name, *words]
        subprocess.run(command, env=self._environment(), check=True, capture_output=True)

    def _start_names(self) -> None:
        if self.names is None:
            command = [*processes.dies_with_parent(signal.SIGTERM), _program("epmd"), "-port", str(self.mapper)]
            self.names = processes.spawn(
                command, folder=self.folder, log=self.folder / "epmd.log", environment=self._environment()
            )

    def _environment(self) -> dict[str, str]:
        return processes.server_environment() | {
            "HOME": str(self.home),
            "ERL_EPMD_PORT": str(self.mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none.conf"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
        }

    def _answers(self) -> bool:
        try:
            pika.BlockingConnection(pika.URLParameters(f"{self.url}/%2F?socket_timeout=2")).close()
        except (pika.exceptions.AMQPError, OSError):
            return False
        return True


def _program(name: str) -> str:
    """Debian's own files: the scripts in the search path want to change to the user `rabbitmq`."""
    for folder in ("/usr/lib/rabbitmq/bin", "/usr/bin", "/usr/sbin"):
        if (found := shutil.which(name, path=folder)) is not None:
            return found
    raise FileNotFoundError(f"no {name}: apt-get install rabbitmq-server")
