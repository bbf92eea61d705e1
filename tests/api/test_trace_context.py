"""The trace of who emits an event goes with it: into the log, onto its page, and to the receiver who wants it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

import deliveries
from deliveries.conf import conf
from deliveries.engine.limits import LIMITS
from deliveries.models import Endpoint, Event
from deliveries.protocol.sending.request import read_headers
from deliveries.services.endpoints import update_endpoint
from tests.api.conftest import Caller, Tenant, make_tenant
from tests.config.test_fast_path import post
from tests.engine.steps import attempts_of, take_turn, the_delivery
from tests.receiver import Receiver
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db(transaction=True)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def carol(receiver: Receiver) -> Tenant:
    """A customer whose endpoint is there."""
    return make_tenant("carol", receiver.url)


def an_event(**more: Any) -> dict[str, Any]:
    return {"customer": "carol", "type": "invoice.paid", "data": {"n": 1}} | more


def want_traces(endpoint: Endpoint, **more: Any) -> None:
    update_endpoint(endpoint, {"send_trace_context": True} | more, actor="user:alice")


@pytest.mark.parametrize("state", [None, "shop=7,cart=8"])
def test_an_endpoint_that_wants_it_gets_the_trace_that_came_with_the_event(
    state: str | None, ops: Caller, carol: Tenant, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an emitter's vendors note for each other goes nowhere, unless the operator says that it may."""
    monkeypatch.setattr(SETTINGS, "send_tracestate", state is not None)
    want_traces(carol.endpoint)
    made = ops.post("/events", an_event(), traceparent=PARENT, tracestate="shop=7, cart=8").json
    take_turn(carol.endpoint)
    (request,) = receiver.requests
    assert (request.header("traceparent"), request.header("tracestate")) == (PARENT, state)
    (attempt,) = attempts_of(the_delivery(carol.endpoint))
    kept = read_headers(attempt.request_headers)
    assert (kept["traceparent"], kept.get("tracestate")) == (PARENT, state)
    assert carol.caller.get(f"/events/{made['id']}").json["trace_id"] == TRACE


def test_an_endpoint_that_does_not_want_it_gets_no_trace(ops: Caller, carol: Tenant, receiver: Receiver) -> None:
    ops.post("/events", an_event(), traceparent=PARENT, tracestate="shop=7")
    take_turn(carol.endpoint)
    (request,) = receiver.requests
    assert (request.header("traceparent"), request.header("tracestate")) == (None, None)


def test_headers_of_the_endpoints_own_go_before_and_stay_hidden(ops: Caller, carol: Tenant, receiver: Receiver) -> None:
    want_traces(carol.endpoint, headers={"tracestate": "s3cr3t=1"})
    ops.post("/events", an_event(), traceparent=PARENT, tracestate="shop=7")
    take_turn(carol.endpoint)
    (request,) = receiver.requests
    assert (request.header("traceparent"), request.header("tracestate")) == (PARENT, "s3cr3t=1")
    (attempt,) = attempts_of(the_delivery(carol.endpoint))
    assert read_headers(attempt.request_headers)["tracestate"] == "[hidden]"


def test_a_large_event_keeps_its_trace(ops: Caller, carol: Tenant, receiver: Receiver) -> None:
    want_traces(carol.endpoint)
    assert LIMITS.whole_bytes < conf.body_limit_bytes - 1000
    ops.post("/events", an_event(data={"n": "x" * (LIMITS.whole_bytes + 100)}), traceparent=PARENT)
    take_turn(carol.endpoint)
    (request,) = receiver.requests
    assert request.header("traceparent") == PARENT


def test_a_wrong_trace_is_ignored_and_the_event_accepted(ops: Caller, carol: Tenant) -> None:
    made = ops.post("/events", an_event(), traceparent="00-zz", tracestate="shop=7")
    assert made.status == 202
    told = ops.get(f"/events/{made.json['id']}").json
    assert told["trace_id"] is None
    assert Event.objects.get().trace_context is None


def test_all_events_of_a_batch_have_the_trace_of_its_request(ops: Caller, carol: Tenant) -> None:
    ops.post("/events/batch", {"events": [an_event(), an_event(data={"n": 2})]}, traceparent=PARENT)
    assert list(Event.objects.values_list("trace_context", flat=True)) == [PARENT, PARENT]


def test_the_fast_path_keeps_the_trace(ops: Caller, carol: Tenant) -> None:
    assert post(str(ops.key), body=orjson.dumps(an_event()), HTTP_TRACEPARENT=PARENT).status == "202 Accepted"
    assert Event.objects.get().trace_context == PARENT


def test_a_project_emits_with_its_own_trace(carol: Tenant) -> None:
    deliveries.emit("carol", "invoice.paid", {}, traceparent=PARENT, tracestate="shop=7")
    deliveries.emit("carol", "invoice.paid", {}, traceparent="nonsense")
    assert set(Event.objects.values_list("trace_context", flat=True)) == {f"{PARENT}\nshop=7", None}
