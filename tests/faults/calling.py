"""An internal service that emits events by REST and does not give up: what got no 202 is offered again.

What lives here: threads that post, each event with an Idempotency-Key of its own, so that offering an event
again stores it once. It must not know what is done to the web server meanwhile.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

RETRY_SECONDS = 0.1
TIMEOUT_SECONDS = 240  # who is killed closes its connections: an answer comes, or an end


@dataclass(slots=True)
class Emitted:
    """What came of the events: their ids, and what else than 202 was answered."""

    ids: set[str] = field(default_factory=set)
    refusals: Counter[str] = field(default_factory=Counter)


class Caller:
    """Posts events for customers, from several threads at once, to the web servers on these ports."""

    def __init__(self, *ports: int, key: str, threads: int = 4) -> None:
        self.ports = ports
        self.key = key
        self.accepted: list[str] = []  # ids in the order of their answers
        self.customer = ""  # named in a header, as a router of cells wants it
        self.closing = False
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="caller")
        self.mine = threading.local()
        self.connections: list[http.client.HTTPConnection] = []

    def emit(self, customers: Sequence[str], count: int) -> Emitted:
        """Emit so many events for these customers in turns, and wait for it."""
        return self.result(self.begin(customers, count))

    def begin(self, customers: Sequence[str], count: int) -> list[Future[tuple[str, list[str]]]]:
        """Begin to emit so many events."""
        return [self.pool.submit(self._insist, customers[number % len(customers)], number) for number in range(count)]

    def result(self, futures: Sequence[Future[tuple[str, list[str]]]]) -> Emitted:
        """Wait for what was begun."""
        emitted = Emitted()
        for future in wait(futures).done:
            event_id, refusals = future.result()
            emitted.ids.add(event_id)
            emitted.refusals.update(refusals)
        return emitted

    def close(self) -> None:
        """Drop what was not begun, and wait for the rest."""
        self.closing = True
        self.pool.shutdown(cancel_futures=True)
        for each in self.connections:
            each.close()

    def _insist(self, customer: str, number: int) -> tuple[str, list[str]]:
        body = json.dumps({"customer": customer, "type": "invoice.paid", "data": {"number": number}}).encode()
        key = uuid.uuid4().hex
        refusals: list[str] = []
        while not self.closing:
            status, answer = self._post(body, key)
            if status == "202":
                self.accepted.append(answer["id"])
                return answer["id"], refusals
            refusals.append(status)
            if status.startswith("4") and status != "409":
                raise AssertionError(f"{status}: {answer}")
            time.sleep(RETRY_SECONDS)
        raise AssertionError("the test is over")

    def _post(self, body: bytes, key: str, *, path: str = "/api/v1/events") -> tuple[str, Any]:
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json", "idempotency-key": key}
        if self.customer:
            headers["hookpost-customer"] = self.customer
        try:
            if getattr(self.mine, "connection", None) is None:
                self.mine.connection = self._connection()
            self.mine.connection.request("POST", path, body, headers)
            answer = self.mine.connection.getresponse()
            return str(answer.status), json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.mine.connection.close()
            self.mine.connection = None
            return type(error).__name__, None

    def _connection(self) -> http.client.HTTPConnection:
        """A connection to the next server: the one before may be gone."""
        self.mine.server = getattr(self.mine, "server", -1) + 1
        port = self.ports[self.mine.server % len(self.ports)]
        self.connections.append(http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS))
        return self.connections[-1]
