"""A worker's process while nothing is to be done: what wakes up in it, and what a signal ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from config.broker import make_broker
from deliveries.conf import conf
from deliveries.management.signals import STOPS, stop_signals
from deliveries.management.workers import JOB_THREADS, build_workers

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120
IMPORTED = """
import sys, django
django.setup()
import deliveries.actors, deliveries.management.commands.dispatcher, deliveries.management.commands.worker
print([name for name in sys.modules if name.startswith(("deliveries.api.", "rest_framework.views"))])
"""


@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize("is_waited", [True, False], ids=["while it waits", "before"])
def test_a_signal_ends_the_wait_for_it_at_once(number: signal.Signals, *, is_waited: bool) -> None:
    main = threading.get_ident()
    assert main == threading.main_thread().ident
    with stop_signals() as stop_wanted:
        ring = threading.Timer(0.1 if is_waited else 0.0, signal.pthread_kill, (main, number))
        ring.start()
        if not is_waited:
            ring.join()
        before = time.monotonic()
        stop_wanted.wait(PATIENCE_SECONDS)
        assert time.monotonic() - before < PATIENCE_SECONDS
        ring.join()
    assert stop_wanted == [number]


def test_without_a_signal_a_wait_is_over_by_itself() -> None:
    with stop_signals() as stop_wanted:
        stop_wanted.wait(0.001)
    assert stop_wanted == []


@pytest.mark.parametrize(
    ("url", "lanes", "slow"),
    [("redis://127.0.0.1:1/0", 0, 0), ("amqp://127.0.0.1:1", conf.turn_threads, conf.slow_threads)],
)
def test_no_thread_waits_for_messages_that_others_heed(url: str, lanes: int, slow: int) -> None:
    workers = build_workers(make_broker(url), conf=conf)
    assert [worker.worker_threads for worker in workers] == [lanes, JOB_THREADS, slow]


def test_a_worker_without_a_health_port_imports_nothing_of_the_api() -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", IMPORTED]
    found = subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
