"""Processes among the settings: how many, how they share their time, how they end.

What lives here: its variables; conf.py has them with all others. It must not know Django.
"""

from __future__ import annotations

from dataclasses import dataclass

from deliveries.address_variables import place
from deliveries.trace_settings import TraceSettings
from deliveries.variables import between, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings(TraceSettings):
    """How many processes and threads there are, and how they work."""

    web_threads: int = setting("HOOKPOST_WEB_THREADS", "64", between(1, 256), "Threads of each web process.")
    web_processes: int = setting(
        "HOOKPOST_WEB_PROCESSES", "1", between(1, 64), "Web processes started by `manage.py up` or `manage.py web`."
    )
    drain_seconds: int = setting(
        "HOOKPOST_DRAIN_SECONDS",
        "5",
        between(0, 300),
        "How long a web process goes on after SIGTERM while `/readyz` says 503, so that a load balancer turns away first; `manage.py up` does not wait unless it is set.",
    )
    health_address: tuple[str, int] | None = setting(
        "HOOKPOST_HEALTH_ADDRESS",
        "",
        place,
        "Where a worker or dispatcher answers `/healthz`, `/readyz` and `/metrics`; empty is nowhere. `manage.py up` gives each worker the next port.",
    )
    customer_share: int = setting(
        "HOOKPOST_CUSTOMER_SHARE",
        "20",
        between(1, 100),
        "Percent of a web process's processor time that one customer's keys and members get while others want some; 100 ends the limit.",
    )
    worker_processes: int = setting(
        "HOOKPOST_WORKER_PROCESSES", "1", between(1, 64), "Worker processes started by `manage.py up`."
    )
    turn_threads: int = setting(
        "HOOKPOST_TURN_THREADS", "4", between(1, 256), "Threads of each worker that take messages of RabbitMQ."
    )
    slow_threads: int = setting("HOOKPOST_SLOW_THREADS", "2", between(1, 256), "The same for lanes that time out.")
    batch_size: int = setting(
        "HOOKPOST_BATCH_SIZE", "200", between(1, 2000), "Deliveries that a turn claims and records at once."
    )
    lease_seconds: int = setting(
        "HOOKPOST_LEASE_SECONDS",
        "20",
        between(2, 3600),
        "How long a worker has a lane without renewing its lease, which it does in good time; one that gives no sign of life for four seconds (longer where the database answers slowly) loses its lanes then.",
    )
