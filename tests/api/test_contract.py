"""schemathesis over the whole description: no 500, and no answer that is not described.

What lives here: generated requests, right and wrong ones, with ids that are there as often as not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.urls import URLPattern
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config.wsgi import application
from deliveries.api.urls import api
from tests.api.conftest import Caller, Tenant
from tests.api.logs import log_attempt, log_delivery

EXAMPLES = 10
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def real(ops: Caller, alice: Tenant) -> dict[str, str]:
    """What a path's parameters may name."""
    ops.post("/event-types", {"name": "invoice.paid"})
    ops.post("/customers/alice/event-types", {"name": "invoice.paid"})
    delivery = log_delivery(alice.endpoint, state="exhausted")
    log_attempt(delivery)
    ops.post("/api-versions", {"name": "2026-11-01"})
    ops.post("/api-versions/2026-11-01/changes", {"event_type": "invoice.paid", "down": "@"})
    job = ops.post("/deliveries/redeliver", {"state": "exhausted"}).json
    return {
        "customer": "alice",
        "endpoint": "main",
        "event": delivery.event.public_id,
        "delivery": delivery.public_id,
        "job": job["id"],
        "name": "invoice.paid",
        "version": "2026-11-01",
    }


@pytest.fixture
def described(real: dict[str, str]) -> Iterator[Any]:
    """The description, with generated paths that mostly lead to something."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)

    @schema.hook
    def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
        if not path_parameters:
            return path_parameters
        keep = sum(map(len, map(str, path_parameters.values()))) % 4 == 0
        return path_parameters if keep else {name: real[name] for name in path_parameters}

    yield schema
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


def operations() -> list[tuple[str, str]]:
    """Each path with each method that it answers to."""
    found = []
    for pattern in api:
        assert isinstance(pattern, URLPattern)
        view = getattr(pattern.callback, "view_class", None)
        path = "/api/v1/" + str(pattern.pattern).replace("<str:", "{").replace(">", "}")
        found += [(path, m) for m in ("get", "post", "patch", "delete") if view and hasattr(view, m)]
    return found


# The notifier's thread uses random numbers while hypothesis watches for them.
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
@pytest.mark.parametrize(("path", "method"), operations())
def test_each_operation_keeps_to_its_description(described: Any, ops: Caller, path: str, method: str) -> None:
    operation = described[path][method]
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes]))
    def try_out(case: Any) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {ops.key}"})
        assert answer.status_code < 500, answer.text
        case.validate_response(answer, checks=CHECKS)

    try_out()
