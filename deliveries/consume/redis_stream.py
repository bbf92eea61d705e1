"""A stream of Redis or Valkey, read by a consumer group.

What lives here: entries with a field `event` and, where the writer has a trace, `traceparent` and `tracestate`.
What is refused goes to `<stream>:refused`, with its reason.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import cast
from urllib.parse import urlsplit

import redis

from deliveries.consume.source import TRACE, Message, SourceAway
from deliveries.protocol.writing.torn_urls import refuse_torn_redis

Entry = tuple[bytes, Mapping[bytes, bytes]]
Answer = list[tuple[bytes, list[tuple[bytes, Mapping[bytes, bytes] | None]]]]

GROUP = "hookpost"
FIELD = b"event"
WAIT_MS = 1000
IDLE_MS = 30_000  # after so long without an answer another reader takes an entry over


class RedisStream:
    """One reader of a stream; several may read it."""

    def __init__(self, url: str, stream: str, *, idle_ms: int = IDLE_MS, number: int = 0) -> None:
        """`number` tells several readers of a process apart."""
        self.stream, self.idle_ms = stream, idle_ms
        self.reader = f"{socket.gethostname()}-{os.getpid()}-{number}"
        refuse_torn_redis(urlsplit(url))
        self.client = redis.Redis.from_url(url, socket_timeout=30)
        pool = self.client.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # TypeError for an option that is none; nothing is asked
        self._has_group = False

    def take(self, limit: int) -> Sequence[Message]:
        """Return what this reader has not finished, then what others left lying, then what is new."""
        with self._as_away():
            self._make_group()
            entries = dict(self._read("0", limit))
            if len(entries) < limit:
                entries |= self._left_by_others(limit - len(entries))
            if len(entries) < limit:
                entries |= self._read(">", limit - len(entries), wait_ms=None if entries else WAIT_MS)
        return [self._message(name, fields) for name, fields in entries.items()]

    def finish(self, done: Sequence[Message], refused: Sequence[tuple[Message, str]]) -> None:
        """Delete entries; those that are refused are added to the other stream by the same transaction."""
        names = [message.key.rpartition(":")[2] for message in (*done, *(each for each, _ in refused))]
        if not names:
            return
        with self._as_away(), self.client.pipeline(transaction=True) as steps:
            for message, reason in refused:
                steps.xadd(f"{self.stream}:refused", {"event": message.raw, "key": message.key, "reason": reason})
            steps.xack(self.stream, GROUP, *names)
            steps.xdel(self.stream, *names)
            steps.execute()

    def _message(self, name: bytes, fields: Mapping[bytes, bytes]) -> Message:
        trace = {each: fields.get(each.encode(), b"").decode("latin-1") for each in TRACE}
        return Message(key=f"{self.stream}:{name.decode()}", raw=fields.get(FIELD, b""), **trace)

    def _make_group(self) -> None:
        if not self._has_group:
            with suppress(redis.ResponseError):  # it is there already
                self.client.xgroup_create(self.stream, GROUP, id="0", mkstream=True)
            self._has_group = True

    def _read(self, since: str, limit: int, *, wait_ms: int | None = None) -> list[Entry]:
        found = cast(
            "Answer", self.client.xreadgroup(GROUP, self.reader, {self.stream: since}, count=limit, block=wait_ms)
        )
        return [(name, fields or {}) for _, entries in found or () for name, fields in entries]

    def _left_by_others(self, limit: int) -> list[Entry]:
        found = self.client.xautoclaim(self.stream, GROUP, self.reader, self.idle_ms, count=limit)
        return [(name, fields) for name, fields in found[1] if fields]

    @contextmanager
    def _as_away(self) -> Iterator[None]:
        """Raise its errors as SourceAway, and look for the group again then: a server may come back without it."""
        try:
            yield
        except redis.RedisError as error:
            self._has_group = False
            raise SourceAway(str(error)) from error
