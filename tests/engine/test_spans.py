"""How spans hang together, and when there are none."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from structlog.testing import capture_logs

import deliveries
from deliveries.errors import InvalidEventType, WrongSetting
from deliveries.models import Endpoint, Event
from deliveries.protocol.writing.trace_context import trace_id_of
from deliveries.services.accepting.events import EventDraft, accept_event, accept_events
from deliveries.tracing import start, switch
from deliveries.tracing.spans import Spans, context_of, text_of
from tests.engine.steps import an_endpoint, emit, let_time_pass, take_turn
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)
ONE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\nshop=7"


class Made:
    """What this process has made since."""

    def __init__(self, exporter: InMemorySpanExporter, provider: TracerProvider) -> None:
        self.exporter, self.provider = exporter, provider

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """Spans that stay here."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(switch, "spans", Spans(provider.get_tracer("tests")))
    yield Made(exporter, provider)
    provider.shutdown()


def traces(spans: Sequence[ReadableSpan]) -> set[str]:
    return {f"{span.context.trace_id:032x}" for span in spans}


@pytest.fixture
def endpoint(receiver_ports: list[int]) -> Endpoint:
    """An endpoint, where nobody need be."""
    return an_endpoint(f"http://127.0.0.1:{receiver_ports[0]}")


def drafts(endpoint: Endpoint, *contexts: str | None) -> list[EventDraft]:
    draft = EventDraft(type="invoice.paid", data=b"{}", customer_id=endpoint.customer_id)
    return [replace(draft, trace_context=context) for context in contexts]


def kept() -> list[str | None]:
    return list(Event.objects.order_by("id").values_list("trace_context", flat=True))


def test_a_retry_is_in_the_trace_of_its_event(receiver: Receiver, made: Made) -> None:
    receiver.answer = lambda _: (500, {}, b"")
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    take_turn(endpoint)
    receiver.answer = lambda _: (204, {}, b"")
    let_time_pass(endpoint)
    take_turn(endpoint)
    failed, arrived = made.named("attempt")
    (accept,) = made.named("accept")
    assert traces([failed, arrived, accept]) == {trace_id_of(kept()[0])}
    assert {span.parent.span_id for span in (failed, arrived)} == {accept.context.span_id}
    assert (failed.attributes["error.type"], failed.status.is_ok) == ("http_5xx", False)
    assert (arrived.attributes["hookpost.number"], arrived.status.is_ok) == (2, True)
    assert [len(claim.links) for claim in made.named("claim")] == [1, 1]


def test_events_that_came_with_traces_of_their_own_keep_them(endpoint: Endpoint, made: Made) -> None:
    accept_events(drafts(endpoint, ONE, OTHER, None))
    (accept,) = made.named("accept")
    assert {f"{link.context.trace_id:032x}" for link in accept.links} == {trace_id_of(ONE), trace_id_of(OTHER)}
    assert accept.parent is None
    assert kept() == [ONE, OTHER, text_of_span(accept)]


def test_events_of_one_trace_are_accepted_in_it(endpoint: Endpoint, made: Made) -> None:
    accept_events(drafts(endpoint, OTHER, OTHER))
    (accept,) = made.named("accept")
    assert traces([accept]) == {trace_id_of(OTHER)}
    assert kept() == [text_of_span(accept)] * 2
    assert kept()[0].endswith("\nshop=7")


def text_of_span(span: ReadableSpan) -> str:
    state = span.context.trace_state.to_header()
    return f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-{span.context.trace_flags:02x}" + (
        f"\n{state}" if state else ""
    )


def test_a_project_that_traces_its_requests_is_the_parent(endpoint: Endpoint, made: Made) -> None:
    with made.provider.get_tracer("project").start_as_current_span("checkout") as checkout:
        deliveries.emit(endpoint.customer, "invoice.paid", {})
    (accept,) = made.named("accept")
    assert accept.parent.span_id == checkout.get_span_context().span_id


def test_what_is_refused_says_which_error_and_not_its_words(endpoint: Endpoint, made: Made) -> None:
    (draft,) = drafts(endpoint, None)
    with pytest.raises(InvalidEventType):
        accept_event(replace(draft, type="hookpost.s3cr3t"))
    (accept,) = made.named("accept")
    assert (accept.attributes["error.type"], accept.events) == ("InvalidEventType", ())
    assert "s3cr3t" not in accept.to_json()


def test_who_is_not_sampled_stays_so(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    monkeypatch.setattr(switch, "spans", Spans(provider.get_tracer("tests")))
    endpoint = an_endpoint(receiver.url, send_trace_context=True)
    emit(endpoint)
    take_turn(endpoint)
    (context,) = kept()
    sent = receiver.requests[0].header("traceparent")
    assert trace_id_of(context) == trace_id_of(sent)
    assert int(sent[-2:], 16) & 1 == 0


def test_what_variables_ask_for() -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    assert not start.is_wanted({})
    assert start.is_wanted(endpoint)
    assert start.is_wanted({"OTEL_TRACES_EXPORTER": "otlp"})
    assert not start.is_wanted({**endpoint, "OTEL_TRACES_EXPORTER": "none"})
    for wrong in ({"OTEL_TRACES_EXPORTER": "console"}, {**endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}):
        with pytest.raises(WrongSetting, match=next(reversed(wrong))):
            start.is_wanted(wrong)


def test_without_the_packages_the_log_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with capture_logs() as logs:
        start.start_tracing("tests", version="1")
    assert switch.spans is None
    (line,) = logs
    assert line["event"] == "tracing_not_started"
    assert "hookpost[otel]" in line["reason"]


def test_nothing_is_begun_where_the_sdk_is_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "TRUE")
    start.start_tracing("tests", version="1")
    assert switch.spans is None


def test_a_context_survives_the_way_through_a_row() -> None:
    from opentelemetry.trace import get_current_span

    for text in (ONE, OTHER):
        assert text_of(get_current_span(context_of(text))) == text
