"""Two customers, one of them hostile: what the other one feels of it.

Run as `python -m tests.faults.hostile_tenant`: two minutes in which the other customer is alone, then ten in which the
hostile one does whatever it likes (hostile_deeds.py). Prints a JSON line for each figure, and a table with the targets.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.faults.cluster import LEAST_SECONDS, Cluster
from tests.faults.hostile_deeds import Orders
from tests.faults.soak import prepare_django, set_environment
from tests.ports import free_ports, is_listening

SETTLE_SECONDS = 30.0
JOB_EVERY_SECONDS = 5.0
JOB_WAIT_SECONDS = TIMEOUT_SECONDS = 240.0
CUSTOMER_SHARE = 20  # the default, which the suite turns off elsewhere
LATENCIES = """
SELECT extract(epoch FROM d.finished_at - d.created_at)::float8 * 1000 FROM hookpost_delivery d
WHERE d.customer_id = '{customer}' AND d.created_at >= '{since}' AND d.state = 'succeeded'
  AND NOT EXISTS (SELECT FROM hookpost_attempt a WHERE a.delivery_id = d.id AND a.actor <> '')
"""  # those redelivered, one in a hundred, would be the p99: `finished_at` tells of the last time
UNFINISHED = """
SELECT count(*) FROM hookpost_delivery
WHERE customer_id = '{customer}' AND created_at >= '{since}' AND state <> 'succeeded'
"""
SELF = sys.executable, "-m"
TWICE, AT_ONCE, NONE = ("ratio", 2), ("value", 1), ("value", 0)  # which of a figure's numbers is at most what
CSRF_TOKEN = "x" * 32  # a browser chooses it; cookie and header must agree
NOW = "SELECT now()::text"


@dataclass(slots=True)
class Felt:
    """What the other customer saw in one phase; times in milliseconds, of jobs in seconds."""

    accepts: list[float] = field(default_factory=list)
    deliveries: list[float] = field(default_factory=list)
    job_starts: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    undelivered: int = 0


class Play:
    """One cluster with two customers on it."""

    def __init__(self, cluster: Cluster, *, good_port: int, hang_port: int, rate: float, threads: int) -> None:
        self.cluster = cluster
        self.good_port, self.hang_port = good_port, hang_port
        self.rate, self.threads = rate, threads
        self.other = self.other_key = ""
        self.settle_seconds = SETTLE_SECONDS
        self.other_id: Any = None

    def prepare(self) -> Orders:
        """Make both customers, and start web, worker and receiver; returns what the hostile one needs."""
        from deliveries.models import Customer
        from deliveries.services.endpoints import create_endpoint
        from deliveries.services.people.api_keys import create_api_key
        from deliveries.services.people.members import add_member

        scopes = ["events:write", "deliveries:redeliver", "read", "manage"]
        url = f"http://127.0.0.1:{self.good_port}/"
        other, hostile = (Customer.objects.create(name=name, uid=name) for name in ("other", "hostile"))
        create_endpoint(other, {"url": url, "uid": "main"}, actor="system")
        self.other, self.other_id = other.public_id, other.id
        self.other_key = create_api_key("other", scopes, customer=other, actor="system")[1]
        key = create_api_key("hostile", scopes, customer=hostile, actor="system")[1]
        cookies = cookies_of(add_member(hostile, "mallory", actor="system").user)
        self.cluster.child("receiver", "-m", "tests.faults.fast_receiver", str(self.good_port))
        self.cluster.eventually(lambda: is_listening(self.good_port), seconds=10, what="the receiver")
        self.cluster.web(customer_share=CUSTOMER_SHARE)
        self.cluster.worker()
        self.cluster.eventually(self.is_answered, seconds=10, what="the web server's first answer")
        return Orders(
            port=self.cluster.port,
            key=key,
            customer=hostile.public_id,
            cookies=cookies,
            csrf_token=CSRF_TOKEN,
            hang_port=self.hang_port,
            good_port=self.good_port,
            threads=self.threads,
        )

    def is_answered(self) -> bool:
        """Whether the web server works."""
        with http_to(self.cluster.port) as connection:
            return self.call(connection, "GET", "/meta")[0] == "200"

    def feel(self, seconds: float) -> Felt:
        """Live the other customer's life for so long: events at a steady rate, and a bulk redelivery now and then."""
        felt, since = Felt(), str(self.cluster.ask(NOW)[0][0])
        jobs = threading.Thread(target=self.redeliver_now_and_then, args=(felt, seconds))
        jobs.start()
        began = time.monotonic()
        with http_to(self.cluster.port) as connection:
            for number in range(int(seconds * self.rate)):
                time.sleep(max(0.0, began + number / self.rate - time.monotonic()))
                self.emit(connection, felt, number)
        jobs.join()
        self.settle(felt, since)
        return felt

    def emit(self, connection: http.client.HTTPConnection, felt: Felt, number: int) -> str:
        """Post one event; returns its id."""
        event = {"customer": self.other, "type": "invoice.paid", "data": {"number": number}}
        started = time.monotonic()
        status, answer = self.call(connection, "POST", "/events", event)
        felt.accepts.append((time.monotonic() - started) * 1000)
        felt.answers[status] += 1
        return str(answer.get("id", ""))

    def redeliver_now_and_then(self, felt: Felt, seconds: float) -> None:
        """Send one event once more in bulk, and note how long the job waits for its first step."""
        until = time.monotonic() + seconds
        with http_to(self.cluster.port) as connection:
            while True:
                event = self.emit(connection, Felt(), 0)
                felt.job_starts.append(self.seconds_to_start(connection, event))
                if time.monotonic() + JOB_EVERY_SECONDS > until:
                    return
                time.sleep(JOB_EVERY_SECONDS)

    def seconds_to_start(self, connection: http.client.HTTPConnection, event: str) -> float:
        """Start a bulk redelivery and wait for its first step."""
        started = time.monotonic()
        _, job = self.call(connection, "POST", "/deliveries/redeliver", {"event": event})
        while job.get("started_at") is None and time.monotonic() - started < JOB_WAIT_SECONDS:
            time.sleep(0.02)
            _, job = self.call(connection, "GET", f"/jobs/{job['id']}") if "id" in job else ("", job)
        return time.monotonic() - started

    def settle(self, felt: Felt, since: str) -> None:
        """Wait until all of the phase is delivered, or for as long as the other customer would."""
        which = {"customer": self.other_id, "since": since}
        give_up = time.monotonic() + self.settle_seconds
        while (left := self.cluster.ask(UNFINISHED.format(**which))[0][0]) and time.monotonic() < give_up:
            time.sleep(0.2)
        felt.undelivered = int(str(left))
        felt.deliveries = [float(str(row[0])) for row in self.cluster.ask(LATENCIES.format(**which))]

    def call(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Any = None
    ) -> tuple[str, dict[str, Any]]:
        """Ask the API as the other customer; returns the status, or the error's name, and the answer."""
        headers = {"authorization": f"Bearer {self.other_key}", "content-type": "application/json"}
        try:
            connection.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return str(answer.status), json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            return type(error).__name__, {}

    @contextmanager
    def hostilities(self, orders: Orders) -> Iterator[Callable[[], Counter[str]]]:
        """The hostile customer at work; a call says what it was answered so far."""
        told = self.cluster.data_dir / "hostile.answers"
        with told.open("w") as lines:
            told_to = os.environ | {"HOSTILE_ORDERS": json.dumps(asdict(orders))}
            at_work = subprocess.Popen([*SELF, "tests.faults.hostile_deeds"], env=told_to, stdout=lines)
        try:
            yield lambda: last_of(told)
        finally:
            at_work.terminate()
            at_work.wait(LEAST_SECONDS)


