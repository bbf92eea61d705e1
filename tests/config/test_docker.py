"""The files for containers: what can be checked of them without an engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from deliveries.conf import Conf, load
from tests.receiver import Receiver

DOCKER = Path(__file__).resolve().parents[2] / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yml").read_text())
OURS = ["migrate", "web", "worker", "dispatcher"]
SETTINGS = {each.metadata["name"] for each in fields(Conf)}
OF_COMPOSE = {"POSTGRES_PASSWORD", "HOOKPOST_PORT"}


def example() -> dict[str, str]:
    """The variables of env.example."""
    lines = (DOCKER / "env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("service", OURS)
def test_each_process_is_a_command_that_exists(service: str) -> None:
    assert COMPOSE["services"][service]["command"][0] in get_commands()


@pytest.mark.parametrize("service", OURS)
def test_each_process_gets_only_settings_that_exist(service: str) -> None:
    assert set(COMPOSE["services"][service]["environment"]) <= SETTINGS


@pytest.mark.parametrize("service", OURS)
def test_no_process_may_write_or_rise(service: str) -> None:
    found = COMPOSE["services"][service]
    assert (found["read_only"], found["cap_drop"]) == (True, ["ALL"])


def test_the_example_names_only_variables_that_exist() -> None:
    assert set(example()) <= SETTINGS | OF_COMPOSE


def test_every_variable_that_compose_wants_is_in_the_example() -> None:
    wanted = re.findall(r"\$\{(\w+)", (DOCKER / "compose.yml").read_text())
    assert set(wanted) <= set(example())


def test_the_example_is_accepted_as_it_stands() -> None:
    assert load(example()).base_url == "http://127.0.0.1:8000"


def health_commands() -> dict[str, list[str]]:
    """How containers ask for their health, by service."""
    (words,) = re.findall(r"^HEALTHCHECK .*\\\n    CMD (\[.+\])$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    own = {name: COMPOSE["services"][name].get("healthcheck", {}).get("test") for name in ("worker", "dispatcher")}
    return {"web": json.loads(words)} | {name: test[1:] for name, test in own.items()}


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
@pytest.mark.parametrize("service", ["web", "worker", "dispatcher"])
def test_health_is_asked_without_the_proxy_of_the_environment(
    receiver: Receiver, service: str, status: int, code: int
) -> None:
    receiver.answer = lambda request: (status, {}, b"")
    _, option, script = health_commands()[service]
    here = re.sub(r"\b(8000|9101)\b", str(receiver.port), script)
    proxied = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    assert subprocess.run([sys.executable, option, here], env=proxied, check=False).returncode == code
    assert [request.path for request in receiver.requests] == ["/healthz"]


def test_the_image_opens_to_its_user_what_a_closed_checkout_brings() -> None:
    """Given a checkout that was made under umask 077, then its files are opened once all of them are copied."""
    steps = re.findall(r"^(COPY|RUN|USER) (.+)$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    opened = next(place for place, (_, words) in enumerate(steps) if words.startswith("chmod -R a+rX . "))
    brought = [place for place, (step, words) in enumerate(steps) if step == "COPY" and not words.startswith("--from=")]
    assert max(brought) < opened
    assert ("COPY", "--from=packages /srv/hookpost /srv/hookpost") in steps[opened:]


def test_the_image_takes_what_it_copies() -> None:
    allowed = re.findall(r"^!(.+)$", (DOCKER / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    assert {word for words in copied for word in words.split()} == set(allowed)
    assert all((DOCKER.parent / each).exists() for each in allowed)
