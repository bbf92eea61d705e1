"""The wheel: nothing at its top but `deliveries`, and docs/embedding.md leads a project of others to a delivery."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict
from standardwebhooks import Webhook

from tests.ports import free_ports
from tests.production.databases import CHECKOUT, Installation, empty_database
from tests.receiver import Receiver

BLOCKS = re.findall(r"```python\n(.*?)```", (CHECKOUT / "docs/embedding.md").read_text(), re.DOTALL)
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "config", "deliveries")
BUILD = "from setuptools.build_meta import build_wheel; print(build_wheel('dist'))"
PATIENCE_SECONDS = 180


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in BUILT_FROM:
        source = CHECKOUT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    done = subprocess.run([sys.executable, "-c", BUILD], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "dist" / done.stdout.splitlines()[-1]


@pytest.fixture
def project(wheel: Path, tmp_path: Path) -> Installation:
    """What `startproject config` makes, as cookiecutter's projects are laid out, with the wheel beside it."""
    with zipfile.ZipFile(wheel) as files:
        files.extractall(tmp_path / "installed")
    folder = tmp_path / "project"
    folder.mkdir()
    command = [sys.executable, "-m", "django", "startproject", "config", "."]
    subprocess.run(command, cwd=folder, env=Installation(settings={}).environment(), check=True)
    return Installation(settings={"PYTHONPATH": str(tmp_path / "installed")}, checkout=folder)


def add_to_settings(project: Installation, text: str) -> None:
    """Write at the end of the project's settings."""
    with (project.checkout / "config/settings.py").open("a") as file:
        file.write(f"\nimport os\n{text}")


def test_the_wheel_has_one_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"deliveries"}
    files = [each.relative_to(CHECKOUT) for each in (CHECKOUT / "deliveries").rglob("*") if each.is_file()]
    assert [each for each in files if "__pycache__" not in each.parts and str(each) not in names] == []


def test_a_project_that_only_names_the_app_is_told_what_is_missing(project: Installation) -> None:
    add_to_settings(project, 'INSTALLED_APPS += ["deliveries"]\nUSE_TZ = False\n')
    done = project.manage("check")
    assert done.returncode == 1
    assert sorted(re.findall(r"hookpost\.\w+", done.stderr)) == [
        *("hookpost.E011", "hookpost.E012", "hookpost.E013", "hookpost.E014"),
        *("hookpost.W013", "hookpost.W014"),
    ]
    assert "Traceback" not in done.stderr


# A project has views of its own, and says how those behave.
OF_THE_PROJECT = """
REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "nowhere.handle",
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": "1/day"},
}
SPECTACULAR_SETTINGS = {"TITLE": "The project", "OAS_VERSION": "3.0.3"}
"""
ROLLED_BACK = """
try:
    with transaction.atomic():
        deliveries.emit("acme", "invoice.paid", {"invoice": "never"})
        raise ValueError
except ValueError:
    print(secret)
"""


@pytest.fixture
def told(project: Installation, receiver_port: int) -> Iterator[Installation]:
    """The project with what the page says, and a database with tables."""
    settings, _, apps, urls = BLOCKS
    with empty_database(os.environ["DATABASE_URL"]) as url:
        parts = conninfo_to_dict(url)
        names = {"NAME": "dbname", "HOST": "host", "USER": "user", "PASSWORD": "password", "PORT": "port"}
        database = {"ENGINE": "django.db.backends.postgresql"} | {
            name: parts[part] for name, part in names.items() if parts.get(part)
        }
        ours = settings.replace("redis://localhost:6379/0", os.environ["BROKER_URL"])
        ours += f'HOOKPOST["ALLOW_TARGETS"] = ["127.0.0.1/32:{receiver_port}"]\n'
        add_to_settings(project, f"{ours}{apps}{OF_THE_PROJECT}\nDATABASES = {{'default': {database!r}}}\n")
        with (project.checkout / "config/urls.py").open("a") as file:
            file.write(f"\nfrom django.urls import include\n{urls}")
        environment = {"HOOKPOST_KEY": base64.b64encode(b"k" * 32).decode()}
        made = Installation(settings={**project.settings, **environment}, checkout=project.checkout)
        for words in (("check",), ("migrate", "-v0")):
            done = made.manage(*words)
            assert done.returncode == 0, done.stderr
        yield made


