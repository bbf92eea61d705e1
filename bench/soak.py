"""A long run under load and faults: `python -m bench.soak --minutes 60 --rate 200 [--calm]`.

Each minute prints one JSON line: what was accepted, received and is due, memory and open files. Every half
minute one worker is killed and replaced and the broker emptied. Ends with 1 if an accepted event was lost.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from uuid import UUID

import psutil
import redis

from bench import filling
from bench.isolation import offer
from bench.memory import private_bytes
from bench.stage import WORKER_PROCESSES, Stage, stage, stop

ENDPOINTS = 100
PART_SECONDS = 30.0
END_SECONDS = 60.0


def main(words: list[str]) -> int:
    """Run for as long as asked, then compare what was accepted with what came."""
    parser = argparse.ArgumentParser(prog="make soak", description="A long run under load and faults.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, default=200, help="events a second")
    parser.add_argument("--calm", action="store_true", help="without faults")
    options = parser.parse_args(words)
    with stage() as here:
        accepted = soak(here, minutes=options.minutes, rate=options.rate, faults=not options.calm)
        lost, duplicates = compare(here, accepted)
    print(json.dumps({"accepted": len(accepted), "lost": lost, "duplicates": duplicates}))
    return 1 if lost else 0


def soak(here: Stage, *, minutes: float, rate: int, faults: bool) -> set[str]:
    """Offer events all the time and return the ids of those accepted."""
    pairs = filling.make_endpoints(ENDPOINTS, url=lambda number: here.nginx.url(number, path="timed"))
    customers = [customer for customer, _ in pairs]
    workers = [here.start("manage.py", "worker", name="worker") for _ in range(WORKER_PROCESSES)]
    accepted: set[str] = set()
    ends = time.monotonic() + minutes * 60
    try:
        while time.monotonic() < ends:
            accepted |= part(customers, rate=rate)
            print(json.dumps(state(here, workers, accepted=len(accepted))), flush=True)
            if faults:
                harm(here, workers)
        filling.await_empty_queue()
    finally:
        stop(workers)
    return accepted


def part(customers: list[UUID], *, rate: int) -> set[str]:
    """Offer events for half a minute."""
    return set(offer(customers, set(customers), rate=rate, seconds=PART_SECONDS))


def harm(here: Stage, workers: list[subprocess.Popen[bytes]]) -> None:
    """Kill the oldest worker, start another, and empty the broker."""
    workers[0].send_signal(signal.SIGKILL)
    workers.pop(0).wait()
    workers.append(here.start("manage.py", "worker", name="worker"))
    redis.Redis.from_url(here.environment["BROKER_URL"]).flushall()


def state(here: Stage, workers: list[subprocess.Popen[bytes]], *, accepted: int) -> dict[str, object]:
    """Return what a line of the report says."""
    processes = []
    for worker in workers:
        with suppress(psutil.NoSuchProcess):
            processes.append(psutil.Process(worker.pid))
    return {
        "accepted": accepted,
        "received": here.nginx.count(),
        "due": filling.due(),
        "worker_mb": [round(private_bytes(process) / 1e6) for process in processes],
        "worker_files": [process.num_fds() for process in processes],
    }


def compare(here: Stage, accepted: set[str]) -> tuple[int, int]:
    """Return how many accepted events never came, and how many came more than once."""
    give_up = time.monotonic() + END_SECONDS
    while True:
        came = [words[1] for line in here.nginx.arrivals.read_text().splitlines() if len(words := line.split()) == 2]
        lost = accepted - set(came)
        if not lost or time.monotonic() > give_up:
            return len(lost), len(came) - len(set(came))
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