def last_of(told: Path) -> Counter[str]:
    """The counts in the last line that is whole; none before there is one."""
    *_, last, _ = ["{}", *told.read_text().split("\n")]
    return Counter(json.loads(last))


def cookies_of(user: Any) -> str:
    """The cookies of a browser in which the member is logged in to the portal."""
    from config.site_cookies import PORTAL, csrf_cookie
    from tests.browsers import logged_in

    session = [f"{name}={morsel.value}" for name, morsel in logged_in(user).cookies.items()]
    return "; ".join([*session, f"{csrf_cookie(PORTAL)}={CSRF_TOKEN}"])


def http_to(port: int) -> closing[http.client.HTTPConnection]:
    """A connection to the web server that is closed in the end."""
    return closing(http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share lies; 0 of none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))] if ranked else 0.0


def figures(alone: Felt, beside: Felt, hostile: Counter[str]) -> Iterator[dict[str, Any]]:
    """Each figure with and without the hostile customer."""
    pairs = (
        ("other_accept_p50", "ms", percentile(alone.accepts, 0.5), percentile(beside.accepts, 0.5), None),
        ("other_accept_p95", "ms", percentile(alone.accepts, 0.95), percentile(beside.accepts, 0.95), TWICE),
        ("other_delivery_p50", "ms", percentile(alone.deliveries, 0.5), percentile(beside.deliveries, 0.5), None),
        ("other_delivery_p99", "ms", percentile(alone.deliveries, 0.99), percentile(beside.deliveries, 0.99), TWICE),
        ("other_redelivery_start_max", "s", max(alone.job_starts), max(beside.job_starts), AT_ONCE),
    )
    for name, unit, without, value, target in pairs:
        ratio = round(value / without, 2) if without else None
        told = {"figure": name, "value": round(value, 2), "unit": unit, "without": round(without, 2), "ratio": ratio}
        yield told | ({"target": target} if target else {})
    refused = {status: times for status, times in beside.answers.items() if status != "202"}
    told = {"figure": "other_not_accepted", "value": sum(refused.values()), "unit": "events", "target": NONE}
    yield told | {"answers": refused}
    yield {"figure": "other_undelivered", "value": beside.undelivered, "unit": "deliveries", "target": NONE}
    yield {"figure": "hostile_requests", "value": sum(hostile.values()), "unit": "requests", "answers": dict(hostile)}


