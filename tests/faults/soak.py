"""`make soak`: all faults together while events are accepted, and a report of what was lost or sent twice.

What lives here: the play and its report. The broker is emptied every few seconds, workers and web servers are
killed by SIGKILL and started again, PostgreSQL is restarted, once in good order and once by SIGKILL. Exit code 1
when something accepted did not arrive, came twice more often than what was in flight at the kills, or came late.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.calling import Caller, Emitted
from tests.faults.cluster import Cluster, kill
from tests.ports import free_ports, is_listening

UNDONE = """
SELECT l.slow, l.crashes, l.fence, l.failures, l.lease_until - now() AS lease, l.rest_until - now() AS rest,
    count(q.delivery_id) AS due, min(q.due_at - now()) AS soonest
FROM hookpost_lane l JOIN hookpost_due_delivery q USING (endpoint_id) GROUP BY l.endpoint_id LIMIT 5
"""
UNSENT = """
SELECT d.state, d.attempts, d.error, d.id, q.due_at - now() AS due,
    (SELECT array_agg(concat_ws(' ', a.number, a.status_code, a.error, a.started_at::time) ORDER BY a.started_at)
     FROM hookpost_attempt a WHERE a.delivery_id = d.id) AS attempts_made
FROM hookpost_delivery d LEFT JOIN hookpost_due_delivery q ON q.delivery_id = d.id
WHERE d.state <> 'succeeded' LIMIT 5
"""
QUIET_SECONDS = 0.05
GIVE_UP_SECONDS = 240
CALLERS = 8


@dataclass(slots=True)
class Tally:
    """What was done, and what it may cost."""

    flushes: int = 0
    worker_kills: int = 0
    web_kills: int = 0
    restarts: int = 0
    in_flight_at_kills: int = 0
    last_fault: float = field(default_factory=time.monotonic)


class Soak:
    """One run over a cluster of its own."""

    def __init__(self, cluster: Cluster, options: argparse.Namespace, *, receiver_port: int) -> None:
        self.cluster = cluster
        self.options = options
        self.receiver = f"http://127.0.0.1:{receiver_port}"
        self.web_ports = free_ports(2)
        self.tally = Tally()
        self.faults: dict[Callable[[], None], float] = {
            self.flush: options.flush_seconds,
            self.kill_a_worker: options.kill_seconds,
            self.kill_a_web: options.web_seconds,
        }
        self.due: dict[Callable[[], None], float] = {}

    def run(self) -> dict[str, Any]:
        """Emit all events while everything is harmed, wait for the last delivery, and judge."""
        customers, key = self.prepare()
        for port in self.web_ports:
            self.start_web(port)
            self.cluster.eventually(lambda at=port: is_listening(at), seconds=30, what="the web server")
        for _ in range(self.options.workers):
            self.cluster.worker()
        started = time.monotonic()
        caller = Caller(*self.web_ports, key=key, threads=CALLERS)
        begun = caller.begin(customers, self.options.events)
        while not all(future.done() for future in begun):
            self.harm(sum(future.done() for future in begun) / len(begun))
            time.sleep(QUIET_SECONDS)
        emitted = caller.result(begun)
        accepted_after = time.monotonic() - started
        caller.close()
        done_after = self.await_the_last()
        return self.judge(emitted, accepted_seconds=accepted_after, last_seconds=done_after)

    def prepare(self) -> tuple[list[str], str]:
        """Create customers with endpoints at the receiver, and a key; returns the customers' ids and the key."""
        from deliveries.models import Customer
        from deliveries.services.endpoints import create_endpoint
        from deliveries.services.people.api_keys import create_api_key

        customers = []
        for number in range(self.options.endpoints):
            customer = Customer.objects.create(name=f"Customer {number}")
            create_endpoint(customer, {"url": f"{self.receiver}/{number}"}, actor="system")
            customers.append(customer.public_id)
        return customers, create_api_key("soak", ["events:write"], actor="system")[1]

    def harm(self, share: float) -> None:
        """Do what is due; `share` of the events are accepted.

        All by this thread: the kernel ends a process when the thread that started it ends.
        """
        for act, every_seconds in self.faults.items():
            if every_seconds and time.monotonic() >= self.due.setdefault(act, time.monotonic() + every_seconds):
                act()
                self.due[act] = time.monotonic() + every_seconds
                self.tally.last_fault = time.monotonic()
        if self.tally.restarts < self.options.restarts and share >= (self.tally.restarts + 1) / (
            self.options.restarts + 1
        ):
            self.restart_the_database()

    def flush(self) -> None:
        """Empty the broker."""
        self.cluster.broker.flush()
        self.tally.flushes += 1

    def kill_a_worker(self) -> None:
        """Kill the oldest worker, counting what all workers have in flight at this moment; start another one."""
        workers = [child for name, child in self.cluster.children.items() if name.startswith("worker")]
        for worker in workers:
            worker.send_signal(signal.SIGSTOP)
        self.tally.in_flight_at_kills = max(self.tally.in_flight_at_kills, self.in_flight())
        self.bury("worker")
        for worker in workers[1:]:
            worker.send_signal(signal.SIGCONT)
        self.cluster.worker()
        self.tally.worker_kills += 1

    def kill_a_web(self) -> None:
        """Kill one of the two web servers in turns and start it again; callers go to the other one meanwhile."""
        self.bury("web")
        self.start_web(self.web_ports[self.tally.web_kills % len(self.web_ports)])
        self.tally.web_kills += 1

    def start_web(self, port: int) -> None:
        """Start a web server, without waiting for it."""
        self.cluster.child("web", "manage.py", "web", "--port", str(port))

    def bury(self, kind: str) -> None:
        """Kill the oldest process of this kind."""
        name = next(name for name in self.cluster.children if name.startswith(kind))
        kill(self.cluster.children.pop(name))

    def restart_the_database(self) -> None:
        """Restart PostgreSQL, every second time by SIGKILL."""
        self.cluster.restart_database(crash=self.tally.restarts % 2 == 1)
        self.tally.restarts += 1
        self.tally.last_fault = time.monotonic()

    def in_flight(self) -> int:
        """How many requests came that the log does not know, once nothing moves: those of earlier kills, and now."""
        before = -1
        while before != (before := self.count()):
            time.sleep(QUIET_SECONDS)
        ((logged,),) = self.cluster.ask("SELECT count(*) FROM hookpost_attempt")
        return max(0, before - int(str(logged)))

    def count(self) -> int:
        """How many requests came."""
        return int(self.told("count"))

    def told(self, what: str) -> Any:
        """What the receiver counted."""
        with urllib.request.urlopen(f"{self.receiver}/{what}", timeout=30) as answer:
            return json.loads(answer.read())

    def await_the_last(self) -> float:
        """Wait until nothing is due; answers how long after the last fault that was."""
        give_up = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < give_up:
            if not self.cluster.ask("SELECT FROM hookpost_due_delivery LIMIT 1"):
                break
            time.sleep(QUIET_SECONDS)
        return time.monotonic() - self.tally.last_fault

    def judge(self, emitted: Emitted, *, accepted_seconds: float, last_seconds: float) -> dict[str, Any]:
        """Compare what was accepted, what is stored and what came."""
        came: Counter[str] = Counter(self.told("ids"))
        ((stored,),) = self.cluster.ask("SELECT count(*) FROM hookpost_event")
        ((failed,),) = self.cluster.ask("SELECT count(*) FROM hookpost_delivery WHERE state <> 'succeeded'")
        duplicates = sum(came.values()) - len(came)
        report = {
            "events_accepted": len(emitted.ids),
            "events_stored": stored,
            "lost": len(emitted.ids - set(came)),
            "not_succeeded": failed,
            "duplicates": duplicates,
            "in_flight_at_kills": self.tally.in_flight_at_kills,
            "broker_flushes": self.tally.flushes,
            "worker_kills": self.tally.worker_kills,
            "web_kills": self.tally.web_kills,
            "database_restarts": self.tally.restarts,
            "answers_other_than_202": dict(emitted.refusals),
            "seconds_of_accepting": round(accepted_seconds, 1),
            "seconds_from_last_fault_to_last_delivery": round(last_seconds, 1),
        }
        report["passed"] = (
            report["lost"] == failed == 0
            and stored == len(emitted.ids) == self.options.events
            and duplicates <= self.tally.in_flight_at_kills
            and last_seconds <= self.options.within_seconds
        )
        return report


