"""The wheel: nothing at its top but `deliveries`, and docs/embedding.md leads a project of others to a delivery."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

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


def test_the_page_leads_a_project_to_its_first_delivery(project: Installation, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings, code = BLOCKS
    with empty_database(os.environ["DATABASE_URL"]) as url, Receiver(port) as receiver:
        parts = conninfo_to_dict(url)
        names = {"NAME": "dbname", "HOST": "host", "USER": "user", "PASSWORD": "password", "PORT": "port"}
        database = {"ENGINE": "django.db.backends.postgresql"} | {
            name: parts[part] for name, part in names.items() if parts.get(part)
        }
        ours = settings.replace("redis://localhost:6379/0", os.environ["BROKER_URL"])
        add_to_settings(project, f"{ours}\nDATABASES = {{'default': {database!r}}}\n")
        environment = {
            "HOOKPOST_KEY": base64.b64encode(b"k" * 32).decode(),
            "HOOKPOST_ALLOW_TARGETS": f"127.0.0.1/32:{port}",
        }
        told = Installation(settings={**project.settings, **environment}, checkout=project.checkout)
        for words in (("check",), ("migrate", "-v0")):
            done = told.manage(*words)
            assert done.returncode == 0, done.stderr
        with told.process("worker", log=tmp_path / "worker.log"):
            typed = f"from django.db import transaction\n{code}\nprint(secret)".replace(
                "https://receiver.example.com", receiver.url
            )
            done = told.manage("shell", "-c", typed)
            assert done.returncode == 0, done.stderr
            (request,) = receiver.wait_for(1, timeout=PATIENCE_SECONDS)
    headers = {name.lower(): value for name, value in request.headers}
    secret = done.stdout.split()[-1]
    assert Webhook(secret).verify(request.body, headers)["data"] == {"invoice": "inv_1"}
