"""Ends connections whose body does not come in time.

What lives here: a list of the bodies that are being read, and a thread that looks at it. A read of the server's
cannot be given a time limit, and the server does not tell which socket is behind it. The kernel does: it is a
connection of that caller with the server's port, over which we sent nothing since the request began. On other systems
than Linux nothing is ended; there a proxy has to do it. It must not know what a body is for.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
SLACK_SECONDS = 1.0  # between the request's beginning and "100 Continue"
SINCE_SENT_MS = 44  # place of tcpi_last_data_sent in struct tcp_info
TCP_INFO_BYTES = 104
CAN_LOOK = sys.platform == "linux"


@dataclass(frozen=True, slots=True)
class OpenBody:
    """A body that is being read: whose, at which port, since when, and until when; times of the monotonic clock."""

    address: str
    port: int
    since: float
    until: float


class OpenBodies:
    """The bodies that are being read in this process."""

    def __init__(self) -> None:
        self._now: dict[int, OpenBody] = {}
        self._process = 0

    def noted(self, reading: OpenBody) -> _Noted:
        """Have a reading watched, inside."""
        if self._process != os.getpid():
            self._watch()
        return _Noted(self._now, reading)

    def end_late(self, now: float) -> int:
        """End the connections of all readings that are too late; return how many sockets were shut."""
        late = [reading for reading in list(self._now.values()) if reading.until <= now]
        return sum(end_connections(each, now - each.since - SLACK_SECONDS) for each in late)

    def _watch(self) -> None:
        self._process = os.getpid()
        if CAN_LOOK:
            threading.Thread(target=self._look_again_and_again, name="stalled-bodies", daemon=True).start()

    def _look_again_and_again(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            if self._now and (ended := self.end_late(time.monotonic())):
                log.warning("bodies_too_slow", connections=ended)


class _Noted:
    """Inside, a reading is in a list."""

    __slots__ = ("_now", "_reading")

    def __init__(self, now: dict[int, OpenBody], reading: OpenBody) -> None:
        self._now, self._reading = now, reading

    def __enter__(self) -> None:
        self._now[id(self._reading)] = self._reading

    def __exit__(self, *raised: object) -> None:
        del self._now[id(self._reading)]


READINGS = OpenBodies()


def end_connections(reading: OpenBody, silent_seconds: float) -> int:
    """Shut a caller's connections over which we sent nothing for so long; return how many."""
    ended = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if str(descriptor.readlink()).startswith("socket:"):
                ended += _end(int(descriptor.name), reading, silent_seconds)
    return ended


def _end(descriptor: int, reading: OpenBody, silent_seconds: float) -> bool:
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.type != socket.SOCK_STREAM:
            return False
        ends = connection.getsockname()[1], connection.getpeername()[0]  # never one that leads to the database
        if ends != (reading.port, reading.address):
            return False
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
        if struct.unpack_from("I", info, SINCE_SENT_MS)[0] < silent_seconds * 1000:
            return False
        connection.shutdown(socket.SHUT_RDWR)
        return True
