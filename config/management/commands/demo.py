"""`manage.py demo`: everything started, one story told, and left running to look at.

What lives here: the processes around the story: `manage.py up` as a child, and a receiver. It must
not know the steps.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from rich.console import Console

from config.embedded import lock_file, paths, postgres, processes
from config.listening import port_number, refuse_taken_port
from config.management.commands.up import MANAGE, is_listening
from deliveries.conf import conf
from deliveries.demo import logins, screen, seed, story
from deliveries.demo.api import Api
from deliveries.demo.receiver import Receiver, receiving
from deliveries.errors import CannotStart
from deliveries.management.signals import STOPS

HOST = "127.0.0.1"
PORT = 8000
START_SECONDS = 120
STOP_SECONDS = 75  # longer than `up` gives its own children
OTHERS_END_SECONDS = 10


class Command(BaseCommand):
    """Shows a customer's first delivery, end to end."""

    help = "Start everything, send a signed event to a local receiver, show it arriving, stay up until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """How long to stay, and where to listen."""
        parser.add_argument("--once", action="store_true", help="End by itself after the story.")
        parser.add_argument("--full", action="store_true", help="Make up a month of four more customers to look at.")
        parser.add_argument("--port", type=port_number, help=f"Of the web server; {PORT}, or a free one.")

    def handle(self, *, once: bool, port: int | None, **options: object) -> None:
        """Tell the story; exit code 0 means that everything came as it should."""
        console = Console(highlight=False)
        for each in STOPS:
            signal.signal(each, signal.default_int_handler)  # both end as Ctrl-C does, and stop the children
        told = False
        try:
            with alone(paths.absolute(conf.data_dir)), receiving() as receiver:
                port = chosen_port(console, port)
                with running(console, port=port, receiver=receiver) as child:
                    base_url = f"http://{HOST}:{port}"
                    api = Api(base_url=base_url, key=logins.new_key())
                    story.tell(story.Stage(api=api, receiver=receiver, console=console))
                    told = True
                    if options["full"]:
                        fill_up(console, api, receiver)
                    tell_where(console, base_url, key=api.key)
                    if once:
                        screen.line(console, "\nStops now; `make up` starts it again with the same data.")
                    else:
                        stay(console, child)
        except KeyboardInterrupt:
            if not told:
                sys.exit(130)


def fill_up(console: Console, api: Api, receiver: Receiver) -> None:
    """Make up a month, once."""

    def register(uid: str, types: list[str]) -> str:
        fields = {"url": f"http://{HOST}:{receiver.server_port}/", "event_types": types}
        return str(api.expect(201, method="POST", path=f"/customers/{uid}/endpoints", fields=fields)["id"])

    screen.line(console, f"\nA month of four more customers was made up: {seed.fill(register):,} deliveries.")


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Keep others out of the data folder: another worker would not be allowed to reach our receiver."""
    with lock_file(data_dir, "demo.lock") as lock:
        if not processes.wait_until(lambda: is_free(data_dir, lock), seconds=OTHERS_END_SECONDS):
            raise CannotStart(
                f"something else runs in {data_dir}: stop that `up` or `demo`, or name another folder in HOOKPOST_DATA"
            )
        yield


def is_free(data_dir: Path, lock: IO[str]) -> bool:
    """Say whether no other `demo` has the folder, which is ours then, and no `up` has its PostgreSQL."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return bool(conf.database_url) or not postgres.answers(data_dir)


def chosen_port(console: Console, wanted: int | None) -> int:
    """The port asked for, else the usual one, else a free one."""
    try:
        refuse_taken_port(HOST, port=wanted or PORT)
    except CannotStart:
        if wanted:
            raise
        port = free_port()
        screen.line(console, f"Port {PORT} is taken; the web server takes {port}.", style="yellow")
        return port
    return wanted or PORT


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(console: Console, *, port: int, receiver: Receiver) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py up` as a child inside the block, allowed to reach the receiver and nothing else private."""
    data_dir = paths.absolute(conf.data_dir)
    log = data_dir / "demo.log"
    data_dir.mkdir(parents=True, exist_ok=True)
    command = [*processes.dies_with_parent(signal.SIGTERM), sys.executable, str(MANAGE), "up", "--port", str(port)]
    child = processes.spawn(command, folder=MANAGE.parent, log=log, environment=environment(port, receiver))
    try:
        with console.status("Starting PostgreSQL, Valkey, web server and worker …"):
            up = processes.wait_until(lambda: is_listening(f"http://{HOST}:{port}"), seconds=START_SECONDS, child=child)
        if not up:
            raise processes.failed("`manage.py up` did not start", log)
        screen.line(console, f"PostgreSQL, Valkey, web server and worker are up; what they say is in {shown(log)}.")
        yield child
    finally:
        connection.close()
        processes.stop(child, stop_signal=signal.SIGTERM, seconds=STOP_SECONDS)


def environment(port: int, receiver: Receiver) -> dict[str, str]:
    """The settings of the children: ours, plus the receiver on the allow-list."""
    targets = [os.environ.get("HOOKPOST_ALLOW_TARGETS", ""), f"{HOST}/32:{receiver.server_port}"]
    changed = {
        "HOOKPOST_ALLOW_TARGETS": ",".join(filter(None, targets)),
        "HOOKPOST_BASE_URL": f"http://{HOST}:{port}",
        "HOOKPOST_EGRESS_PROXY": "",
    }
    return {**os.environ, **changed}


def tell_where(console: Console, base_url: str, *, key: str) -> None:
    """Say where to look and how to get in."""
    screen.heading(console, "Look around")
    staff, member = logins.staff_login(), logins.member_login(story.CUSTOMER)
    screen.line(console, f"staff     {base_url}/admin/   {staff.username}   password {staff.password}")
    screen.line(console, f"customer  {base_url}/portal/  {member.username}  password {member.password}")
    screen.line(console, f"API       curl -H 'authorization: Bearer {key}' {base_url}/api/v1/deliveries")


def stay(console: Console, child: subprocess.Popen[bytes]) -> None:
    """Wait for Ctrl-C; an end of the child is a failure."""
    screen.line(console, "\nStays up until Ctrl-C.")
    child.wait()
    raise CannotStart(f"`manage.py up` ended with exit code {child.returncode}; see demo.log in the data folder")


def shown(path: Path) -> str:
    """A path as short as it can be written."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