def print_table(told: Sequence[dict[str, Any]]) -> None:
    """Print the figures for people."""
    table = Table(title="What one customer feels of a hostile one")
    for name in ("figure", "alone", "beside", "unit", "ratio", "target"):
        table.add_column(name, justify="left" if name in ("figure", "unit") else "right")
    for each in told:
        cells = (each["figure"], each.get("without", ""), each["value"], each["unit"], each.get("ratio", ""))
        table.add_row(*map(str, cells), verdict(each))
    Console(stderr=True).print(table)


def verdict(figure: dict[str, Any]) -> str:
    """The target, and whether it was reached; nothing for a figure without one."""
    if "target" not in figure:
        return ""
    which, bound = figure["target"]
    is_met = figure[which] is not None and figure[which] <= bound
    return f"[green]{which} <= {bound}" if is_met else f"[red]missed: {which} <= {bound}"


def main() -> int:
    """Play once and print the figures."""
    options = parse(sys.argv[1:])
    data_dir = Path(tempfile.mkdtemp(prefix="hookpost-hostile-", dir=options.folder))
    good_port, hang_port = free_ports(2)
    cluster = Cluster(data_dir)
    set_environment(cluster, receiver_port=good_port)
    os.environ["HOOKPOST_ALLOW_TARGETS"] += f",127.0.0.1/32:{hang_port}"
    try:
        cluster.start()
        prepare_django()
        play = Play(cluster, good_port=good_port, hang_port=hang_port, rate=options.rate, threads=options.threads)
        orders = replace(play.prepare(), deeds=tuple(options.deeds))
        play.feel(min(5.0, options.seconds))  # what runs for the first time is slow, and counts for nobody
        alone = play.feel(min(options.seconds_without, options.seconds))
        with play.hostilities(orders) as answers:
            beside = play.feel(options.seconds)
        told = list(figures(alone, beside, answers()))
        for figure in told:
            print(json.dumps(figure), flush=True)
        print_table(told)
        return 0
    finally:
        print(cluster.logs() if sys.exc_info()[0] else "", file=sys.stderr)
        cluster.stop()
        shutil.rmtree(data_dir, ignore_errors=True)


def parse(words: list[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="A hostile customer, and what the other one feels of it.")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seconds-without", type=float, default=120, help="how long it is alone before, at most")
    parser.add_argument("--rate", type=float, default=20, help="events a second of the other customer")
    parser.add_argument("--threads", type=int, default=12, help="of the hostile one")
    parser.add_argument("--deeds", nargs="*", default=[], help="only these, by their names in hostile_deeds.py")
    parser.add_argument("--folder", default=None, help="where the data folder is made; the system's temporary one")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
