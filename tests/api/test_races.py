"""Callers that create, change and delete the same at the same moment: each is answered clearly, and one wins."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from django.db import connection, connections

from deliveries.models import Customer, Endpoint, EventType, Job
from tests.api.conftest import Answer, Caller

pytestmark = pytest.mark.django_db(transaction=True)

Call = Callable[[Caller], Answer]
CALLERS = 12


def at_once(key: str | None, calls: Sequence[Call]) -> Counter[int]:
    """What callers are answered who begin together; they take turns at the calls."""
    together, answers = threading.Barrier(CALLERS), []

    def run(place: int) -> None:
        connection.ensure_connection()
        together.wait()
        answers.append(calls[place % len(calls)](Caller(key)).status)
        connections.close_all()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == CALLERS
    return Counter(answers)


def test_one_deletes_an_event_type_and_nobody_brings_it_back(ops: Caller) -> None:
    ops.post("/event-types", {"name": "invoice.paid"})
    answers = at_once(
        ops.key,
        [
            lambda caller: caller.delete("/event-types/invoice.paid"),
            lambda caller: caller.patch("/event-types/invoice.paid", {"description": "d"}),
        ],
    )
    assert answers[204] == 1
    assert answers.keys() <= {200, 204, 404}
    assert not EventType.objects.exists()


def test_a_customer_is_deleted_once_whatever_is_made_for_it_meanwhile(ops: Caller, url: str) -> None:
    path = "/customers/carol"
    ops.post("/customers", {"name": "Carol", "uid": "carol"})
    answers = at_once(
        ops.key,
        [
            lambda caller: caller.delete(path),
            lambda caller: caller.post(f"{path}/endpoints", {"url": url}),
            lambda caller: caller.patch(path, {"name": "Caroline"}),
            lambda caller: caller.post(f"{path}/portal-link"),
        ],
    )
    assert answers[204] == 1
    assert answers.keys() <= {200, 201, 204, 404}
    assert (Customer.objects.count(), Endpoint.objects.count()) == (0, 0)


def test_who_ask_at_once_for_an_erasure_get_one_job(ops: Caller) -> None:
    ops.post("/customers", {"name": "Carol", "uid": "carol"})
    answers = at_once(ops.key, [lambda caller: caller.post("/customers/carol/erase")])
    assert answers == {202: CALLERS}
    assert Job.objects.count() == 1
