"""Arguments of commands: what makes no sense is said in one line, before anything is started."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest
from django.core.management import CommandError, call_command

from config.listening import host_address, port_number


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
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("::1", "::1")],
)
def test_an_address_is_what_it_is(text: str, address: str) -> None:
    assert host_address(text) == address


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
    ],
)
def test_a_command_refuses_what_makes_no_sense(command: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="Error: argument --"):
        call_command(*command)
