"""`python -m tests.faults.halts stopped|ended|killed`: all workers halt at once, and what becomes of what waits.

`stopped` freezes them (SIGSTOP) and `ended` ends them, for a minute in which 3,000 lanes become due one after the
other and a dispatcher apart rings for them all the while. `killed` kills them amid 2,000 deliveries of 20 ms, and
starts others at once. What lives here: the play and its report. With BROKER_URL=amqp://x the broker is RabbitMQ. Exit
code 1 when an event was lost, came more often than it may, messages piled up, or workers were on again late.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.faults.cluster import Cluster, kill
from tests.faults.soak import prepare_django, set_environment
from tests.ports import free_ports, is_listening

WORKERS = 2
LANES, HALT_SECONDS = 3_000, 60.0
EVENTS_A_RING = 50  # as one web process brings them together
AMID_LANES, AMID_EACH, ANSWER_SECONDS = 20, 100, 0.02
MESSAGES = 2 * LANES // 32  # at most, which is twice what names every lane once
ON_AGAIN_SECONDS = 10.0
GIVE_UP_SECONDS, POLL_SECONDS, AFTER_SECONDS = 600.0, 0.02, 10.0


class Play:
    """One cluster, its receiver, and what is seen of them."""

    def __init__(self, cluster: Cluster, *, receiver_port: int) -> None:
        self.cluster = cluster
        self.receiver = f"http://127.0.0.1:{receiver_port}"
        self.most = 0

    def halted(self, *, end: bool) -> dict[str, Any]:
        """Let events come while no worker works; they go on after a minute."""
        customers = self.customers(LANES)
        self.cluster.child("dispatcher", "manage.py", "dispatcher")
        workers = self.begin_workers()
        for worker in workers:
            worker.terminate() if end else worker.send_signal(signal.SIGSTOP)
        if end:
            _ = [worker.wait() for worker in workers]
        with self.watching():
            emitted = self.emit(customers)
            assert self.arrived() == 0
            for worker in () if end else workers:
                worker.send_signal(signal.SIGCONT)
            if end:
                self.begin_workers()
            took = self.await_the_last()
        time.sleep(AFTER_SECONDS)
        return self.judge(emitted, may_double=0) | {
            "messages_at_most": self.most,
            f"messages_{AFTER_SECONDS:.0f}_s_after": messages(),
            "seconds_until_the_last": round(took, 1),
        }

    def killed(self) -> dict[str, Any]:
        """Kill all workers when a quarter has come."""
        from bench import filling
        from deliveries.models import Attempt

        filling.fill(self.customers(AMID_LANES), each=AMID_EACH)
        emitted = event_ids()
        workers = self.begin_workers()
        self.cluster.eventually(lambda: self.arrived() >= len(emitted) // 4, seconds=60, what="a quarter")
        for worker in workers:
            worker.send_signal(signal.SIGSTOP)
        came = self.settled()
        in_flight = came - Attempt.objects.count()
        for worker in workers:
            kill(worker)
        began = time.monotonic()
        self.begin_workers(wait=False)
        self.cluster.eventually(lambda: self.arrived() > came, seconds=60, what="the next request")
        on_again = time.monotonic() - began
        took = on_again + self.await_the_last()
        return self.judge(emitted, may_double=in_flight) | {
            "came_before_the_kill": came,
            "seconds_until_on_again": round(on_again, 1),
            "seconds_until_the_last": round(took, 1),
        }

    def customers(self, count: int) -> list[UUID]:
        """Customers with an endpoint each at the receiver."""
        from bench import filling

        pairs = filling.make_endpoints(count, url=lambda number: f"{self.receiver}/{number}", timeout_seconds=30)
        return [customer for customer, _ in pairs]

    def begin_workers(self, *, wait: bool = True) -> list[subprocess.Popen[bytes]]:
        """Start the workers, and wait until each has said that it lives."""
        from bench.stage import beating

        before = beating()
        workers = [self.cluster.worker() for _ in range(WORKERS)]
        if wait:
            self.cluster.eventually(lambda: beating() >= before + WORKERS, seconds=60, what="the workers")
        return workers

    def emit(self, customers: list[UUID]) -> set[str]:
        """Accept an event for each customer, a few at a time, over as long as the workers halt; ring as web does."""
        from bench import filling
        from deliveries.actors import wake

        began = time.monotonic()
        for start in range(0, len(customers), EVENTS_A_RING):
            for accepted in filling.accept(customers[start : start + EVENTS_A_RING]):
                wake(accepted.wake)
            time.sleep(max(0.0, began + HALT_SECONDS * start / len(customers) - time.monotonic()))
        return event_ids()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Inside, look all the while how many messages wait."""
        over = threading.Event()

        def look() -> None:
            while not over.wait(POLL_SECONDS):
                self.most = max(self.most, messages())

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def arrived(self) -> int:
        """How many requests came."""
        return int(self.told("count"))

    def settled(self) -> int:
        """How many came, once no more do: the workers are frozen."""
        before = -1
        while before != (before := self.arrived()):
            time.sleep(5 * ANSWER_SECONDS)
        return before

    def told(self, what: str) -> Any:
        """What the receiver counted."""
        with urllib.request.urlopen(f"{self.receiver}/{what}", timeout=60) as answer:
            return json.loads(answer.read())

    def await_the_last(self) -> float:
        """Wait until nothing is due; returns for how long."""
        from bench import filling

        began = time.monotonic()
        while filling.due() and time.monotonic() < began + GIVE_UP_SECONDS:
            time.sleep(POLL_SECONDS)
        return time.monotonic() - began

    def judge(self, emitted: set[str], *, may_double: int) -> dict[str, Any]:
        """Compare what was accepted with what came."""
        came: Counter[str] = Counter(self.told("ids"))
        return {
            "events": len(emitted),
            "lost": len(emitted - set(came)),
            "doubled": came.total() - len(came),
            "may_double": may_double,
        }


