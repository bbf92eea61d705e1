"""Workers for tests of pages: what a worker process does, in threads of the test.

What lives here: engines, and the steps of jobs. It must not know what a test looks at.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from django.db import connection

from deliveries.engine.loop import Engine
from deliveries.services import job_steps
from deliveries.services.resending import jobs

PAUSE_SECONDS = 0.2


@contextmanager
def a_worker(*, may_step: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Deliver what is due, and take the steps of jobs while they may, until the block ends."""
    stopping = threading.Event()
    engines = [Engine(wake=lambda lanes: None, slow=slow) for slow in (False, True)]
    threads = [threading.Thread(target=engine.run, args=(stopping,)) for engine in engines]
    threads.append(threading.Thread(target=step_jobs, args=(stopping, engines, may_step)))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for engine in engines:
            engine.notify([])
        for thread in threads:
            thread.join()


def step_jobs(stopping: threading.Event, engines: Sequence[Engine], may_step: Callable[[], bool]) -> None:
    """Queue parts of jobs and end them, as actors and dispatcher do."""
    while not stopping.wait(PAUSE_SECONDS):
        while not stopping.is_set() and may_step() and (step := job_steps.run_next_step()) is not None and step.more:
            pass
        jobs.tend_jobs()
        for engine in engines:
            engine.notify([])  # some lane may have work
    connection.close()
