"""Every hostile answer, met by a delivery: the attempt is in the log, the page shows it, the worker goes on."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest
from django.db import transaction
from django.test import Client
from pytest_django import DjangoDbBlocker

from deliveries.models import Attempt, Delivery, Endpoint
from deliveries.outbound.guard import Guard
from deliveries.outbound.transfers import Transfers
from deliveries.services import engine as engine_module
from tests.engine.steps import an_endpoint, an_engine, emit, run_until_idle, take_turn
from tests.hostile_server import Case, HostileServer
from tests.outbound.hostile_connections import CASES
from tests.security.steps import a_superuser, logged_in

DEADLINE_SECONDS = 2
AT_ONCE = 40
GROWTH_LIMIT_BYTES = 2_000_000
STATES = {"status 410": "exhausted", "says abort": "cancelled"}  # the receiver's wish
OPEN_URL = "https://93.184.216.34/"


@dataclass(frozen=True)
class Left:
    """What a case left behind."""

    attempts: list[Attempt]
    delivery: Delivery
    page: str


@dataclass(frozen=True)
class Run:
    """All cases, met by engines that drive many at once."""

    left: dict[str, Left]
    growth_bytes: int
    went_on: bool


@pytest.fixture(scope="module")
def run(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Run]:
    """Deliver to all cases in a transaction that is taken back."""
    with HostileServer(CASES) as server, django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_module, "new_transfers", lambda: transfers_for(server))
        with transaction.atomic():
            yield deliver_to_all(server)
            transaction.set_rollback(True)


def transfers_for(server: HostileServer) -> Transfers:
    """What a worker uses, allowed to reach the hostile server."""
    return Transfers(rule=Guard(server.targets()), ca_file=server.kinds.ca_file)


def deliver_to_all(server: HostileServer) -> Run:
    """One endpoint and one event for each case."""
    endpoints = {case.name: an_endpoint(OPEN_URL, timeout_seconds=DEADLINE_SECONDS) for case in CASES}
    for name, endpoint in endpoints.items():
        Endpoint.objects.filter(pk=endpoint.pk).update(url=server.url(name))
        emit(endpoint)
    gc.collect()
    before = psutil.Process().memory_info().rss
    lanes = list(endpoints.values())
    for start in range(0, len(lanes), AT_ONCE):
        engine, _ = an_engine(*lanes[start : start + AT_ONCE])
        run_until_idle(engine, seconds=60)
    gc.collect()
    growth = psutil.Process().memory_info().rss - before
    ordinary = endpoints["an ordinary answer"]
    emit(ordinary, number=2)
    take_turn(ordinary)
    went_on = Delivery.objects.filter(endpoint=ordinary, state="succeeded").count() == 2
    Delivery.objects.filter(endpoint=ordinary).order_by("-id")[0].log.all().delete()
    browser = logged_in(a_superuser("hostile"))
    return Run({name: left_of(endpoint, browser) for name, endpoint in endpoints.items()}, growth, went_on)


def left_of(endpoint: Endpoint, browser: Client) -> Left:
    """The log of the first delivery of an endpoint, and its page."""
    delivery = Delivery.objects.filter(endpoint=endpoint).order_by("id")[0]
    page = browser.get(f"/admin/deliveries/delivery/{delivery.public_id}/change/")
    assert page.status_code == 200
    return Left(list(Attempt.objects.filter(delivery=delivery)), delivery, page.content.decode())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_a_hostile_answer_leaves_one_attempt_with_its_word(case: Case, run: Run) -> None:
    (attempt,) = run.left[case.name].attempts
    words = {case.error, case.or_error or case.error} if case.error else {word_of(case.status)}
    assert attempt.status_code == (case.status or None)
    assert attempt.error in words
    assert attempt.duration_ms < 1000 * (DEADLINE_SECONDS + 1)
    assert run.left[case.name].delivery.attempts == 1
    assert run.left[case.name].delivery.state == STATES.get(
        case.name, "succeeded" if 200 <= case.status < 300 else "pending"
    )


def word_of(status: int) -> str:
    """What the log calls a status."""
    if 200 <= status < 300:
        return ""
    special = {410: "gone", 429: "rate_limited"}
    return special.get(status, f"http_{status // 100}xx" if status < 600 else "protocol_error")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_the_page_of_a_hostile_answer_is_whole(case: Case, run: Run) -> None:
    page = run.left[case.name].page
    assert page.rstrip().endswith("</html>")
    assert "\x00" not in page
    assert "<script>alert" not in page


def test_the_worker_goes_on_and_keeps_its_memory(run: Run) -> None:
    assert run.went_on
    assert run.growth_bytes < GROWTH_LIMIT_BYTES * len(CASES) / 10
