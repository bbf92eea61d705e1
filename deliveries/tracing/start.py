"""From the standard variables OTEL_… to spans that leave this process.

What lives here: when a process makes spans, and the end of it. The variables are OpenTelemetry's; its SDK reads most of
them itself. It must not know what spans are made of. Source: OpenTelemetry, Environment Variable Specification 1.45.
"""

from __future__ import annotations

import atexit
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import structlog

from deliveries.conf import conf
from deliveries.errors import WrongSetting
from deliveries.tracing import switch

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

log = structlog.get_logger(__name__)

STOP_SECONDS = 3.0  # what has not left by then is lost
NAME = "hookpost"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
SPOKEN = "http/protobuf"

_ends: list[Callable[[], None]] = []


def start_tracing(part: str, *, version: str) -> None:
    """Make spans from now on, if the variables ask for it or the project of this process does already."""
    if switch.spans is not None or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    try:
        join_tracing(version=version)
        if switch.spans is None and is_wanted(os.environ):
            _begin(part, version)
    except (WrongSetting, ImportError, ValueError) as error:
        log.warning("tracing_not_started", reason=str(error))


def join_tracing(*, version: str) -> None:
    """Make spans by the provider that the project of this process has set, if it has."""
    if "opentelemetry.sdk.trace" not in sys.modules:
        return
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        _use(provider, version)


def stop_tracing() -> None:
    """Let spans leave that are ready, for a moment, and make none from now on."""
    switch.spans = None
    while _ends:
        ending = threading.Thread(target=_ends.pop(), name="tracing ends", daemon=True)
        ending.start()
        ending.join(STOP_SECONDS)


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Say whether the variables ask for spans; raises WrongSetting where they ask for what there is not."""
    exporters = {each.strip() for each in environ.get("OTEL_TRACES_EXPORTER", "").split(",")} - {""}
    if "none" in exporters or not (exporters or any(environ.get(name) for name in ENDPOINTS)):
        return False
    if exporters - {"otlp"}:
        raise WrongSetting("OTEL_TRACES_EXPORTER: there is otlp, and none")
    for name in PROTOCOLS:
        if (protocol := environ.get(name)) and protocol != SPOKEN:
            raise WrongSetting(f"{name}: there is {SPOKEN} only")
    return True


def _begin(part: str, version: str) -> None:
    """Make a provider of our own; whatever is wrong with where spans go is a matter of its thread."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise WrongSetting(f"the packages of hookpost[otel] are not installed: {error}") from error
    resource = Resource.create(_told(part, version, os.environ))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _ends.append(provider.shutdown)
    atexit.register(stop_tracing)
    _use(provider, version)


def _use(provider: TracerProvider, version: str) -> None:
    from deliveries.tracing.spans import Spans

    switch.spans = Spans(provider.get_tracer(NAME, version))


def _told(part: str, version: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a process says of itself, as far as the variables do not."""
    told = {
        "service.name": environ.get("OTEL_SERVICE_NAME") or f"{NAME}-{part}",
        "service.version": version,
        "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
    }
    if conf.cell:
        told["hookpost.cell"] = conf.cell
    given = {each.partition("=")[0].strip() for each in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")}
    return {name: value for name, value in told.items() if name not in given}
