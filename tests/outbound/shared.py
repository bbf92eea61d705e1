"""What the tests of the engine share: requests for cases, and waiting."""

from __future__ import annotations

import time
from typing import Any

import psutil
import requests

from deliveries.outbound.client import prepared_post
from deliveries.outbound.guard import Guard
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answers.answer import Answer
from tests.hostile_server import HostileServer
from tests.outbound.one_receiver import OneReceiver

ORDINARY = "an ordinary answer"


def post(server: HostileServer, name: str = ORDINARY, body: bytes = b"{}") -> requests.PreparedRequest:
    """Return a request for a case."""
    return prepared_post(server.url(name), [("content-type", "application/json")], body)


def finish_all(transfers: Transfers) -> dict[object, Answer]:
    """Return every answer by its tag."""
    ended: dict[object, Answer] = {}
    while transfers.in_flight:
        ended |= dict(transfers.finish(wait_seconds=1.0))
    return ended


def engine_for(receiver: OneReceiver) -> Transfers:
    """Return an engine that may reach a receiver."""
    return Transfers(rule=Guard(receiver.targets))


def established_from_here(process: psutil.Process, port: int) -> int:
    """Return how many of our connections lead to this port."""
    connections = process.net_connections(kind="tcp")
    return sum(1 for each in connections if each.raddr and each.raddr.port == port and each.status == "ESTABLISHED")


def wait_until(condition: Any, seconds: float = 60.0) -> None:
    """Return when the condition holds, or fail."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "it did not become true in time"
        time.sleep(0.01)
