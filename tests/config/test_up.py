"""The commands, run as people run them: everything comes up, goes on after a murder, and goes down."""

from __future__ import annotations

import os
import signal
import socket
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from config.embedded import Services
from config.embedded.processes import wait_until
from config.management.commands import up as command
from config.supervisor import FIRST_DELAY_SECONDS, HEALTHY_SECONDS, Child, stop_all
from deliveries.management.signals import stop_signals
from tests.ports import free_ports

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 300  # ends what hangs, and nothing else
OURS = ("HOOKPOST_", "DATABASE_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE")


class Up:
    """`manage.py up` on a data folder and a port of its own."""

    def __init__(self, data_dir: Path, *, port: int) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        environment["HOOKPOST_DATA"] = str(data_dir)
        command = [sys.executable, "manage.py", "up", "--port", str(port)]
        self.port = port
        self.log = data_dir.with_suffix(".log")
        with self.log.open("wb") as out:
            self.process = psutil.Popen(command, cwd=CHECKOUT, env=environment, stdout=out, stderr=out)

    def child(self, word: str) -> psutil.Process | None:
        """The child with this word in its command line; one that is just dying has none."""
        with suppress(psutil.Error):
            return next((each for each in self.process.children() if word in each.cmdline()), None)
        return None

    def serves(self) -> bool:
        """Whether the staff site answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/admin/login/", timeout=60) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def eventually(self, what: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait for something, and show the log when it does not come."""
        assert wait_until(lambda: bool(what()), seconds=seconds), self.log.read_text()


@contextmanager
def everything(folder: Path) -> Iterator[Up]:
    """Everything, started; nothing is left of it afterwards."""
    up = Up(folder / "data", port=free_ports(1)[0])
    try:
        up.eventually(lambda: "Hookpost is up" in up.log.read_text())
        up.eventually(up.serves)
        yield up
    finally:
        with suppress(psutil.NoSuchProcess):
            up.process.terminate()
        for each in psutil.wait_procs([up.process], timeout=PATIENCE_SECONDS)[1]:
            each.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the data is, which outlives who uses it: the second start finds its tables."""
    return tmp_path_factory.mktemp("up")


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[Up]:
    """One for all tests that it survives, and for the one that ends it well."""
    with everything(folder) as up:
        yield up


@pytest.mark.parametrize("said", ["web_started", "worker_started"])
def test_a_process_says_that_it_has_started(up: Up, said: str) -> None:
    assert wait_until(lambda: said in up.log.read_text(), seconds=PATIENCE_SECONDS)


def test_a_killed_worker_is_started_again(up: Up) -> None:
    before = up.child("worker")
    assert before is not None
    before.kill()
    up.eventually(lambda: up.child("worker") not in (None, before))


def test_a_killed_web_server_is_started_again_with_its_children(up: Up) -> None:
    before = up.child("web")
    assert before is not None
    orphans = before.children()
    before.kill()
    up.eventually(lambda: up.child("web") not in (None, before) and up.serves())
    assert orphans
    assert not psutil.wait_procs(orphans, timeout=PATIENCE_SECONDS)[1]


def test_a_killed_database_is_started_again(up: Up) -> None:
    place = up.log.with_suffix("") / "postgres/data/postmaster.pid"

    def running() -> int | None:
        with suppress(OSError, IndexError, ValueError):  # there is no file, or none complete, while it starts
            return int(place.read_text().split()[0])
        return None

    pid = running()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    up.eventually(lambda: not psutil.pid_exists(pid))
    up.eventually(lambda: running() not in (None, pid))
    up.eventually(up.serves)


def test_all_goes_down_in_good_order(up: Up) -> None:
    family = up.process.children(recursive=True)
    up.process.terminate()
    assert up.process.wait(PATIENCE_SECONDS) == 0
    assert not psutil.wait_procs(family, timeout=PATIENCE_SECONDS)[1]


def test_nothing_lingers_when_the_supervisor_is_killed(folder: Path) -> None:
    """Given a data folder that was used before, when its supervisor is killed, then all that it started ends too."""
    with everything(folder) as up:
        family = up.process.children(recursive=True)
        up.process.kill()
        assert not psutil.wait_procs(family, timeout=PATIENCE_SECONDS)[1]


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        up = Up(tmp_path / "data", port=taken.getsockname()[1])
        assert up.process.wait(PATIENCE_SECONDS) == 2
    assert up.log.read_text().startswith("error: cannot listen on 127.0.0.1 port")
    assert not (tmp_path / "data/postgres").exists()


def test_a_child_that_keeps_dying_is_started_less_and_less_often() -> None:
    child = Child("dying", [sys.executable, "-c", "raise SystemExit(3)"], environment={})
    waits = []
    for _ in range(3):
        child.tend(now := child.due)
        assert child.process is not None
        child.process.wait()
        child.tend(now)
        waits.append(child.due - now)
    assert waits == [FIRST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2, FIRST_DELAY_SECONDS * 4]


def test_a_child_that_ran_long_is_started_again_soon() -> None:
    child = Child("old", [sys.executable, "-c", ""], environment={})
    child.delay = 16
    child.tend(0)
    assert child.process is not None
    child.process.wait()
    child.tend(HEALTHY_SECONDS + 1)
    assert child.due == HEALTHY_SECONDS + 1 + FIRST_DELAY_SECONDS


def test_a_child_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    deaf = "import pathlib, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    deaf += "; pathlib.Path(sys.argv[1]).touch(); signal.pause()"
    child = Child("deaf", [sys.executable, "-c", deaf, str(tmp_path / "is deaf")], environment={})
    child.tend(0)
    assert child.process is not None
    assert wait_until((tmp_path / "is deaf").exists, seconds=PATIENCE_SECONDS)
    stop_all([child], seconds=0.2)
    assert child.process.returncode == -signal.SIGKILL


def test_a_stop_is_noticed_once_and_then_acts_as_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_signals() as wanted:
        assert wanted == []
        signal.raise_signal(signal.SIGTERM)
        assert wanted == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is before


def test_each_worker_has_a_health_port_of_its_own_and_nobody_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a load balancer that nobody set up, then SIGTERM does not wait for one."""
    monkeypatch.delenv("HOOKPOST_DRAIN_SECONDS", raising=False)
    monkeypatch.setenv("BROKER_URL_FILE", "/run/secrets/broker_url")
    settings = replace(command.conf, worker_processes=2, health_address=("127.0.0.1", 9101))
    monkeypatch.setattr(command, "conf", settings)
    _, *workers = command.children_of(Services(Path("/nowhere")), host="127.0.0.1", port=8000)
    assert [worker.command[-2:] for worker in workers] == [["--health", f"127.0.0.1:{port}"] for port in (9101, 9102)]
    assert {worker.environment["HOOKPOST_DRAIN_SECONDS"] for worker in workers} == {"0"}
    assert not any("BROKER_URL_FILE" in worker.environment for worker in workers)
