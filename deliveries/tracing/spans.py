"""The spans that a process makes, and how they hang together.

    POST /events -> accept -> attempt, attempt, …     one trace, the caller's where it names one
    claim                                             a trace of its own, with a link to each event that it got

What lives here: names, parents and links. An event keeps the context of its accept, as text
(protocol/writing/trace_context.py), so that attempts belong to it days later. It must not know rows, lanes or answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from deliveries.protocol.writing.trace_context import read_trace_context, trace_headers

LINKS_LIMIT = 100
MS = 1_000_000  # nanoseconds

Attributes = Mapping[str, str | int | bool]

_propagator = TraceContextTextMapPropagator()
_NOWHERE = Context()


@dataclass(frozen=True, slots=True)
class Begun:
    """A span whose end is noticed later, and when it began, in nanoseconds."""

    span: Span
    began_ns: int

    @property
    def text(self) -> str | None:
        """Its context, as receivers are told."""
        return text_of(self.span)


class Spans:
    """What this process makes spans with."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def serving(self, path: str, caller: str | None) -> Iterator[Span]:
        """A request that emits; of a project that traces its requests itself it is a part."""
        parent = None if get_current_span().get_span_context().is_valid else context_of(caller)
        attributes = {"http.request.method": "POST", "url.path": path}
        with self._current(f"POST {path}", parent, kind=SpanKind.SERVER, attributes=attributes) as span:
            yield span

    @contextmanager
    def accepting(self, contexts: Sequence[str | None]) -> Iterator[tuple[Span, str | None]]:
        """The acceptance of events that came with these contexts, and its own; a child of theirs where all have one."""
        known = {each for each in contexts if each}
        parent, links = None, []
        if len(known) == 1:
            parent = context_of(known.pop())
        elif known:
            parent, links = _NOWHERE, _links(known)
        with self._current("accept", parent, attributes={"hookpost.events": len(contexts)}, links=links) as span:
            yield span, text_of(span)

    def claimed(self, contexts: Iterable[str | None], *, began_ns: int, attributes: Attributes) -> None:
        """A claim that got something, with a link to each event's trace."""
        links = _links({each for each in contexts if each})
        self._tracer.start_span(
            "claim", context=_NOWHERE, links=links, start_time=began_ns, attributes=attributes
        ).end()

    def attempt(self, context: str | None) -> Begun:
        """Begin an attempt, in its event's trace."""
        began_ns = time.time_ns()
        span = self._tracer.start_span(
            "attempt", context=context_of(context), kind=SpanKind.CLIENT, start_time=began_ns
        )
        return Begun(span, began_ns)

    def end(self, begun: Begun, *, attributes: Attributes, error: str, duration_ms: int) -> None:
        """End a span at the moment at which what it is of ended."""
        span = begun.span
        if span.is_recording():
            span.set_attributes(attributes)
            if error:
                mark_failed(span, error)
        span.end(min(time.time_ns(), begun.began_ns + duration_ms * MS))

    def current(self) -> str | None:
        """Return the context of the span that this thread is in, as events keep it."""
        span = get_current_span()
        return text_of(span) if span.get_span_context().is_valid else None

    @contextmanager
    def _current(
        self,
        name: str,
        parent: Context | None,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes,
        links: Sequence[Link] = (),
    ) -> Iterator[Span]:
        """A span that others are made in; of an error it has the class, whose text may hold what is nobody's."""
        with self._tracer.start_as_current_span(
            name,
            context=parent,
            kind=kind,
            attributes=attributes,
            links=links,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except Exception as error:
                mark_failed(span, type(error).__name__)
                raise


def context_of(text: str | None) -> Context:
    """Return the context that a stored text names; without one nobody's."""
    return _propagator.extract(trace_headers(text), context=_NOWHERE) if text else _NOWHERE


def text_of(span: Span) -> str | None:
    """Return a span's context as events keep it."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, context=set_span_in_context(span, _NOWHERE))
    return read_trace_context(carrier.get("traceparent", ""), carrier.get("tracestate", ""))


def mark_failed(span: Span, error: str) -> None:
    """Let a span say what went wrong."""
    span.set_attribute("error.type", error)
    span.set_status(Status(StatusCode.ERROR))


def _links(contexts: Iterable[str]) -> list[Link]:
    found = [get_current_span(context_of(each)).get_span_context() for each in sorted(contexts)[:LINKS_LIMIT]]
    return [Link(context) for context in found if context.is_valid]