@pytest.fixture
def receiver_port() -> int:
    (port,) = free_ports(1)
    return port


def test_the_page_leads_a_project_to_its_first_delivery(told: Installation, receiver_port: int, tmp_path: Path) -> None:
    with Receiver(receiver_port) as receiver, told.process("worker", log=tmp_path / "worker.log"):
        typed = f"from django.db import transaction\n{BLOCKS[1]}{ROLLED_BACK}"
        done = told.manage("shell", "-c", typed.replace("https://receiver.example.com", receiver.url))
        assert done.returncode == 0, done.stderr
        (request,) = receiver.wait_for(1, timeout=PATIENCE_SECONDS)
    secret = done.stdout.split()[-1]
    headers = {name.lower(): value for name, value in request.headers}
    assert Webhook(secret).verify(request.body, headers)["data"] == {"invoice": "inv_1"}
    counted = told.manage("shell", "-c", "from deliveries.models import Event; print(Event.objects.count())")
    assert counted.stdout.split()[-1] == "1"


def test_the_api_works_below_any_path_and_obeys_no_settings_of_the_projects_views(
    told: Installation, tmp_path: Path
) -> None:
    key = told.manage("create_api_key", "ops").stdout.split()[-1]
    (port,) = free_ports(1)
    root = f"http://127.0.0.1:{port}/hooks"

    def ask(path: str, body: object = None) -> tuple[int, Mapping[str, str], Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
        request = urllib.request.Request(f"{root}{path}", data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, json.load(answer)
        except urllib.error.HTTPError as error:
            raw = error.read()
            assert raw.startswith(b"{"), (path, raw.decode()[:3000], log.read_text()[-3000:])
            return error.code, error.headers, json.loads(raw)

    log = tmp_path / "web.log"
    with told.process("runserver", "--noreload", f"127.0.0.1:{port}", log=log):
        wait_until_answered(f"{root}/healthz")
        assert ask("/api/v1/customers", {"uid": "acme", "name": "Acme"})[0] == 201
        assert ask("/api/v1/events", {"customer": "acme", "type": "a.b", "data": {}})[0] == 202
        status, headers, problem = ask("/api/v1/events", {"customer": "nobody", "type": "a.b", "data": {}})
        assert (status, headers["content-type"]) == (404, "application/problem+json")
        assert problem["type"].startswith("urn:hookpost:")
        moved = ask("/api/v1/import", {"format": "csv", "data": "customer,uid,url\nacme,main,https://93.184.216.34/"})
        assert moved[1]["location"] == f"{root}/api/v1/jobs/{moved[2]['id']}"
        document = ask("/api/v1/openapi.json")[2]
    assert (document["openapi"][:3], document["info"]["title"]) == ("3.1", "Hookpost")
    assert document["servers"] == [{"url": root}]
    assert "/api/v1/events" in document["paths"]


def wait_until_answered(url: str) -> None:
    """Wait for a server that starts."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=10).close()
        except OSError:
            assert time.monotonic() < give_up, f"{url} does not answer"
            time.sleep(0.1)
        else:
            return


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('HOOKPOST = {"COLOUR": "red"}', "HOOKPOST: there is no COLOUR"),
        ('HOOKPOST = {"BATCH_SIZE": 0}', "HOOKPOST_BATCH_SIZE: must be between"),
    ],
)
def test_a_wrong_setting_of_the_project_is_named(project: Installation, line: str, sentence: str) -> None:
    add_to_settings(project, f'INSTALLED_APPS += ["deliveries"]\n{line}\n')
    done = project.manage("check")
    assert done.returncode != 0
    assert sentence in done.stderr.splitlines()[-1]
