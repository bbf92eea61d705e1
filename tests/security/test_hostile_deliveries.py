"""Every hostile answer, met by a delivery: the attempt is in the log, the page shows it, the worker goes on.

One engine, as a worker has it, meets one case after the other, and an ordinary receiver after each.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoDbBlocker

from deliveries.engine import outbox as engine_module
from deliveries.engine.loop import Engine
from deliveries.models import Attempt, Delivery, Endpoint
from deliveries.outbound.guard import Guard
from deliveries.outbound.multi import Transfers
from tests.engine.steps import PATIENCE_SECONDS, PATIENT, an_endpoint, emit
from tests.hostile_server import Case, HostileServer
from tests.outbound.hostile_connections import CASES
from tests.outbound.memory import GROWTH_LIMIT_BYTES, only_new_garbage, resident_bytes, settled_bytes
from tests.outbound.shared import ORDINARY
from tests.security.steps import logged_in

pytestmark = pytest.mark.django_db

ENDLESS_SECONDS = 1
STATES = {"status 410": "exhausted", "says abort": "cancelled"}  # the receiver's wish
OPEN_URL = "https://93.184.216.34/"
WARM_UP = [ORDINARY, "good tls", "infinite body", "unknown authority", "gzip bomb"]  # what is set up once is no growth


@dataclass(frozen=True)
class Left:
    """What a case left behind."""

    attempts: list[Attempt]
    delivery: Delivery
    page: str
    growth_bytes: int
    peak_bytes: int
    went_on: bool


class Worker:
    """An engine as a worker has it, and what it met so far."""

    def __init__(self, server: HostileServer) -> None:
        self._server = server
        self._engine = Engine(wake=lambda woken: None, limits=PATIENT)
        self._engine.agenda.look = False  # it delivers what it is told of, and nothing else
        self._left: dict[str, Left] = {}

    def meet(self, case: Case) -> Left:
        """Deliver to a case, once however often it is asked for."""
        if not self._left:
            self._warm_up()
        if case.name not in self._left:
            self._left[case.name] = self._meet(case)
        return self._left[case.name]

    def close(self) -> None:
        """End the engine."""
        self._engine.abandon()

    def _warm_up(self) -> None:
        browser = _browser("early")
        for name in WARM_UP:
            _page_of(self._deliver(self._endpoint(name))[0], browser)

    def _meet(self, case: Case) -> Left:
        browser, hostile, ordinary = _browser(), self._endpoint(case.name), self._endpoint(ORDINARY)
        before = settled_bytes()
        delivery, highest = self._deliver(hostile)
        page = _page_of(delivery, browser)
        after, _ = self._deliver(ordinary)
        return Left(
            attempts=list(Attempt.objects.filter(delivery=delivery)),
            delivery=delivery,
            page=page,
            growth_bytes=settled_bytes() - before,
            peak_bytes=highest - before,
            went_on=after.state == "succeeded",
        )

    def _endpoint(self, name: str) -> Endpoint:
        limits = {"timeout_seconds": ENDLESS_SECONDS} if self._server.cases[name].endless else {}
        endpoint = an_endpoint(OPEN_URL, **limits)
        Endpoint.objects.filter(pk=endpoint.pk).update(url=self._server.url(name))
        return endpoint

    def _deliver(self, endpoint: Endpoint) -> tuple[Delivery, int]:
        """Send one event; return its delivery, and the most memory that was held meanwhile."""
        accepted = emit(endpoint)
        self._engine.notify([endpoint.id])
        self._engine.step()
        highest, give_up = resident_bytes(), time.monotonic() + PATIENCE_SECONDS
        while self._engine.lanes:
            assert time.monotonic() < give_up, "the request still hangs"
            self._engine.step()
            highest = max(highest, resident_bytes())
        return Delivery.objects.get(event_id=accepted.event_id), highest


def _browser(name: str = "root") -> Client:
    # Without a password, because hashing one takes longer than most cases.
    return logged_in(User.objects.create(username=name, is_staff=True, is_superuser=True))


def _page_of(delivery: Delivery, browser: Client) -> str:
    page = browser.get(f"/admin/deliveries/delivery/{delivery.public_id}/change/")
    assert page.status_code == 200
    return page.content.decode()


@pytest.fixture(scope="module")
def worker(django_db_blocker: DjangoDbBlocker) -> Iterator[Worker]:
    """A worker that may reach the hostile server."""
    with HostileServer(CASES) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_module, "new_transfers", partial(transfers_for, server))
        worker = Worker(server)
        with only_new_garbage():
            yield worker
        with django_db_blocker.unblock():
            worker.close()


def transfers_for(server: HostileServer, **told: Any) -> Transfers:
    """What a worker uses, allowed to reach the hostile server."""
    return Transfers(rule=Guard(server.targets()), ca_file=server.kinds.ca_file, **told)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_a_hostile_answer_leaves_one_attempt_with_its_word(case: Case, worker: Worker) -> None:
    left = worker.meet(case)
    (attempt,) = left.attempts
    words = {case.error, case.or_error or case.error} if case.error else {word_of(case.status)}
    assert attempt.status_code == (case.status or None)
    assert attempt.error in words
    assert left.delivery.attempts == 1
    assert left.delivery.state == STATES.get(case.name, "succeeded" if 200 <= case.status < 300 else "pending")


def word_of(status: int) -> str:
    """What the log calls a status."""
    if 200 <= status < 300:
        return ""
    special = {410: "gone", 429: "rate_limited"}
    return special.get(status, f"http_{status // 100}xx" if status < 600 else "protocol_error")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_after_a_hostile_answer_the_worker_lives_and_has_not_grown(case: Case, worker: Worker) -> None:
    left = worker.meet(case)
    assert left.went_on
    assert left.peak_bytes < GROWTH_LIMIT_BYTES
    assert left.growth_bytes < GROWTH_LIMIT_BYTES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_the_page_of_a_hostile_answer_is_whole(case: Case, worker: Worker) -> None:
    page = worker.meet(case).page
    assert page.rstrip().endswith("</html>")
    assert "\x00" not in page
    assert "<script>alert" not in page
