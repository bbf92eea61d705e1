"""Spans for OpenTelemetry: of requests that emit, of accepting, of claims and of attempts. Off unless configured.

switch.py   whether there are spans; what those who make some look at, and all that they import
spans.py    the spans themselves; only read where OpenTelemetry's packages are there and wanted
start.py    what the standard variables OTEL_… ask for, once for each process

Nothing here knows what is accepted or sent. A thread of OpenTelemetry's SDK exports, from a bounded queue: nobody
waits for it.
"""
