"""Dramatiq's workers inside one process: threads that deliver, and threads of their own for slow lanes.

What lives here: building, starting and stopping them. It must not know what an actor does.
"""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Collection

import dramatiq
from dramatiq import worker as dramatiq_worker

from deliveries import sql
from deliveries.conf import Conf
from deliveries.management.collector import spare_old_objects
from deliveries.management.large_pages import lay_together_soon

IDLE_WAKE_UP_MILLISECONDS = 500  # of a thread that looks whether it is to end; messages wake it at once
PREFETCHED_MESSAGES = 100  # few, as a message names many lanes and one that waits here cannot go to an idle worker
DESCRIPTORS = 65_536
JOB_THREADS = 2  # a customer has one step at a time, so one thread is left whatever a customer asks for
STOP_SECONDS = 40  # longer than any attempt's deadline

# After the broker's return all goes on within a second; Dramatiq's own values are 3 and 5 s.
dramatiq_worker.CONSUMER_RESTART_DELAY_SECS = 1
dramatiq_worker.POST_PROCESS_MESSAGE_RETRY_DELAY_SECS = 1


def prepare_process() -> None:
    """Make room for many connections, bound what a silent name server costs, and see to the memory's layout."""
    allow_descriptors()
    bound_look_ups()
    sql.prepare_all()
    spare_old_objects()
    lay_together_soon()


def bound_look_ups() -> None:
    """Let the C library give up a silent name server after seconds: a look-up's thread lives on until it does."""
    os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:2")


def allow_descriptors() -> None:
    """Let this process have as many connections as its hard limit gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def build_workers(broker: dramatiq.Broker, *, conf: Conf) -> list[dramatiq.Worker]:
    """One worker for lanes, one for lanes that time out, one for jobs, whose steps must not take the lanes' threads.

    Where whoever takes a hint heeds it, threads of its worker would only look whether they are to end: there are none.
    """
    heeded: Collection[str] = getattr(broker, "hints", ())
    wanted = {"deliveries": conf.turn_threads, "jobs": JOB_THREADS, "deliveries_slow": conf.slow_threads}
    return [
        build_worker(broker, queues={queue}, threads=0 if queue in heeded else threads)
        for queue, threads in wanted.items()
    ]


def build_worker(broker: dramatiq.Broker, *, queues: set[str], threads: int) -> dramatiq.Worker:
    """One worker, not started."""
    worker = dramatiq.Worker(broker, queues=queues, worker_timeout=IDLE_WAKE_UP_MILLISECONDS, worker_threads=threads)
    worker.queue_prefetch = PREFETCHED_MESSAGES
    return worker


def stop_workers(workers: list[dramatiq.Worker]) -> None:
    """Stop all at the same time; each finishes the turns in its hands."""
    threads = [threading.Thread(target=worker.stop, args=(STOP_SECONDS * 1000,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