def main() -> int:
    """Run as often as wanted; returns the exit code."""
    options = parse(sys.argv[1:])
    data_dir = Path(tempfile.mkdtemp(prefix="hookpost-soak-", dir=options.folder))
    (port,) = free_ports(1)
    cluster = Cluster(data_dir)
    set_environment(cluster, receiver_port=port)
    try:
        cluster.start()
        prepare_django()
        return max(play(cluster, options, port) for _ in range(options.rounds))
    finally:
        print(cluster.logs() if sys.exc_info()[0] else "", file=sys.stderr)
        cluster.stop()
        shutil.rmtree(data_dir, ignore_errors=True)


def play(cluster: Cluster, options: argparse.Namespace, port: int) -> int:
    """One round, from an empty cluster to a report."""
    from django.db import connections

    connections.close_all()  # the database was restarted in the round before
    cluster.end_children()
    cluster.empty()
    cluster.child("receiver", "-m", "tests.faults.fast_receiver", str(port))
    cluster.eventually(lambda: is_listening(port), seconds=10, what="the receiver")
    report = Soak(cluster, options, receiver_port=port).run()
    for name, value in report.items():
        print(f"{name.replace('_', ' '):<42} {value}")
    print(json.dumps({"figure": "soak", **report}), flush=True)
    if not report["passed"]:
        print(*cluster.ask(UNDONE), *cluster.ask(UNSENT), cluster.logs(), sep="\n", file=sys.stderr)
    return 0 if report["passed"] else 1


def set_environment(cluster: Cluster, *, receiver_port: int) -> None:
    """Tell this process and its children where everything is; the caller's settings of the engine stay."""
    os.environ |= {
        "HOOKPOST_ALLOW_TARGETS": f"127.0.0.1/32:{receiver_port}",
        "HOOKPOST_SECRET_KEY": "only for a soak, and long enough that nobody complains about it",
        "HOOKPOST_ENCRYPTION_KEYS": "s1:" + base64.b64encode(b"s" * 32).decode(),
    }
    os.environ |= {name: cluster.environment()[name] for name in ("HOOKPOST_DATA", "DATABASE_URL", "BROKER_URL")}


def prepare_django() -> None:
    """Set Django up in this process, on the cluster."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()


def parse(words: list[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="make soak", description="All faults together, and what came of it.")
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--endpoints", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--flush-seconds", type=float, default=2, help="how often the broker is emptied; 0: never")
    parser.add_argument("--kill-seconds", type=float, default=3, help="how often a worker is killed; 0: never")
    parser.add_argument("--web-seconds", type=float, default=10, help="how often a web server is killed; 0: never")
    parser.add_argument("--restarts", type=int, default=2, help="of PostgreSQL, every second one by SIGKILL")
    parser.add_argument("--within-seconds", type=float, default=60, help="from the last fault to the last delivery")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", default=None, help="where the data folder is made; the system's temporary one")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