def event_ids() -> set[str]:
    """The ids of all events, as receivers see them."""
    from deliveries.models import Event
    from deliveries.protocol.writing import ids

    return {ids.encode_id(ids.EVENT, each) for each in Event.objects.values_list("id", flat=True)}


def messages() -> int:
    """How many messages wait in the broker."""
    from deliveries.actors import messages_waiting

    return messages_waiting(slow=False) + messages_waiting(slow=True)


def is_good(report: dict[str, Any]) -> bool:
    """Say whether a report is as it should be."""
    return bool(
        report["lost"] == 0
        and report["doubled"] <= report["may_double"]
        and report.get("messages_at_most", 0) <= MESSAGES
        and report.get(f"messages_{AFTER_SECONDS:.0f}_s_after", 0) == 0
        and report.get("seconds_until_on_again", 0.0) <= ON_AGAIN_SECONDS
    )


def main() -> int:
    """Play once; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.halts", description="All workers halt at once.")
    parser.add_argument("how", choices=("stopped", "ended", "killed"))
    how = parser.parse_args().how
    data_dir = Path(tempfile.mkdtemp(prefix="hookpost-halts-"))
    (port,) = free_ports(1)
    cluster = Cluster(data_dir)
    set_environment(cluster, receiver_port=port)
    try:
        cluster.start()
        prepare_django()
        report = play(cluster, how, port)
        print(json.dumps({"figure": f"workers_{how}", "broker": type(cluster.broker).__name__, **report}), flush=True)
        return 0 if is_good(report) else 1
    finally:
        print(cluster.logs() if sys.exc_info()[0] else "", file=sys.stderr)
        cluster.stop()
        shutil.rmtree(data_dir, ignore_errors=True)


def play(cluster: Cluster, how: str, port: int) -> dict[str, Any]:
    """Play in a cluster that runs."""
    delay = ANSWER_SECONDS if how == "killed" else 0.0
    cluster.child("receiver", "-m", "tests.faults.fast_receiver", str(port), str(delay))
    cluster.eventually(lambda: is_listening(port), seconds=10, what="the receiver")
    stage = Play(cluster, receiver_port=port)
    return stage.killed() if how == "killed" else stage.halted(end=how == "ended")


if __name__ == "__main__":
    sys.exit(main())
