"""Callers that create, change and delete the same at the same moment: each is answered clearly, and one wins."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection, connections
from django.utils.module_loading import import_string

from deliveries.models import Customer, Endpoint, EventType, Job
from deliveries.services import customers
from tests.api.conftest import Answer, Caller, Tenant

pytestmark = pytest.mark.django_db(transaction=True)

Call = Callable[[Caller], Answer]
CALLERS = 12
MAIN = "/customers/alice/endpoints/main"


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


AFTER_READING: dict[str, tuple[str, Call]] = {
    "change it": ("customers.update_customer", lambda caller: caller.patch("/customers/alice", {"name": "A"})),
    "brand it": ("brands.set_brand", lambda caller: caller.patch("/customers/alice/brand", {"name": "A"})),
    "make a link": ("portal.create_link", lambda caller: caller.post("/customers/alice/portal-link")),
    "make an endpoint": (
        "endpoints.create_endpoint",
        lambda caller: caller.post("/customers/alice/endpoints", {"url": "https://93.184.216.34/"}),
    ),
    "change its endpoint": (
        "endpoints.update_endpoint",
        lambda caller: caller.patch("/customers/alice/endpoints/main", {"description": "d"}),
    ),
    "rotate": ("endpoint_actions.rotate_secret", lambda caller: caller.post(f"{MAIN}/rotate-secret")),
    "pause": ("endpoint_actions.pause_endpoint", lambda caller: caller.post(f"{MAIN}/pause")),
    "resume": ("endpoint_actions.resume_endpoint", lambda caller: caller.post(f"{MAIN}/resume")),
    "verify": ("endpoint_actions.ask_again", lambda caller: caller.post(f"{MAIN}/verify")),
    "test": ("endpoint_actions.send_test_event", lambda caller: caller.post(f"{MAIN}/test")),
    "replay": ("jobs.start_job", lambda caller: caller.post(f"{MAIN}/replay", {"since": "2026-01-01T00:00:00Z"})),
    "register a type": (
        "event_types.create_event_type",
        lambda caller: caller.post("/customers/alice/event-types", {"name": "other.type"}),
    ),
    "change its type": (
        "event_types.update_event_type",
        lambda caller: caller.patch("/customers/alice/event-types/own.type", {"description": "d"}),
    ),
    "delete its type": (
        "event_types.delete_event_type",
        lambda caller: caller.delete("/customers/alice/event-types/own.type"),
    ),
    "cancel its job": ("jobs.cancel_job", lambda caller: caller.post(f"/jobs/{Job.objects.get().public_id}/cancel")),
}


@pytest.mark.parametrize("what", AFTER_READING)
def test_a_customer_that_is_deleted_after_it_was_read_is_not_found(
    what: str, ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a caller whose rows were read when somebody deletes their customer, then nothing is made of it."""
    name, call = AFTER_READING[what]
    ops.post("/customers/alice/event-types", {"name": "own.type"})
    Job.objects.create(kind=Job.Kind.REDELIVER, customer=alice.customer, actor="key:x", filters={})
    verb = import_string(f"deliveries.api.{name}")

    def late(*given: Any, **named: Any) -> object:
        customers.delete_customer(Customer.objects.get(), actor="key:x")
        return verb(*given, **named)

    monkeypatch.setattr(f"deliveries.api.{name}", late)
    assert call(ops).status in (404, 409)
    assert not EventType.objects.exists()
    assert not Endpoint.objects.exists()


def test_who_ask_at_once_for_an_erasure_get_one_job(ops: Caller) -> None:
    ops.post("/customers", {"name": "Carol", "uid": "carol"})
    answers = at_once(ops.key, [lambda caller: caller.post("/customers/carol/erase")])
    assert answers == {202: CALLERS}
    assert Job.objects.count() == 1
