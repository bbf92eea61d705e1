"""The files for containers: what can be checked of them without an engine."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from deliveries.conf import Conf, load

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


def test_the_image_takes_what_it_copies() -> None:
    allowed = re.findall(r"^!(.+)$", (DOCKER / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    assert {word for words in copied for word in words.split()} == set(allowed)
    assert all((DOCKER.parent / each).exists() for each in allowed)
