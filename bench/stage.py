"""The stage: a private data folder, the embedded services with fsync on, and real processes of the product.

What lives here: starting, stopping and watching them. It must not know a figure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis

from bench.receivers import Nginx, await_port, free_port, nginx

CHECKOUT = Path(__file__).resolve().parents[1]
WORKER_PROCESSES = 2
STOP_SECONDS = 60
SERVICES = ("postgres", "valkey-server")
MONTH_DAYS = 30


@dataclass(slots=True, kw_only=True)
class Stage:
    """What runs during all measurements. `odd_ports` may be sent to; nobody listens there until asked."""

    folder: Path
    environment: Mapping[str, str]
    nginx: Nginx
    odd_ports: tuple[int, ...]

    @contextmanager
    def workers(
        self, *command: str, count: int = WORKER_PROCESSES, namespace: str = "hookpost", **settings: str
    ) -> Iterator[list[psutil.Process]]:
        """Run worker processes, ready to take messages; the product's unless a command is given."""
        words = command or ("manage.py", "worker")
        before = 0 if command else beating()
        children = [self.start(*words, name="worker", **settings) for _ in range(count)]
        try:
            ready = beating if not command else lambda: heartbeats(self.environment["BROKER_URL"], namespace)
            wait_until(lambda: ready() >= before + count or died(children), "the workers to start")
            yield [psutil.Process(child.pid) for child in children]
        finally:
            stop(children)

    @contextmanager
    def web(self, **settings: str) -> Iterator[str]:
        """Run the web server and yield its address."""
        port = free_port()
        child = self.start("manage.py", "web", "--port", str(port), name="web", **settings)
        try:
            await_port(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            stop([child])

    def processes(self, name: str) -> list[psutil.Process]:
        """Return the stage's own processes of this name: services, or commands of the product."""
        found = []
        for process in psutil.process_iter(["name", "cmdline"]):
            words = " ".join(process.info["cmdline"] or ())
            try:
                ours = (
                    process.cwd().startswith(str(self.folder))
                    if name in SERVICES
                    else process.environ().get("HOOKPOST_DATA") == str(self.folder)
                )
            except psutil.Error:
                continue
            if ours and (process.info["name"] == name or f"manage.py {name}" in words):
                found.append(process)
        return found

    def start(self, *words: str, name: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start a Python program of the checkout; what it says goes to a file in the data folder."""
        environment = {**os.environ, **self.environment, **settings}
        with (self.folder / f"{name}.log").open("ab") as out:
            command = [sys.executable, *words]
            return subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=out, stderr=out)


@contextmanager
def stage() -> Iterator[Stage]:
    """Build the stage, with Django set up in this process, and clear it away afterwards."""
    (CHECKOUT / "var").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=CHECKOUT / "var"))  # the disk of the default data folder
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        receiver = stack.enter_context(nginx(Path(tempfile.mkdtemp(prefix="bench-nginx-"))))
        stack.callback(shutil.rmtree, receiver.folder, ignore_errors=True)
        ports = tuple(free_port() for _ in range(4))
        environment = settings_for(folder, ports=(receiver.port, *ports))
        for name in [name for name in os.environ if name.startswith("HOOKPOST_")]:
            del os.environ[name]
        os.environ.update(environment)
        from config.embedded import Services

        services = stack.enter_context(Services(folder))
        environment |= {"DATABASE_URL": services.database_url, "BROKER_URL": services.broker_url}
        os.environ.update(environment)
        prepare_django()
        with telling_logs(folder):
            yield Stage(folder=folder, environment=environment, nginx=receiver, odd_ports=ports)


@contextmanager
def telling_logs(folder: Path) -> Iterator[None]:
    """Show the end of every log when a measurement fails: the folder is gone afterwards."""
    try:
        yield
    except BaseException:
        for log in sorted(folder.glob("*.log")):
            print(f"--- {log.name}", *log.read_text(errors="replace").splitlines()[-30:], sep="\n", file=sys.stderr)
        raise


def settings_for(folder: Path, *, ports: tuple[int, ...]) -> dict[str, str]:
    """Return the variables that all processes share: everything by default, but the targets."""
    return {
        "HOOKPOST_DATA": str(folder),
        "HOOKPOST_ALLOW_TARGETS": ",".join(f"127.0.0.0/8:{port}" for port in ports),
        "HOOKPOST_LOG_LEVEL": "WARNING",
        "HOOKPOST_DRAIN_SECONDS": "0",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


def prepare_django(*, migrate: bool = True) -> None:
    """Set Django up in this process and create the tables."""
    import django
    from django.core.management import call_command

    django.setup()
    if migrate:
        call_command("migrate", verbosity=0, interactive=False)
        open_month()


def open_month() -> None:
    """Open the partitions that an installation has after a month: planning pays for each."""
    from deliveries.services.housekeeping.retention import open_partitions

    open_partitions(days_back=MONTH_DAYS)


def beating() -> int:
    """Return how many workers of the product have said that they live."""
    from deliveries.models import Worker

    return Worker.objects.values("pid").distinct().count()


def heartbeats(url: str, namespace: str) -> int:
    """Return how many workers listen by Dramatiq's own broker."""
    return int(redis.Redis.from_url(url).zcard(f"{namespace}:__heartbeats__"))


def service_seconds(here: Stage, name: str) -> float:
    """Return user and system time of the stage's own processes of this name: services, or commands of the product."""
    total = 0.0
    for process in here.processes(name):
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:2])
    return total


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """Return user and system time of processes, their children included."""
    everyone = [each for process in processes for each in (process, *process.children(recursive=True))]
    return float(sum(sum(each.cpu_times()[:2]) for each in everyone))


def died(children: list[subprocess.Popen[bytes]]) -> bool:
    """Raise if a child has ended by itself."""
    if any(child.poll() is not None for child in children):
        raise RuntimeError("a process ended by itself; see its log")
    return False


def stop(children: list[subprocess.Popen[bytes]]) -> None:
    """Ask children to end, all at once, and wait; kill the one that does not."""
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_until(ready: object, what: str, *, seconds: float = 300.0, pause: float = 0.02) -> None:
    """Poll until ready; a measurement that never ends is an error."""
    assert callable(ready)
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"gave up waiting for {what}")
        time.sleep(pause)
