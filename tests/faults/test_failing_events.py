"""Receivers that fail for some events, or for each at first: what can arrive does, when its schedule says so."""

from __future__ import annotations

import json

from deliveries.models import Attempt
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.steps import arrived_ids, emit, endpoints_at, is_all_succeeded, leader
from tests.receiver import Answer, Request


def not_ready_twice(receiver: Counting, request: Request) -> Answer:
    """503 for the first two requests of each event."""
    return (503 if receiver.times[request.header("webhook-id") or ""] <= 2 else 204), {}, b""


def fails_below_30(request: Request) -> Answer:
    """500 for the first thirty events, for ever."""
    return (500 if json.loads(request.body)["data"]["number"] < 30 else 204), {}, b""


def test_events_that_are_refused_twice_each_arrive_when_their_schedule_says_so(
    cluster: Cluster, receivers: list[Counting]
) -> None:
    receiver = receivers[0]
    receiver.answer = lambda request: not_ready_twice(receiver, request)
    (endpoint,) = endpoints_at([receiver], retry_schedule=[0, 2, 4])
    cluster.worker()
    cluster.eventually(lambda: leader(cluster), seconds=20, what="a dispatcher")
    emitted = emit([endpoint], 150)
    cluster.eventually(is_all_succeeded, seconds=60, what="the success of all")
    assert arrived_ids([receiver]) == emitted
    assert Attempt.objects.filter(status_code=503).count() == 300
    assert Attempt.objects.filter(status_code=204).count() == 150


def test_events_that_fail_for_ever_do_not_keep_those_behind_them(cluster: Cluster, receivers: list[Counting]) -> None:
    receiver = receivers[0]
    receiver.answer = fails_below_30
    (endpoint,) = endpoints_at([receiver])
    emit([endpoint], 40)
    cluster.worker()
    cluster.eventually(lambda: leader(cluster), seconds=20, what="a dispatcher")
    good = Attempt.objects.filter(status_code=204)
    cluster.eventually(lambda: good.count() == 10, seconds=15, what="the arrival of the good ones")
    assert not Attempt.objects.exclude(status_code__in=(204, 500)).exists()
