"""What a hostile customer does with a key and a member of its own: whatever it likes, without end.

Run as `python -m tests.faults.hostile_deeds` with its orders as JSON in HOSTILE_ORDERS; ends at SIGTERM. Prints every
now and then, and in the end, how often it got which answer so far. A process of its own, so that it costs the measuring
one nothing. What it registers hangs: half of its URLs lead to a port of this process that takes connections and never
answers.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import signal
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 30
TELL_EVERY_SECONDS = 0.25
BIG_BYTES = 200_000
LONG_FILTER = " || ".join(f'$.data.text{number} == "{"x" * 20}"' for number in range(10))
AGES = "2020-01-01T00:00:00Z"


@dataclass(frozen=True)
class Orders:
    """Where to do it, and as whom."""

    port: int
    key: str
    customer: str
    cookies: str
    csrf_token: str
    hang_port: int
    good_port: int
    threads: int
    deeds: tuple[str, ...] = ()  # only these; empty: all


class Deeds:
    """One thread's way through all of them."""

    def __init__(self, orders: Orders, answers: Counter[str], number: int) -> None:
        self.orders = orders
        self.answers = answers
        self.random = random.Random(number)
        self.numbers = itertools.count(number * 1_000_000)
        self.connection = self.connected()
        self.endpoints: list[str] = []

    def connected(self) -> http.client.HTTPConnection:
        """A connection to the web server, not opened yet."""
        return http.client.HTTPConnection("127.0.0.1", self.orders.port, timeout=TIMEOUT_SECONDS)

    def go_on(self, stopping: threading.Event) -> None:
        """Do one thing after the other; a flood of events is most of it."""
        deeds: list[Callable[[], Any]] = [
            *[self.flood] * 10,
            *[self.post_big] * 2,
            *(self.make_endpoint, self.change_endpoint, self.make_type, self.start_job, self.count_all),
            *(self.pause_and_resume, self.search, self.read_feed, self.read_portal, self.export),
        ]
        chosen = [deed for deed in deeds if not self.orders.deeds or deed.__name__ in self.orders.deeds]
        while not stopping.is_set():
            self.random.choice(chosen)()

    def flood(self) -> None:
        """Events of types that nobody registered, to all of its endpoints."""
        data = {f"text{number}": "y" * 20 for number in range(10)}
        self.call("POST", "/events", self.event(f"hostile.type{next(self.numbers)}", data))

    def post_big(self) -> None:
        """An event near the limit, for filters to chew on."""
        self.call("POST", "/events", self.event("hostile.big", {"text0": "z" * BIG_BYTES}))

    def make_endpoint(self) -> None:
        """An endpoint that hangs or answers, with a dear filter."""
        port = self.random.choice((self.orders.hang_port, self.orders.good_port))
        body = {"url": f"http://127.0.0.1:{port}/", "filter": LONG_FILTER, "max_in_flight": 100, "timeout_seconds": 30}
        made = self.call("POST", f"/customers/{self.orders.customer}/endpoints", body)
        if "id" in made:
            self.endpoints.append(made["id"])

    def change_endpoint(self) -> None:
        """Another filter, a test event, another secret."""
        if not self.endpoints:
            return
        place = f"/customers/{self.orders.customer}/endpoints/{self.random.choice(self.endpoints)}"
        self.call("PATCH", place, {"filter": self.random.choice(("", LONG_FILTER))})
        self.call("POST", f"{place}/test", {})
        self.call("POST", f"{place}/rotate-secret", {"keep_hours": 168})

    def make_type(self) -> None:
        """A type of the operator's name, that rejects everything."""
        name = self.random.choice(("invoice.paid", f"hostile.own{next(self.numbers)}"))
        body = {"name": name, "schema": {"type": "object", "required": ["never"]}, "validation": "reject"}
        self.call("POST", f"/customers/{self.orders.customer}/event-types", body)

    def start_job(self) -> None:
        """Everything once more."""
        self.call("POST", "/deliveries/redeliver", {"customer": self.orders.customer, "since": AGES})
        if self.endpoints:
            place = f"/customers/{self.orders.customer}/endpoints/{self.random.choice(self.endpoints)}"
            self.call("POST", f"{place}/{self.random.choice(('replay', 'recover'))}", {"since": AGES})

    def count_all(self) -> None:
        """How many that would be, by a filter that no index serves."""
        self.call("POST", "/deliveries/redeliver", {"error": "dns_error", "since": AGES, "dry_run": True})

    def pause_and_resume(self) -> None:
        """A backlog that is held, released, held."""
        if self.endpoints:
            place = f"/customers/{self.orders.customer}/endpoints/{self.random.choice(self.endpoints)}"
            self.call("POST", f"{place}/{self.random.choice(('pause', 'resume'))}", {})

    def search(self) -> None:
        """Lists by what no index serves."""
        self.call("GET", f"/deliveries?error=dns_error&since={AGES}&limit=250")
        self.call("GET", "/events?type=hostile.none&limit=250")

    def read_feed(self) -> None:
        """All events from the beginning."""
        self.call("GET", f"/customers/{self.orders.customer}/events?limit=250")

    def read_portal(self) -> None:
        """The pages of its member."""
        for page in ("", "deliveries/delivery/?error=dns_error", "deliveries/endpoint/"):
            self.page("GET", f"/portal/{page}")

    def export(self) -> None:
        """All its deliveries as CSV."""
        self.page("POST", "/portal/deliveries/delivery/export/")

    def event(self, type_: str, data: dict[str, str]) -> dict[str, Any]:
        """An event of its own."""
        return {"customer": self.orders.customer, "type": type_, "data": data}

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Ask the API; returns the answer, or nothing when there was none."""
        headers = {"authorization": f"Bearer {self.orders.key}", "content-type": "application/json"}
        text = self.send(method, f"/api/v1{path}", None if body is None else json.dumps(body), headers)
        try:
            return dict(json.loads(text))
        except ValueError:
            return {}

    def page(self, method: str, path: str) -> None:
        """Ask for a page of the portal, as its browser would."""
        self.send(method, path, None, {"cookie": self.orders.cookies, "x-csrftoken": self.orders.csrf_token})

    def send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> bytes:
        """Send one request, and count its answer."""
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            self.answers[str(answer.status)] += 1
            return answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.answers[type(error).__name__] += 1
            self.connection.close()
            self.connection = self.connected()
            return b""


def hang(port: int) -> None:
    """Take connections and never answer."""
    server = socket.create_server(("127.0.0.1", port), backlog=1024)
    kept = []
    while True:
        kept.append(server.accept())


def tell(answers: Counter[str]) -> None:
    """Print what was answered so far, in a line."""
    print(json.dumps(answers.copy()), flush=True)


def main() -> int:
    """Do it with many threads until told to stop."""
    orders = Orders(**json.loads(os.environ["HOSTILE_ORDERS"]))
    answers: Counter[str] = Counter()
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    threading.Thread(target=hang, args=(orders.hang_port,), daemon=True).start()
    for number in range(orders.threads):
        threading.Thread(target=Deeds(orders, answers, number).go_on, args=(stopping,), daemon=True).start()
    while not stopping.wait(TELL_EVERY_SECONDS):
        tell(answers)
    tell(answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
