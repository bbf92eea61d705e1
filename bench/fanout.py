"""One event for very many endpoints: how long until the last has it, and what others notice meanwhile.

`full` adds an event for every customer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from uuid import UUID

import orjson
import psutil
import redis
from django.db import connection

from bench import filling
from bench.emit import event_of, request_headers
from bench.latency import percentile
from bench.load import Answered, send
from bench.memory import Watched
from bench.receivers import arrivals
from bench.report import Figure
from bench.stage import Stage

ENDPOINTS = 20_000
OTHERS = 20
RATE = 20
QUIET_SECONDS = 6.0
BROADCAST_CUSTOMERS, BROADCAST_EACH = 1_000, 100
LISTS = ("deliveries", "deliveries_slow")


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield what others notice of an event to 20,000 endpoints, the rate of its deliveries, leases and messages."""
    filling.wipe()
    big = filling.make_endpoints_of_one(ENDPOINTS, url=stage.nginx.url)
    yield from figures(*flooded(stage, event_of(big), endpoints=ENDPOINTS), name=f"fan_out_{ENDPOINTS}")
    if full:
        filling.wipe()
        endpoints = BROADCAST_CUSTOMERS * BROADCAST_EACH
        for _ in range(BROADCAST_CUSTOMERS):
            filling.make_endpoints_of_one(BROADCAST_EACH, url=stage.nginx.url)
        event = b'{"customer":"*","type":"invoice.paid","data":%b}' % filling.DATA
        told = flooded(stage, event, endpoints=endpoints + OTHERS)
        yield from figures(*told, name=f"broadcast_{endpoints}")


def flooded(stage: Stage, event: bytes, *, endpoints: int) -> tuple[tuple[float, float], tuple[float, float], Flood]:
    """Return what others notice of an event to all endpoints: before, meanwhile, and the flood."""
    others = filling.make_endpoints(OTHERS, url=lambda number: stage.nginx.url(number, path="timed"))
    filling.settle()
    before, headers, bodies = stage.nginx.count(), request_headers(), [event_of(customer) for customer, _ in others]
    with stage.web() as base, stage.workers() as workers:
        url = f"{base}/api/v1/events"
        send(url, headers=headers, bodies=bodies, seconds=3.0, rate=RATE)
        quiet = offer(stage, url, headers, bodies, seconds=QUIET_SECONDS)
        flood = Flood(stage, url, headers, event, endpoints=endpoints, workers=workers)
        busy = offer(stage, url, headers, bodies, seconds=flood.start())
        flood.thread.join()
        time.sleep(10.0)
        flood.left, flood.twice = flood.messages(), stage.nginx.count() - before - filling.finished()
    return quiet, busy, flood


def figures(quiet: tuple[float, float], busy: tuple[float, float], flood: Flood, *, name: str) -> Iterator[Figure]:
    """Yield the figures of one flood."""
    endpoints = flood.endpoints
    yield Figure(
        name=f"others_accept_p95_in_{name}",
        value=busy[0],
        unit="ms",
        ratio={"quiet": busy[0] / quiet[0]},
        targets={"quiet": "<= 2"},
    )
    yield Figure(
        name=f"others_p99_in_{name}",
        value=busy[1],
        unit="ms, accept to receiver",
        ratio={"quiet": busy[1] / quiet[1]},
        targets={"quiet": "<= 5"},
    )
    yield Figure(
        name=name,
        value=endpoints / flood.seconds,
        unit="deliveries/s, from accept to the last",
        note=f"memory of two workers and web: {flood.memory.told()}",
    )
    yield Figure(name="leases_per_delivery", value=flood.leases / endpoints, unit="leases", targets={"value": "<= 1.5"})
    yield Figure(
        name="messages_at_most", value=flood.most, unit="messages", targets={"value": f"<= {2 * endpoints // 32}"}
    )
    yield Figure(name="messages_10_s_after", value=flood.left, unit="messages", targets={"value": "<= 0"})
    yield Figure(name="sent_twice", value=flood.twice, unit="requests", targets={"value": "<= 0"})


def offer(stage: Stage, url: str, headers: list[str], bodies: list[bytes], *, seconds: float) -> tuple[float, float]:
    """Offer the others' rate for a while; returns the p95 of answers and the p99 of arrivals after the post."""
    stage.nginx.arrivals.write_bytes(b"")
    answers: list[Answered] = send(url, headers=headers, bodies=bodies, seconds=seconds, rate=RATE, connections=64)
    sent = {orjson.loads(answer.body)["id"]: answer.sent for answer in answers}
    arrived = arrivals(stage.nginx, of=set(sent), seconds=120.0)
    posts = sorted((answer.answered - answer.sent) * 1000 for answer in answers)
    waits = sorted((arrived[each] - moment) * 1000 for each, moment in sent.items())
    return percentile(posts, 95), percentile(waits, 99)


class Flood:
    """The event for all endpoints, and what is seen of it."""

    def __init__(
        self,
        stage: Stage,
        url: str,
        headers: list[str],
        body: bytes,
        *,
        endpoints: int,
        workers: Sequence[psutil.Process],
    ) -> None:
        self.endpoints = endpoints
        self.seconds = 0.0
        self.most = self.left = self.leases = self.twice = 0
        self.memory = Watched([*workers, *stage.processes("web")])
        self._url, self._headers, self._body = url, headers, body
        self._nginx = stage.nginx
        self._broker = redis.Redis.from_url(stage.environment["BROKER_URL"])
        self.thread = threading.Thread(target=self._run)

    def start(self) -> float:
        """Begin a second from now; returns for how long others are to be watched."""
        self.thread.start()
        return self.endpoints / 2000

    def messages(self) -> int:
        """Return how many messages wait in the broker."""
        return sum(int(self._broker.llen(f"hookpost:list:{name}")) for name in LISTS)

    def _run(self) -> None:
        time.sleep(1.0)
        with self.memory:
            self._emit_and_wait()
        connection.close()

    def _emit_and_wait(self) -> None:
        leases, arrived, began = _leases(), self._nginx.count(), time.monotonic()
        (answer,) = send(self._url, headers=self._headers, bodies=[self._body], seconds=0.0001, connections=1, rate=1)
        assert answer.status == 202, answer.body
        event_id = orjson.loads(answer.body)["id"]
        # The receiver is asked first: counting deliveries and pages of memory would take part of what is measured.
        while self._nginx.count() < arrived + self.endpoints or _finished(event_id) < self.endpoints:
            self.most = max(self.most, self.messages())
            assert time.monotonic() < began + 600, "the deliveries did not end"
            time.sleep(0.05)
        self.seconds, self.leases = time.monotonic() - began, _leases() - leases


def _leases() -> int:
    from django.db.models import Sum

    from deliveries.models import Lane

    return int(Lane.objects.aggregate(all=Sum("fence"))["all"] or 0)


def _finished(event_id: str) -> int:
    from deliveries.models import Delivery
    from deliveries.protocol.writing import ids

    event: UUID = ids.decode_id(ids.EVENT, event_id)
    return Delivery.objects.filter(event_id=event, state="succeeded").count()
