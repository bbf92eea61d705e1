"""`manage.py up`: everything on one machine.

What lives here: the embedded services, migrations, the web server and the workers, kept running
until a signal. It must not know what they do.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import closing
from pathlib import Path

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from config.embedded import Services
from config.embedded.paths import absolute
from config.listening import port_number, refuse_taken_port
from config.supervisor import Child, stop_all
from deliveries.checks import refuse_to_start
from deliveries.conf import conf
from deliveries.management.signals import stop_signals

POLL_SECONDS = 0.2
STOP_SECONDS = 60
MIGRATION_LOCK = 4_665_736_201
MANAGE = Path(__file__).resolve().parents[3] / "manage.py"


class Command(BaseCommand):
    """Starts and supervises all parts."""

    help = "Run web server, workers and dispatcher and, without DATABASE_URL or BROKER_URL, PostgreSQL and Valkey."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=port_number, default=8000)

    def handle(self, *, host: str, port: int, **options: object) -> None:
        """Run until SIGTERM or SIGINT, then stop all in good order."""
        refuse_taken_port(host, port=port)
        with (
            stop_signals() as stop_wanted,
            Services(conf.data_dir, database=not conf.database_url, broker=not conf.broker_url) as services,
        ):
            migrate_alone()
            refuse_to_start()
            children = children_of(services, host=host, port=port)
            try:
                self.supervise(children, services, stop_wanted, url=f"http://{url_host(host)}:{port}")
            finally:
                stop_all(children, seconds=STOP_SECONDS)

    def supervise(self, children: list[Child], services: Services, stop_wanted: list[int], *, url: str) -> None:
        """Start what does not run, again and again; say once where to go."""
        announced = False
        while not stop_wanted:
            services.ensure()
            for child in children:
                child.tend(time.monotonic())
            if not announced and is_listening(url):
                announced = True
                self.stdout.write(f"Hookpost is up: API {url}/api/v1, staff {url}/admin/, customers {url}/portal/")
                self.stdout.write("Stop with Ctrl-C.")
                self.stdout.flush()
            time.sleep(POLL_SECONDS)


def children_of(services: Services, *, host: str, port: int) -> list[Child]:
    """The web server and the workers, told where the services are."""
    settled = {"DATABASE_URL_FILE", "BROKER_URL_FILE"}  # read already
    environment = {name: value for name, value in os.environ.items() if name not in settled} | {
        "HOOKPOST_DATA": str(absolute(conf.data_dir)),
        "DATABASE_URL": conf.database_url or services.database_url,
        "BROKER_URL": conf.broker_url or services.broker_url,
        "HOOKPOST_BASE_URL": os.environ.get("HOOKPOST_BASE_URL") or f"http://{url_host(host)}:{port}",
        "HOOKPOST_DRAIN_SECONDS": os.environ.get("HOOKPOST_DRAIN_SECONDS") or "0",  # nobody to wait for
    }
    manage = [sys.executable, str(MANAGE)]
    web = Child("web", [*manage, "web", "--host", host, "--port", str(port)], environment=environment)
    workers = [
        Child(f"worker-{number}", [*manage, "worker", *health_options(number)], environment=environment)
        for number in range(1, conf.worker_processes + 1)
    ]
    return [web, *workers]


def health_options(number: int) -> list[str]:
    """What tells a worker its own health port: the first has the setting's, each other the next."""
    if conf.health_address is None:
        return []
    host, port = conf.health_address
    return ["--health", f"{host}:{port + number - 1}"]


def migrate_alone() -> None:
    """Run the migrations, one process at a time.

    The lock is tried and not waited for: a statement that waits keeps a snapshot, for which an index
    that is built concurrently waits in turn.
    """
    with connection.cursor() as cursor:
        while not cursor.execute("select pg_try_advisory_lock(%s)", [MIGRATION_LOCK]).fetchone()[0]:
            time.sleep(POLL_SECONDS)
        try:
            call_command("migrate", interactive=False, verbosity=0)
        finally:
            cursor.execute("select pg_advisory_unlock(%s)", [MIGRATION_LOCK])
    connection.close()


def url_host(host: str) -> str:
    """The host as a browser on this machine would call it."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104


def is_listening(url: str) -> bool:
    """Whether the web server accepts connections."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    with closing(socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET)) as probe:
        probe.settimeout(POLL_SECONDS)
        return probe.connect_ex((host.strip("[]"), int(port))) == 0
