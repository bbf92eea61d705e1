"""A worker whose broker is away says so once a minute, not in each second for each of its queues."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.broker_lines import REASONS, SILENT_SECONDS, OfConsumers
from tests.ports import free_ports

CHECKOUT = Path(__file__).resolve().parents[2]
QUEUES = ("deliveries", "deliveries_slow", "jobs")
# The consumers of a worker as build_workers() makes them, until each of them has been refused three times.
CUT_OFF = """
import logging, os, sys, threading
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django; django.setup()
import dramatiq, dramatiq.worker
from deliveries import actors
from deliveries.conf import conf
from deliveries.management.workers import build_workers

dramatiq.worker.CONSUMER_RESTART_DELAY_SECS = 0.01
refused, enough = {}, threading.Event()

def count(record):
    refused[record.name] = refused.get(record.name, 0) + (record.levelno == logging.CRITICAL)
    if len(refused) >= 3 and min(refused.values()) >= 3:
        enough.set()
    return False

class Counting(logging.Handler):
    def handle(self, record):
        count(record)

logging.getLogger("dramatiq.worker").addHandler(Counting())
for worker in build_workers(dramatiq.get_broker(), conf=conf):
    worker.start()
assert enough.wait(300), refused
sys.stderr.flush()
os._exit(0)
"""


def said(filter_: OfConsumers, queue: str, reason: str, *, level: int = logging.CRITICAL) -> bool:
    """Whether the record of this queue's consumer passes."""
    name = f"dramatiq.worker.ConsumerThread({queue})"
    text = "Consumer encountered a connection error: %s"
    return filter_.filter(logging.LogRecord(name, level, __file__, 1, text, (reason,), None))


def test_a_reason_is_told_once_for_all_queues_and_again_after_a_minute() -> None:
    now = [0.0]
    lines = OfConsumers(clock=lambda: now[0])
    with capture_logs() as logs:
        for moment in (0.0, 1.0, SILENT_SECONDS - 1, SILENT_SECONDS):
            now[0] = moment
            assert [said(lines, queue, "refused: a") for queue in QUEUES] == [False, False, False]
    assert [(each["event"], each["log_level"], each["reason"]) for each in logs] == [
        ("broker_away", "warning", "refused: a")
    ] * 2


def test_another_reason_is_told_at_once_but_not_an_endless_number_of_them() -> None:
    lines = OfConsumers(clock=lambda: 0.0)
    with capture_logs() as logs:
        for number in range(REASONS + 3):
            assert not said(lines, "jobs", f"refused {number}")
    assert [each["reason"] for each in logs] == [f"refused {number}" for number in range(REASONS)]


def test_what_others_say_and_what_is_no_fault_passes() -> None:
    lines = OfConsumers()
    assert said(lines, "jobs", "x", level=logging.ERROR)
    assert lines.filter(logging.LogRecord("deliveries", logging.CRITICAL, __file__, 1, "x", (), None))


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_worker_that_is_refused_many_times_writes_one_line(scheme: str, tmp_path: Path) -> None:
    url = f"{scheme}://127.0.0.1:{free_ports(1)[0]}"
    settings = {"DATABASE_URL": "postgresql://127.0.0.1:1/none", "BROKER_URL": url, "HOOKPOST_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CUT_OFF],
        cwd=CHECKOUT, env=os.environ | settings, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = [each for each in done.stderr.splitlines() if "broker_away" in each]
    assert "[warning  ] broker_away" in line
    assert "onnection" in line.partition("reason=")[2]
    assert "Consumer encountered" not in done.stderr
