"""A receiver that does everything wrong, on loopback: real sockets, real TLS, one behaviour for each case.

Lives here: the words a case is written in, and the server that plays them. The cases themselves are
tables in tests/outbound/hostile_*.py. Any test may use it:

    with HostileServer(CASES) as server:
        server.url("gzip bomb")
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote

from deliveries.network_settings import AllowedTarget
from tests.tls_kinds import TlsKinds

HOST = "127.0.0.1"
PATIENCE_SECONDS = 180  # ends what hangs, and nothing else


@dataclass(frozen=True, slots=True)
class Drip:
    """Sends the bytes one by one."""

    data: bytes
    every_seconds: float = 0.02


@dataclass(frozen=True, slots=True)
class Forever:
    """Sends the bytes again and again until the sender hangs up."""

    data: bytes
    every_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class End:
    """How the receiver leaves."""

    how: str


CLOSE, RESET, HALF_CLOSE = End("close"), End("reset"), End("half close")
# Over TLS: leaves without saying so (no close_notify).
CUT = End("cut")
Step = bytes | Drip | Forever | End


@dataclass(frozen=True, slots=True)
class Case:
    """One behaviour, and what must come of it: a status or an error, with the body whole or cut."""

    name: str
    script: Sequence[Step] = ()
    status: int = 0
    error: str = ""
    or_error: str = ""  # where it depends on which packet is seen first
    truncated: bool = False
    at_accept: bool = False  # acts before the request is read; has a port of its own
    reads: bool = True
    tls: str = ""  # a kind of tests/tls_kinds.py; has a port of its own
    scheme: str = ""
    host: str = HOST
    endless: bool = False  # has no end of its own: the request's deadline ends it
    request_bytes: int = 100
    detail: str = ""  # must be part of the answer's detail
    body: bytes | None = None
    headers: dict[str, str | None] = field(default_factory=dict)


class HostileServer:
    """Plays cases in a thread of its own until the block ends."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = {case.name: case for case in cases}
        if len(self.cases) != len(cases):
            raise ValueError("two cases have the same name")
        self.requests: Counter[str] = Counter()
        self.kinds = TlsKinds()
        self._ports: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hostile", daemon=True)
        self._playing: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(PATIENCE_SECONDS):
            raise RuntimeError("the hostile server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_SECONDS)
        self.kinds.close()

    def url(self, name: str) -> str:
        """Return the URL that meets this case."""
        case = self.cases[name]
        scheme = case.scheme or ("https" if case.tls else "http")
        return f"{scheme}://{case.host}:{self.port(name)}/{quote(name, safe='')}?secret=hush"

    @contextlib.contextmanager
    def playing(self, name: str, *script: Step) -> Iterator[None]:
        """Let a case do something else within the block."""
        usual = self.cases[name]
        self.cases[name] = replace(usual, script=script)
        try:
            yield
        finally:
            self.cases[name] = usual

    def port(self, name: str) -> int:
        """Return the port of a case; ordinary cases share one."""
        return self._ports.get(name, self._ports[""])

    def targets(self) -> tuple[AllowedTarget, ...]:
        """Return the allow-list that lets requests reach every case."""
        loopback = ipaddress.ip_network("127.0.0.0/8")
        return tuple(AllowedTarget(loopback, port) for port in set(self._ports.values()))

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        servers = [await self._listen("")]
        servers += [await self._listen(name) for name, case in self.cases.items() if case.at_accept or case.tls]
        self._ready.set()
        await self._stop.wait()
        for server in servers:
            server.close()
        for task in self._playing:
            task.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)

    async def _listen(self, name: str) -> asyncio.Server:
        case = self.cases.get(name)

        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._playing.add(task)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._meet(case, reader, writer)
            self._playing.discard(task)
            writer.transport.abort()

        listener = socket.create_server((HOST, 0), backlog=512)
        if case is not None and not case.reads:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._ports[name] = listener.getsockname()[1]
        context = self.kinds.context(case.tls) if case is not None and case.tls else None
        return await asyncio.start_server(meet, sock=listener, ssl=context, limit=4096)

    async def _meet(self, case: Case | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            playing = case
            if case is None or not case.at_accept:
                name = await _read_request(reader)
                self.requests[name] += 1
                playing = self.cases[name]
            assert playing is not None
            if not playing.reads:
                writer.transport.pause_reading()  # type: ignore[attr-defined]
            for step in playing.script:
                await _play(step, writer)
            if playing.at_accept:
                while playing.reads and await reader.read(4096):
                    pass
                if not playing.reads:
                    await self._stop.wait()
                return


async def _read_request(reader: asyncio.StreamReader) -> str:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))
    return unquote(head.split(b" ")[1].decode().split("?")[0].strip("/"))


async def _play(step: Step, writer: asyncio.StreamWriter) -> None:
    if isinstance(step, bytes):
        writer.write(step)
        await writer.drain()
    elif isinstance(step, Drip):
        for number in step.data:
            writer.write(bytes([number]))
            await writer.drain()
            await asyncio.sleep(step.every_seconds)
    elif isinstance(step, Forever):
        while not writer.transport.is_closing():
            writer.write(step.data)
            await writer.drain()
            await asyncio.sleep(step.every_seconds)
    else:
        await _leave(step, writer)


async def _leave(end: End, writer: asyncio.StreamWriter) -> None:
    if end is HALF_CLOSE:
        writer.write_eof()
        return
    if end is RESET:
        peer: socket.socket = writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if end is CLOSE:
        writer.close()
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), 1)
    writer.transport.abort()
    raise ConnectionAbortedError
