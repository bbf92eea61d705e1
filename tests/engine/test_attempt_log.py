"""A line for each attempt: which attempts have one, and what stands in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from deliveries.engine import attempt_log
from deliveries.engine.work import Finished
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.outcome import Outcome
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.services.resending.redelivery import redeliver
from tests.counters import ROOT
from tests.engine.steps import an_endpoint, attempts_of, emit, take_turn, the_delivery
from tests.engine.test_lane import due
from tests.receiver import Receiver
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db(transaction=True)
LINE = "attempt_finished"


def lines_of(logs: Sequence[EventDict]) -> list[dict[str, Any]]:
    return [{**each} for each in logs if each["event"] == LINE]


def documented_fields() -> set[str]:
    section = (ROOT / "docs/operations.md").read_text().partition("### A line for each attempt")[2]
    rows = re.findall(r"^\| (`[^|]+`) \|", section.partition("\n##")[0], re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def log_percent(monkeypatch: pytest.MonkeyPatch, *, failed: int = 0, succeeded: int = 0) -> None:
    monkeypatch.setattr(SETTINGS, "log_failed_percent", failed)
    monkeypatch.setattr(SETTINGS, "log_succeeded_percent", succeeded)


def test_an_attempt_has_a_line_with_ids_that_lead_to_its_page(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_percent(monkeypatch, succeeded=100)
    endpoint = an_endpoint(receiver.url + "/s3cr3t-path?s3cr3t-query", headers={"x-token": "s3cr3t-header"})
    emit(endpoint)
    with capture_logs() as logs:
        take_turn(endpoint)
        redeliver(the_delivery(endpoint), actor="user:carol", reason="s3cr3t-reason")
        take_turn(endpoint)
    first, again = lines_of(logs)
    delivery = the_delivery(endpoint)
    assert [first["attempt_id"], again["attempt_id"]] == [attempt.public_id for attempt in attempts_of(delivery)]
    assert first["event_id"] == receiver.requests[0].header("webhook-id")
    assert (first["number"], first["actor"], again["number"], again["actor"]) == (1, None, None, "user:carol")
    assert first["waited_ms"] >= 0
    assert documented_fields() == first.keys() - {"event", "log_level"}
    assert "s3cr3t" not in str(logs)
    expected = {
        "delivery_id": delivery.public_id,
        "endpoint_id": endpoint.public_id,
        "customer_id": endpoint.customer.public_id,
        "outcome": "succeeded",
        "state": "succeeded",
        "status": 204,
        "host": "127.0.0.1",
        "address": attempts_of(delivery)[0].address,
        "lease_lost": False,
    }
    assert {name: first[name] for name in expected} == expected


def test_what_failed_has_a_share_of_its_own(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver.answer = lambda _: (500, {}, b"s3cr3t")
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    with capture_logs() as logs:
        log_percent(monkeypatch, succeeded=100)
        take_turn(endpoint)
        log_percent(monkeypatch, failed=100)
        redeliver(the_delivery(endpoint), actor="user:carol", reason="")
        take_turn(endpoint)
    (line,) = lines_of(logs)
    assert (line["outcome"], line["status"], line["state"], line["answer_bytes"]) == ("http_5xx", 500, None, 6)
    assert "s3cr3t" not in str(logs)


def test_without_a_setting_no_attempt_is_looked_at(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(attempt_log, "is_chosen")
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    with capture_logs() as logs:
        take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"
    assert not lines_of(logs)


def test_a_share_is_of_deliveries(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_chosen(number: int) -> bool:
        outcome = Outcome(state=DeliveryState.SUCCEEDED)
        claimed = replace(due(), delivery_id=UUID(int=number))
        return attempt_log.is_chosen(
            Finished(claimed=claimed, started_at=datetime.now(UTC), answer=Answer(), outcome=outcome)
        )

    log_percent(monkeypatch, succeeded=10)
    chosen = {number for number in range(1000) if is_chosen(number)}
    assert len(chosen) == 100
    assert chosen == {number for number in range(1000) if is_chosen(number)}
