"""A receiver for tens of thousands of requests, in a process of its own: answers 204 and counts each `webhook-id`.

Run as `python -m tests.faults.fast_receiver PORT [SECONDS]`; so long it keeps each delivery waiting. GET /count
answers how many requests came, GET /ids how often each id did, as JSON. Reads only what Hookpost sends: requests with
a content-length.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter

WEBHOOK_ID = re.compile(rb"\r\nwebhook-id: ([^\r]+)", re.IGNORECASE)
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
BACKLOG = 4096

times: Counter[str] = Counter()


class Receiving(asyncio.Protocol):
    """One connection, kept alive; a delivery waits so many seconds for its answer."""

    seconds = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with an empty buffer."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            length = LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < whole:
                return
            self.buffer = self.buffer[whole:]
            said = answer(head)
            if self.seconds and head.startswith(b"POST"):
                asyncio.get_running_loop().call_later(self.seconds, self.transport.write, said)
            else:
                self.transport.write(said)


def answer(head: bytes) -> bytes:
    """Count a delivery, or tell what was counted."""
    if head.startswith(b"GET /count"):
        return content(sum(times.values()))
    if head.startswith(b"GET /ids"):
        return content(times)
    if (found := WEBHOOK_ID.search(head)) is not None:
        times[found[1].decode()] += 1
    return b"HTTP/1.1 204 No Content\r\n\r\n"


def content(value: object) -> bytes:
    """An answer with JSON."""
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


async def serve(port: int) -> None:
    """Serve until the end of the process."""
    server = await asyncio.get_running_loop().create_server(Receiving, "127.0.0.1", port, backlog=BACKLOG)
    await server.serve_forever()


if __name__ == "__main__":
    Receiving.seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    asyncio.run(serve(int(sys.argv[1])))
