"""Whether workers keep what they took: memory and open files over many deliveries."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import psutil

from bench import filling
from bench.drain import WARM_UP, warm_up
from bench.report import Figure
from bench.stage import Stage

ENDPOINTS = 100
PART, FULL_PART = 20_000, 100_000
PARTS = 5
LOOK_SECONDS = 0.5


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield the growth of the workers' memory after the first fifth of the deliveries, and their open files."""
    part = FULL_PART if full else PART
    filling.wipe()
    pairs = filling.make_endpoints(ENDPOINTS, url=stage.nginx.url)
    endpoints, customers = [endpoint for _, endpoint in pairs], [customer for customer, _ in pairs]
    filling.rest_lanes()
    sizes, files = [], 0
    with stage.workers() as processes:
        warm_up(stage, endpoints, customers)
        for _ in range(PARTS):
            before = stage.nginx.count()
            filling.rest_lanes()
            filling.fill(customers, each=part // ENDPOINTS)
            filling.release(endpoints)
            filling.await_requests(stage, until=before + part)
            filling.await_empty_queue()
            sizes.append(sum(private_bytes(process) for process in processes))
            files = max(files, *(process.num_fds() for process in processes))
    assert filling.finished() == part * PARTS + WARM_UP
    yield Figure(
        name="worker_memory_growth",
        value=sizes[-1] / 1e6,
        unit="MB in both workers",
        ratio={"after_first_fifth": sizes[-1] / sizes[0]},
        targets={"after_first_fifth": "<= 1.1"},
        note=f"{part * PARTS} deliveries",
    )
    yield Figure(name="worker_open_files", value=files, unit="descriptors", targets={"value": "<= 2000"})


def private_bytes(process: psutil.Process) -> int:
    """Return the memory that is this process's own."""
    return int(process.memory_full_info().uss)


class Watched:
    """Inside, the memory of processes is looked at; `before` and `most` are bytes of each."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._processes, self._over = processes, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.before = self.most = [private_bytes(process) for process in processes]

    @property
    def grown(self) -> list[int]:
        """By how many bytes each grew."""
        return [most - before for before, most in zip(self.before, self.most, strict=True)]

    def told(self) -> str:
        """Say it for each process."""
        pairs = zip(self.before, self.most, strict=True)
        return ", ".join(f"{before / 1e6:.0f} MB before and {most / 1e6:.0f} at most" for before, most in pairs)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            now = [private_bytes(process) for process in self._processes]
            self.most = [max(pair) for pair in zip(self.most, now, strict=True)]
