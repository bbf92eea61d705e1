"""Arguments of commands: what makes no sense is said in one line, before anything is started."""

from __future__ import annotations

import os
import socket
from argparse import ArgumentTypeError
from collections.abc import Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import DataError, OperationalError

import manage
from config import listening
from config.listening import host_address, port_number, refuse_taken_port
from config.management.commands import web
from deliveries import checks
from deliveries.errors import CannotStart, InvalidInput, LimitReached
from deliveries.management import workers
from deliveries.management.command import sentence_of
from manage import explain
from tests.own_time import give_own_time


@pytest.mark.parametrize("text", ["0", "-1", "65536", "99999", "x", "", "8000 ", "²"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not a port"):
        port_number(text)


@pytest.mark.parametrize("text", ["nosuch.invalid", "999.1.1.1", "a" * 70 + ".example", "::x"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not a host of this machine"):
        host_address(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("::1", "::1"), ("[::1]", "::1")],
)
def test_an_address_is_what_it_is(text: str, address: str) -> None:
    assert host_address(text) == address


def test_a_wrong_setting_of_djangos_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
    assert explain(ImproperlyConfigured("STATIC_ROOT is not set"), command="collectstatic") == "STATIC_ROOT is not set"


def test_who_stops_a_command_while_it_starts_is_told_so_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(argv: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
    monkeypatch.setattr(manage, "forget_other_databases", lambda: None)
    monkeypatch.setattr("django.core.management.execute_from_command_line", stopped)
    assert manage.main(["manage.py", "check"]) == 130
    assert capsys.readouterr().err == "error: stopped\n"


def test_a_name_becomes_an_address() -> None:
    assert host_address("localhost") in ("127.0.0.1", "::1")


@pytest.mark.parametrize(
    "command",
    [
        ("web", "--port", "99999"),
        ("web", "--host", "nosuch.invalid"),
        ("create_api_key", "x", "--days", "0"),
        ("create_api_key", "x", "--days", "-1"),
        ("create_api_key", "x", "--days", "99999999999"),
        ("worker", "--health", "nowhere"),
        ("consume",),
        ("consume", "--from", "redis://127.0.0.1", "--takeover-seconds", "nan"),
        ("consume", "--from", "redis://127.0.0.1", "--stream", ""),
        ("consume", "--from", "amqp://127.0.0.1", "--queue", "q" * 300),
        ("consume", "--from", "postgresql://127.0.0.1", "--table", "a..b"),
        ("consume", "--from", "redis://127.0.0.1", "--readers", "33"),
        ("rotate_keys", "--batch", "0"),
        ("rotate_keys", "--batch", "-5"),
        ("rotate_keys", "--batch", "9" * 5000),
        ("rotate_keys", "--forget-lost", "-1"),
        ("rotate_keys", "--check", "--forget-lost", "3"),
        ("move_customer", "acme", "--to", "b", "--log-days", "-1"),
        ("move_customer", "acme", "--to", "b", "--log-days", "99999999999"),
        ("move_customer", "acme", "--to", "b", "--dry-run", "--cancel"),
    ],
)
def test_a_command_refuses_what_makes_no_sense(command: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=r"Error: (argument|the following arguments are required:) --"):
        call_command(*command)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("env:NO_SUCH_VARIABLE", "the variable NO_SUCH_VARIABLE is not set"),
        ("http://127.0.0.1", "is a URL that starts with redis://"),
        ("redis://:hush@127.0.0.1:port/0", "cannot be read"),
        ("amqp://consumer:hush/y@127.0.0.1/shop", "cannot be read"),
        ("amqp://127.0.0.1/?heartbeat=often", "heartbeat is no option of this URL, or its value is none"),
        ("postgresql://consumer:hush@127.0.0.1/shop?nosuch=1", "nosuch is no option of this URL"),
    ],
)
def test_a_place_of_events_that_cannot_be_read_is_refused_before_anything_is_asked(url: str, said: str) -> None:
    with pytest.raises(CommandError, match=said) as refused:
        call_command("consume", "--from", url)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (LimitReached("it has 50 keys", limit="api_keys", figure=50, owner="cus_1"), "it has 50 keys", 1),
        (InvalidInput("is no URL", field="url"), "url: is no URL", 1),
        (CannotStart("the port is taken"), "the port is taken", 2),
        (OperationalError("connection refused"), "DATABASE_URL: the database cannot be used: connection refused", 2),
        (DataError("a mistake of ours"), "", 2),
    ],
)
def test_an_error_of_a_command_is_a_sentence_where_one_can_be_said(error: Exception, said: str, code: int) -> None:
    assert sentence_of(error) == (said, code)


@pytest.mark.django_db
@pytest.mark.parametrize("command", [("create_api_key", "x"), ("hold_deliveries", "--release"), ("release_imported",)])
@pytest.mark.parametrize("name", ["", "nobody"])
def test_a_customer_that_is_named_and_not_there_is_not_everybody(command: tuple[str, ...], name: str) -> None:
    with pytest.raises(CommandError, match=f"there is no customer {name}"):
        call_command(*command, "--customer", name)


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """A socket as the web server's: others that want so may listen at the same port."""
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as listening_socket:
        yield listening_socket


@pytest.mark.django_db
def test_a_second_web_server_on_a_port_ends_with_a_sentence(
    taken: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = taken.getsockname()[1]
    monkeypatch.setattr(web, "ENDING_SECONDS", 0.0)
    with pytest.raises(CannotStart, match=f"cannot listen on 127.0.0.1 port {port} "):
        call_command("web", "--port", str(port))


def test_a_port_whose_server_is_just_ending_is_waited_for(
    taken: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def end_the_other(seconds: float) -> None:
        waits.append(seconds)
        taken.close()

    give_own_time(monkeypatch, listening, sleep=end_the_other)
    refuse_taken_port("127.0.0.1", port=taken.getsockname()[1], wait_seconds=3600)
    assert len(waits) == 1


def test_a_web_process_gives_up_a_silent_name_server_after_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_further(*_: object, **__: object) -> None:
        raise CommandError("far enough")

    monkeypatch.setenv("RES_OPTIONS", "")
    monkeypatch.delenv("RES_OPTIONS")
    monkeypatch.setattr(checks, "refuse_to_start", lambda: None)
    monkeypatch.setattr(workers, "allow_descriptors", lambda: None)
    monkeypatch.setattr(web, "refuse_taken_port", no_further)
    with pytest.raises(CommandError, match="far enough"):
        web.Command().handle(host="127.0.0.1", port=8000)

    assert os.environ["RES_OPTIONS"] == "timeout:1 attempts:2"
