"""The demo, run as the README says to, in a data folder of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from config.embedded.paths import absolute
from config.management.commands import demo
from deliveries.demo.receiver import Receiver
from deliveries.errors import CannotStart
from tests.settings import SETTINGS

CHECKOUT = Path(__file__).parents[2]
RUN_SECONDS = 600


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.socket() as listener:
        listener.bind((demo.HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def run_demo(data_dir: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """One run with nothing set but the data folder."""
    ours = ("HOOKPOST_", "DATABASE_URL", "BROKER_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [sys.executable, "manage.py", "demo", "--once", *more],
        cwd=CHECKOUT,
        env=environment | {"HOOKPOST_DATA": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )


def processes_naming(text: str) -> list[list[str]]:
    """The command lines and environments of processes that know this text."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        words = [*(process.info["cmdline"] or ()), *(process.info["environ"] or {}).values()]
        if any(text in word for word in words):
            found.append(process.info["cmdline"])
    return found


def test_the_demo_shows_a_verified_request_twice_in_a_row_and_leaves_no_process_behind(tmp_path: Path) -> None:
    """Given a month that the first run made up, then the second one finds its own deliveries among others."""
    for run, more in (("first", ["--full"]), ("second", [])):
        ended = run_demo(tmp_path, *more)
        assert ended.returncode == 0, f"{run} run: {ended.stdout}{ended.stderr}"
        assert "POST /hooks HTTP/1.1" in ended.stdout
        assert re.search(r"^webhook-id: evt_\w{26}$", ended.stdout, re.MULTILINE)
        assert re.search(r"^webhook-signature: v1,\S{44}$", ended.stdout, re.MULTILINE)
        assert "verified by the PyPI package standardwebhooks" in ended.stdout
        assert "3 requests came with the same webhook-id" in ended.stdout
        assert "/admin/" in ended.stdout
        assert "/portal/" in ended.stdout
        assert processes_naming(str(tmp_path)) == []


def test_a_taken_port_is_replaced_by_a_free_one_unless_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, taken_port: int
) -> None:
    monkeypatch.setattr(demo, "PORT", taken_port)
    console = Console(record=True, quiet=False)
    assert demo.chosen_port(console, None) != taken_port
    assert f"Port {taken_port} is taken" in console.export_text()
    with pytest.raises(CannotStart, match=str(taken_port)):
        demo.chosen_port(console, taken_port)


def test_the_demo_refuses_a_data_folder_that_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "database_url", "")
    monkeypatch.setattr(demo, "OTHERS_END_SECONDS", 0)
    with pytest.raises(CannotStart, match="HOOKPOST_DATA"), demo.alone(absolute(SETTINGS.data_dir)):
        pass


@pytest.mark.parametrize("url", ["", "postgresql://db/hookpost"])
def test_of_two_demos_that_start_at_once_one_has_the_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    """Given another one that has no PostgreSQL up yet, then neither ends the other's, nor takes its key away."""
    monkeypatch.setattr(SETTINGS, "database_url", url)
    monkeypatch.setattr(demo, "OTHERS_END_SECONDS", 0)
    with demo.alone(tmp_path / "var"), pytest.raises(CannotStart, match="HOOKPOST_DATA"), demo.alone(tmp_path / "var"):
        pass
    with demo.alone(tmp_path / "var"):
        pass


def test_only_the_demos_own_receiver_is_added_to_the_allow_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKPOST_ALLOW_TARGETS", "10.0.0.1/32:80")
    monkeypatch.setenv("HOOKPOST_EGRESS_PROXY", "http://proxy.example:3128")
    with Receiver() as receiver:
        environment = demo.environment(8000, receiver)
    assert environment["HOOKPOST_ALLOW_TARGETS"] == f"10.0.0.1/32:80,127.0.0.1/32:{receiver.server_port}"
    assert environment["HOOKPOST_EGRESS_PROXY"] == ""
