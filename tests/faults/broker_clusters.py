"""Brokers of several nodes, one of which may be killed: RabbitMQ's cluster, and Valkey or Redis watched by Sentinel.

What lives here: starting them, and what they say of themselves. It must not know what is sent through them.
"""

from __future__ import annotations

import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path

import pika
import redis

from tests.config.test_broker_kinds import PASSWORD, eventually, sentinel, server
from tests.faults.brokers import Rabbit
from tests.ports import free_ports

NODES = 3
JOINED = """
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = {first}
"""


class RabbitCluster:
    """Three nodes of RabbitMQ, the second and third of which join the first; queues of ours are quorum queues."""

    def __init__(self, folder: Path) -> None:
        (mapper,) = free_ports(1)
        self.nodes = [Rabbit(folder / str(number), mapper=mapper) for number in range(NODES)]
        for node in self.nodes:
            node.home = self.nodes[0].folder  # one cookie for all
            node.config += JOINED.format(first=self.nodes[0].name)
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        self.url = f"amqp://guest:guest@{hosts}?queue_type=quorum"

    @property
    def pid(self) -> int:
        """The first node."""
        return self.nodes[0].pid

    def start(self) -> None:
        """Start what does not run."""
        for node in self.nodes:
            node.start()

    def stop(self) -> None:
        """End all."""
        for node in reversed(self.nodes):
            node.stop()

    def kill(self) -> None:
        """End the first node by SIGKILL: all connect to it, so it declared the queues and leads them."""
        self.nodes[0].kill()

    def flush(self) -> None:
        """Forget all messages."""
        self.nodes[0].flush()

    def consumers(self, queue: str) -> int:
        """How many read a queue, as a node says that was not killed; 0 while the queue has no leader."""
        with suppress(pika.exceptions.AMQPError):
            connection = pika.BlockingConnection(pika.URLParameters(self.nodes[-1].url))
            try:
                return int(connection.channel().queue_declare(queue, passive=True).method.consumer_count)
            finally:
                connection.close()
        return 0


class WatchedValkey:
    """A master, two replicas and three sentinels, of which two must agree."""

    def __init__(self, folder: Path, program: str = "") -> None:
        self.folder, self.program = folder, program
        self.stack = ExitStack()
        self.servers: list[subprocess.Popen[bytes]] = []
        self.url = ""
        self.sentinels: list[int] = []
        self.ports: list[int] = []

    @property
    def pid(self) -> int:
        """The first master."""
        return self.servers[0].pid

    def start(self) -> None:
        """Start all, and wait until the sentinels know each other and the replicas."""
        if self.servers:
            return
        self.ports = free_ports(NODES)
        secured = ("--requirepass", PASSWORD, "--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0", "--save", "")
        for port in self.ports:
            role = () if port == self.ports[0] else ("--replicaof", f"127.0.0.1 {self.ports[0]}")
            words = ("--port", str(port), *role, *secured)
            self.servers.append(
                self.stack.enter_context(server(self.folder / str(port), *words, program=self.program, port=port))
            )
        for number in range(NODES):
            watching = sentinel(self.folder / f"s{number}", master=self.ports[0], quorum=2, program=self.program)
            self.sentinels.append(self.stack.enter_context(watching))
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        self.url = f"redis+sentinel://:{PASSWORD}@{hosts}/queue/0"
        eventually(self.knows_all)

    def stop(self) -> None:
        """End all."""
        self.stack.close()

    def kill(self) -> None:
        """End the master by SIGKILL."""
        self.servers[0].kill()
        self.servers[0].wait()

    def flush(self) -> None:
        """Forget all messages."""

    def knows_all(self) -> bool:
        """Whether a failover can be decided: each sentinel has seen the others and the replicas."""
        return all(
            (each["num-slaves"], each["num-other-sentinels"]) == (NODES - 1, NODES - 1)
            for each in map(self.master, self.sentinels)
        )

    def master(self, port: int) -> dict[str, object]:
        """What a sentinel says of the master."""
        with redis.Redis(host="127.0.0.1", port=port, decode_responses=True) as client:
            return dict(client.sentinel_master("queue"))
