"""openapi-python-client, which comes with the development dependencies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clients.steps import CHECKOUT, HERE, do_the_whole_job, run_tool
from tests.receiver import Receiver

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)


def test_its_client_is_complete_and_does_the_whole_job(
    described: Path, live_server: LiveServer, key: str, receiver: Receiver
) -> None:
    folder = described.parent
    tool = Path(sys.executable).with_name("openapi-python-client")
    config = CHECKOUT / "clients/python/generator.yml"
    options = ["--output-path", folder / "client", "--meta", "none", "--fail-on-warning", "--config", config]
    run_tool([tool, "generate", "--path", described, *options], folder=folder)
    program = HERE / "jobs" / "openapi_python_client.py"
    command = [sys.executable, program, live_server.url, key, receiver.url]
    do_the_whole_job(command, receiver=receiver, generated=folder)
    assert receiver.requests
